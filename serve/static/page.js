// The page: puts its parts together, and reads the documents one after the other.

import { asJson, asText, copy, renamed, save } from "./download.js";
import { byId } from "./elements.js";
import { takeIn } from "./intake.js";
import { offerLanguages, speak } from "./messages.js";
import { Reading } from "./reading.js";
import { Scan } from "./scan.js";
import { inFormat } from "./server.js";
import { Shelf } from "./shelf.js";
import { Viewer } from "./viewer.js";

const AT_ONCE = 2; // documents for which the server is waited for at the same time
const MOST_BUSY = 6; // the same with those that it reads as jobs
const SAID_FOR = 2000; // milliseconds that a button says "Copied"

const scans = [];
let chosen = { scan: null, page: null };

offerLanguages(byId("language"));
const viewer = new Viewer();
const text = new Reading();
const shelf = new Shelf({ open: choose, cancel: (scan) => scan.cancel(), retry, remove });

function add(files, nameOf = (file) => file.name) {
  for (const file of files) {
    const scan = new Scan(file, nameOf(file));
    scans.push(scan);
    shelf.add(scan);
    scan.addEventListener("change", () => changed(scan));
  }
  if (files.length && !chosen.scan) choose(scans.at(-files.length));
  arrange();
  next();
}

const options = (scan) => ({
  decode: byId("context").checked ? "beam" : "greedy", // weighed by the language model, or not
  turn: scan.turn,
  paragraphs: true,
});

function next() {
  const busy = scans.filter((each) => each.busy && each.state !== "waiting");
  const scan = scans.find((each) => each.state === "waiting");
  // A long document does not hold up what comes behind it.
  if (!scan || busy.length >= MOST_BUSY || busy.filter((each) => !each.job).length >= AT_ONCE) return;
  scan.read(options(scan)).then(() => ended(scan));
  next();
}

function ended(scan) {
  if (scan.state === "done") tell("told_done", { name: scan.name, count: scan.lines.length });
  if (scan.state === "cancelled") tell("told_cancelled", { name: scan.name });
  if (scan.state !== "failed") return;
  tell("told_failed", { name: scan.name }, scan.error);
  // Whoever is busy elsewhere is left in peace.
  if (isLocked(scan) && scan === chosen.scan && document.activeElement === document.body) byId("password").focus();
  if (scan.error.code === "unauthorized") byId("key-form").hidden = false;
}

const isLocked = (scan) => ["password_needed", "password_wrong"].includes(scan.error?.code);

const tell = (key, values, error) => speak(byId("status"), key, values, error);

function changed(scan) {
  next();
  if (scan.state === "gone" || chosen.scan !== scan) return;
  if (!scan.pages.includes(chosen.page)) chosen.page = scan.pages[0] ?? null;
  show();
}

function choose(scan, page = null) {
  chosen = { scan, page: page ?? scan.pages[0] ?? null };
  show();
}

function show() {
  const { scan, page } = chosen;
  shelf.choose(scan, page);
  viewer.show(scan, page);
  text.show(scan, page);
  const some = scan.lines.length > 0;
  byId("copy").disabled = !some;
  byId("take").hidden = !some;
  // Nothing to see and nothing to read: what was wrong has the room for itself.
  byId("work").classList.toggle("empty", !page && !scan.shown && !scan.busy);
  byId("waiting").hidden = page !== null || !scan.busy;
  byId("failure").hidden = scan.state !== "failed" && scan.state !== "cancelled";
  byId("failure-name").textContent = scan.name;
  if (scan.error) speak(byId("failure-text"), "because", {}, scan.error);
  else speak(byId("failure-text"), "cancelled");
  byId("password-form").hidden = !isLocked(scan);
  byId("retry").hidden = isLocked(scan);
  for (const button of document.querySelectorAll("#take [data-server]")) button.hidden = scan.state !== "done";
  byId("take-all").hidden = scans.length < 2;
}

function arrange() {
  document.body.classList.toggle("working", scans.length > 0);
  byId("work").hidden = !scans.length;
  byId("list").hidden = !scans.length;
  byId("clear").hidden = scans.length < 2;
}

