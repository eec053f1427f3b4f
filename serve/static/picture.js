// One picture on the page: its preview, the boxes of its lines, their texts and corrections.

import { say, speak, speakError, translate } from "./messages.js";
import { correct, read } from "./server.js";

// Chance that a character is right. Of 400 real lines 97 % were right above the first, 40 % below the second.
const SURE = 0.95;
const UNSURE = 0.8;
const SVG = "http://www.w3.org/2000/svg";
const BADGES = { sure: "text-bg-success", unsure: "text-bg-warning", doubtful: "text-bg-danger" };

const grade = (confidence) => (confidence >= SURE ? "sure" : confidence >= UNSURE ? "unsure" : "doubtful");
const copyOf = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

export class Picture {
  constructor(file, name, onFinished) {
    this.file = file;
    this.name = name;
    this.result = null;
    this.onFinished = onFinished;
    this.card = copyOf("picture");
    this.find(".name").textContent = name;
    const image = this.find("img");
    image.src = URL.createObjectURL(file);
    image.alt = name;
    // Some kinds (TIFF) are read by the server but not shown by browsers.
    image.addEventListener("error", () => this.find(".preview").remove());
    this.loaded = image.decode().catch(() => {});
    translate(this.card);
  }

  find(selector) {
    return this.card.querySelector(selector);
  }

  get text() {
    return this.result ? this.result.lines.map((line) => line.text).join("\n") : "";
  }

  async read(options) {
    speak(this.find(".message"), "reading");
    this.find("progress").removeAttribute("value");
    try {
      this.result = await read(this.file, options, (share) => this.sent(share));
      await this.show();
      this.onFinished("done", { name: this.name, lines: this.result.lines.length });
    } catch (error) {
      this.fail(error);
    } finally {
      this.card.classList.add("done");
    }
  }

  sent(share) {
    if (share < 1) this.find("progress").value = share;
    else this.find("progress").removeAttribute("value"); // sent; how long reading takes is not known
  }

  fail(error) {
    const message = this.find(".message");
    delete message.dataset.say;
    message.classList.add("text-danger");
    message.setAttribute("role", "alert");
    speakError(message, error);
    this.onFinished("failed", { name: this.name, reason: message.textContent }, error);
  }

  async show() {
    const { lines, pages, cached, elapsed_time_ms: ms } = this.result;
    speak(this.find(".time"), cached ? "time_cached" : "time", { ms: Math.round(ms) });
    this.find(".pages").hidden = pages === 1;
    speak(this.find(".pages"), "pages", { pages });
    if (!lines.length) return speak(this.find(".message"), "no_text");
    this.find(".message").remove();
    this.find(".copy").hidden = false;
    await this.loaded;
    const boxes = this.find(".boxes");
    const image = this.find("img");
    boxes?.setAttribute("viewBox", `0 0 ${image.naturalWidth} ${image.naturalHeight}`);
    for (const line of lines) this.addLine(line, boxes);
  }

  addLine(line, boxes) {
    const row = copyOf("line");
    const find = (selector) => row.querySelector(selector);
    const kind = grade(line.confidence);
    const percent = Math.round(line.confidence * 100);
    const badge = find(".confidence");
    badge.classList.add(BADGES[kind]);
    badge.textContent = `${percent}%`;
    badge.title = say("confidence", { percent, line: Math.round(line.line_confidence * 100) });
    find(".text").textContent = line.text;
    this.find(".lines").append(row);

    const box = document.createElementNS(SVG, "polygon");
    box.setAttribute("points", line.box.map((point) => point.join(",")).join(" "));
    box.setAttribute("class", kind);
    boxes?.append(box);
    const mark = (shown) => [row, box].forEach((element) => element.classList.toggle("shown", shown));
    for (const element of [row, box]) {
      element.addEventListener("pointerenter", () => mark(true));
      element.addEventListener("pointerleave", () => mark(false));
    }
    row.addEventListener("focusin", () => mark(true));
    row.addEventListener("focusout", () => mark(false));
    box.addEventListener("click", () => find(".correct").focus());
    this.addCorrection(line, find);
    translate(row);
  }

  addCorrection(line, find) {
    const [button, form, input, outcome] = [".correct", "form", "input", ".outcome"].map(find);
    button.dataset.values = JSON.stringify({ text: line.text });
    button.dataset.label = "correct_line";
    input.dataset.label = "right_text";
    const close = () => {
      form.hidden = true;
      button.focus();
    };
    button.addEventListener("click", () => {
      form.hidden = !form.hidden;
      input.value = line.text;
      if (!form.hidden) input.select();
    });
    find(".cancel").addEventListener("click", close);
    form.addEventListener("keydown", (event) => event.key === "Escape" && close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const kept = await correct(this.file, line, input.value);
        line.text = kept.text;
        find(".text").textContent = kept.text;
        delete outcome.dataset.error;
        speak(outcome, "thanks");
        close();
      } catch (error) {
        delete outcome.dataset.say;
        speakError(outcome, error);
      }
    });
  }

  forget() {
    URL.revokeObjectURL(this.find("img")?.src);
    this.card.remove();
  }
}
