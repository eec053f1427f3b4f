// One line of text in the list: read, marked where it is doubtful, and edited in its place.

import { copyOf, html } from "./elements.js";
import { hush, label, speak, translate } from "./messages.js";
import { textOf } from "./scan.js";
import { correct } from "./server.js";

// The characters of a line as nodes, in <mark> those whose confidence is below `least`; edited text is nobody's guess.
export function marked(line, least, text = textOf(line)) {
  const chars = line.chars ?? [];
  const known = line.now === undefined && chars.map((each) => each.char).join("") === line.text;
  if (!known || text !== line.text) return [text];
  const parts = [];
  for (const { char, confidence } of chars) {
    const doubtful = confidence < least && char.trim() !== "";
    const last = parts.at(-1);
    if (last && last.doubtful === doubtful) last.text += char;
    else parts.push({ doubtful, text: char });
  }
  return parts.map((part) => (part.doubtful ? html("mark", {}, part.text) : part.text));
}

export class Row {
  // `train(line, text)`: promises the server's answer, or null where no picture of the line is here to be sent.
  // `moved(row, step)`: called when Tab leaves the row for the one before (-1) or after it (1).
  field = null; // while it is edited

  constructor(line, least, train, moved) {
    this.line = line;
    this.least = least;
    this.train = train;
    this.moved = moved;
    this.element = copyOf("line");
    this.text = this.#find(".text");
    this.#find(".edit").addEventListener("click", () => this.edit());
    this.text.addEventListener("click", () => getSelection().isCollapsed && this.edit());
    translate(this.element);
    this.show();
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }

  show() {
    const text = textOf(this.line);
    delete this.text.dataset.say;
    if (text) this.text.replaceChildren(...marked(this.line, this.least));
    else speak(this.text, "no_line");
    this.text.classList.toggle("unread", !text);
    label(this.#find(".edit"), "edit", { text });
  }

  mark(least) {
    this.least = least;
    if (textOf(this.line)) this.text.replaceChildren(...marked(this.line, least));
  }

  edit() {
    if (this.field) return;
    const field = html("input", { maxlength: 400, autocomplete: "off", spellcheck: "false", class: "field" });
    label(field, "right_text");
    field.value = textOf(this.line);
    this.field = field;
    this.element.classList.add("editing");
    this.text.after(field);
    field.addEventListener("keydown", (event) => this.#pressed(event, field));
    field.addEventListener("blur", () => this.field && this.#close(field, true));
    field.focus();
  }

  #pressed(event, field) {
    if (event.isComposing) return; // Enter and Escape belong to the input method
    if (event.key === "Escape") this.#close(field, false);
    else if (event.key === "Enter") this.#close(field, true);
    else if (event.key === "Tab") {
      if (!this.#close(field, true, false)) event.preventDefault();
      else if (this.moved(this, event.shiftKey ? -1 : 1)) event.preventDefault();
      return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Whether the row is closed: an empty line stays open.
  #close(field, keep, focus = document.activeElement === field) {
    const text = field.value.trim();
    if (keep && !text && textOf(this.line)) {
      this.#tell("empty_line", "bad");
      field.setAttribute("aria-invalid", "true");
      return false;
    }
    if (!keep) this.#tell(null);
    const changed = keep && text !== textOf(this.line);
    if (changed) this.line.now = text;
    this.element.classList.remove("editing");
    this.field = null; // taking it away blurs it, which would close it once more
    field.remove();
    this.show();
    if (focus) this.#find(".edit").focus();
    if (changed) this.#save(text);
    return true;
  }

  async #save(text) {
    this.element.dispatchEvent(new CustomEvent("edited", { bubbles: true }));
    this.#tell("saving");
    try {
      const kept = await this.train(this.line, text);
      if (this.line.now !== text) return; // edited again meanwhile
      if (!kept) return this.#tell("changed_here");
      this.line.now = kept.text;
      if (!this.field) this.show();
      this.#tell("kept", "good");
    } catch (error) {
      this.#tell("not_kept", "bad", error);
    }
  }

  #tell(key, kind = "", error = null) {
    const outcome = this.#find(".outcome");
    outcome.className = `outcome ${kind}`;
    if (key) speak(outcome, key, {}, error);
    else hush(outcome);
  }
}

export const trainer = (scan, page) => async (line, text) => {
  const cut = await scan.cutOut(page, line.quad);
  return cut && correct(cut.file, { text: line.text, quad: cut.quad }, text);
};