function retry(scan, turned) {
  if (scan.busy) return;
  if (turned !== undefined) scan.turn = turned;
  scan.state = "waiting";
  scan.dispatchEvent(new Event("change"));
  next();
}

function remove(scan) {
  const at = scans.indexOf(scan);
  scans.splice(at, 1);
  shelf.remove(scan);
  scan.forget();
  tell("told_removed", { name: scan.name });
  const beside = scans[Math.min(at, scans.length - 1)];
  if (chosen.scan === scan) chosen = { scan: null, page: null };
  if (beside) {
    choose(chosen.scan ?? beside, chosen.page);
    shelf.focus(beside);
  } else {
    viewer.clear();
    text.clear();
    byId("files").focus();
  }
  arrange();
  next();
}

function clear() {
  while (scans.length) remove(scans.at(-1));
}

function saying(button, key) {
  const before = button.dataset.say;
  speak(button, key);
  setTimeout(() => speak(button, before === "copied" ? "copy" : before), SAID_FOR);
}

async function take(format, button) {
  const all = button.dataset.scope === "all";
  const { scan } = chosen;
  const name = all ? `documents.${format}` : renamed(scan.name, format);
  const { say: before } = button.dataset;
  try {
    if (button.dataset.server === undefined) {
      const several = all ? scans : [scan];
      save(name, format === "json" ? asJson(several) : asText(several, text.view === "paragraphs"));
    } else {
      button.disabled = true;
      speak(button, "preparing");
      save(name, await inFormat(format, scan));
    }
    tell("saved_file", { file: name });
  } catch (error) {
    byId("take-error").hidden = false;
    speak(byId("take-error"), "not_made", { file: name }, error);
    return;
  } finally {
    button.disabled = false;
    speak(button, before);
  }
  byId("take-error").hidden = true;
  closeMenu();
}

function closeMenu() {
  const menu = byId("take");
  if (!menu.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
}

function mark(lines) {
  viewer.mark(lines);
  text.mark(lines);
}

function step(by) {
  const { scan, page } = chosen;
  const next = scan.pages[scan.pages.indexOf(page) + by];
  if (next) choose(scan, next);
}

takeIn(add);
viewer.addEventListener("point", ({ detail }) => mark(detail.line ? [detail.line] : []));
viewer.addEventListener("pick", ({ detail }) => text.seek(detail.line));
viewer.addEventListener("page", ({ detail }) => step(detail.step));
viewer.addEventListener("turn", ({ detail }) => retry(chosen.scan, detail.turned));
text.addEventListener("point", ({ detail }) => mark(detail.lines));
text.addEventListener("pick", ({ detail }) => {
  mark([detail.line]);
  viewer.mark([detail.line], true);
});
byId("body").addEventListener("edited", () => {
  viewer.redraw();
  show();
});
byId("retry").addEventListener("click", () => retry(chosen.scan));
byId("password-form").addEventListener("submit", (event) => {
  event.preventDefault();
  chosen.scan.password = byId("password").value;
  byId("password").value = "";
  retry(chosen.scan);
});
byId("clear").addEventListener("click", clear);
byId("copy").addEventListener("click", async () => {
  saying(byId("copy"), (await copy(chosen.scan.text(text.view === "paragraphs"))) ? "copied" : "not_copied");
});
for (const button of document.querySelectorAll("#take button")) {
  button.addEventListener("click", () => take(button.dataset.format, button));
}
addEventListener("click", (event) => {
  if (!byId("take").contains(event.target)) byId("take").open = false;
});
byId("take").addEventListener("keydown", (event) => event.key === "Escape" && closeMenu());

addEventListener("pagehide", (event) => event.persisted || scans.forEach((scan) => scan.forget()));

const context = byId("context");
context.checked &&= localStorage.getItem("context") !== "off";
context.addEventListener("change", () => localStorage.setItem("context", context.checked ? "on" : "off"));
byId("key-form").hidden = document.body.dataset.locked !== "true";
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", byId("key").value);
  byId("key-form").hidden = true;
  for (const scan of scans) if (scan.error?.code === "unauthorized") retry(scan);
});
