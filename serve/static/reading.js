// The right half: the text of a page as lines, paragraphs or plain text.

import { byId, html } from "./elements.js";
import { hush, say, speak } from "./messages.js";
import { pieceText } from "./paragraphs.js";
import { marked, Row, trainer } from "./row.js";

const VIEWS = ["lines", "paragraphs", "text"];

export class Reading extends EventTarget {
  // Tells "point" (with `lines`) and "pick" (with `line`).
  #body = byId("body");
  #scan = null;
  #page = null;
  #drawn = ""; // the view that is shown
  #rows = [];
  #places = new Map(); // line → the element that shows it

  constructor() {
    super();
    const kept = localStorage.getItem("view");
    this.view = VIEWS.includes(kept) ? kept : "lines";
    for (const radio of byId("views").querySelectorAll("input")) {
      radio.checked = radio.value === this.view;
      radio.addEventListener("change", () => {
        this.view = radio.value;
        localStorage.setItem("view", this.view);
        this.draw();
      });
    }
    const slider = byId("doubt");
    slider.value = localStorage.getItem("doubt") ?? slider.value;
    slider.addEventListener("input", () => {
      localStorage.setItem("doubt", slider.value);
      this.#mark();
    });
    byId("language").addEventListener("change", () => this.#mark());
    this.#mark();
  }

  // Forgets what is shown.
  clear() {
    this.#scan = this.#page = null;
    this.#rows = [];
    this.#places.clear();
    this.#body.replaceChildren();
  }

  // Share of certainty below which a character is marked
  get least() {
    return Number(byId("doubt").value) / 100;
  }

  #mark() {
    const slider = byId("doubt");
    const percent = Number(slider.value);
    slider.setAttribute("aria-valuetext", say(percent ? "mark_value" : "mark_none", { percent }));
    if (this.#shownView() === "lines") this.#rows.forEach((row) => row.mark(this.least));
    else this.draw();
  }

  show(scan, page) {
    const same = scan === this.#scan && page === this.#page && page !== null;
    this.#scan = scan;
    this.#page = page;
    // A page is not drawn again under the cursor of somebody who edits it.
    if (same && (this.#shownView() === this.#drawn || this.#rows.some((row) => row.field))) this.#offer();
    else this.draw();
  }

  #shownView() {
    return this.view === "paragraphs" && !this.#scan?.paragraphs ? "lines" : this.view;
  }

  // Paragraphs are known when all of a document is read.
  #offer() {
    for (const each of byId("views").querySelectorAll("input")) each.checked = each.value === this.#drawn;
    byId("views").querySelector("[value=paragraphs]").disabled = !this.#scan.paragraphs;
  }

  draw() {
    if (!this.#scan) return;
    this.#rows = [];
    this.#places.clear();
    const view = (this.#drawn = this.#shownView());
    this.#offer();
    byId("marking").hidden = view === "text" || !this.#page?.lines.length;
    byId("edit-hint").hidden = view !== "lines" || !this.#page?.lines.length;
    this.#note();
    const draw = { lines: () => this.#asLines(), paragraphs: () => this.#asParagraphs(), text: () => this.#asText() };
    this.#body.replaceChildren(...(this.#page?.lines.length ? draw[view]() : []));
    for (const [line, element] of this.#places) {
      element.addEventListener("pointerenter", () => this.#tell("point", { lines: [line] }));
      element.addEventListener("pointerleave", () => this.#tell("point", { lines: [] }));
      element.addEventListener("focusin", () => this.#tell("pick", { line }));
    }
  }

  #note() {
    const note = byId("note");
    note.hidden = true;
    hush(note);
    byId("warnings").hidden = true;
    if (!this.#page) return;
    if (this.#page.error) speak(note, "page_failed", { reason: this.#page.error });
    else if (!this.#page.lines.length) speak(note, "no_text");
    note.hidden = !note.textContent;
    byId("warnings").textContent = (this.#page.warnings ?? []).join(" ");
    byId("warnings").hidden = !this.#page.warnings;
  }

  #asLines() {
    const list = html("ol", { class: "lines" });
    const train = trainer(this.#scan, this.#page);
    for (const line of this.#page.lines) {
      const row = new Row(line, this.least, train, (from, step) => this.#editBeside(from, step));
      this.#rows.push(row);
      this.#places.set(line, row.element);
      list.append(row.element);
    }
    return [list];
  }

  #editBeside(row, step) {
    const next = this.#rows[this.#rows.indexOf(row) + step];
    next?.edit();
    return Boolean(next);
  }

  #asParagraphs() {
    return this.#scan.paragraphsOn(this.#page).map((pieces) => {
      const paragraph = html("p", { class: "paragraph" });
      for (const piece of pieces) {
        const span = html("span", { class: "piece" }, ...marked(piece.line, this.least, pieceText(piece)));
        this.#places.set(piece.line, span);
        paragraph.append(piece.before, span);
      }
      return paragraph;
    });
  }

  #asText() {
    return [html("pre", { class: "plain" }, this.#scan.pageText(this.#page))];
  }

  mark(lines) {
    for (const [line, element] of this.#places) element.classList.toggle("shown", lines.includes(line));
  }

  // Brings a line into sight, and the keyboard to it.
  seek(line) {
    const element = this.#places.get(line);
    element?.scrollIntoView({ block: "nearest" });
    element?.querySelector(".edit")?.focus({ preventScroll: true });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
