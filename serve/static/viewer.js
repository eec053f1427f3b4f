// The left half: the picture of a page, to be looked at closely, moved and turned.

import { byId, html } from "./elements.js";
import { label, speak } from "./messages.js";
import { sheet } from "./sheet.js";

const LARGEST = 12; // times the size that fits
const STEP = 1.4;
const MARGIN = 12; // pixels around the picture
const MOVED = 4; // pixels from which on a press is a pull
const KEYS = {
  "+": "zoom-in",
  "=": "zoom-in",
  "-": "zoom-out",
  0: "zoom-fit",
  PageUp: "previous-page",
  PageDown: "next-page",
};

function noPreview() {
  const note = html("p", { class: "note" });
  speak(note, "no_preview");
  return note;
}

export class Viewer extends EventTarget {
  // Tells "turn" (with `turned`), "page" (with `step`), "point" (with `line` or null) and "pick" (with `line`).
  #stage = byId("stage");
  #zoom = 1;
  #turned = 0;
  #sheet = null;
  #page = null;
  #scan = null;
  #marks = new Map();
  #coming = null; // its picture, or the promise of it
  #url = null; // of the picture of the page; undefined while it is on its way
  #drawn = undefined; // that of the picture that is drawn

  constructor() {
    super();
    const act = {
      "zoom-in": () => this.#zoomTo(this.#zoom * STEP),
      "zoom-out": () => this.#zoomTo(this.#zoom / STEP),
      "zoom-fit": () => this.#zoomTo(1),
      "turn-left": () => this.#turnTo(this.#turned + 270),
      "turn-right": () => this.#turnTo(this.#turned + 90),
      "previous-page": () => this.#tell("page", { step: -1 }),
      "next-page": () => this.#tell("page", { step: 1 }),
      "read-turned": () => this.#tell("turn", { turned: this.#turned }),
    };
    for (const [id, action] of Object.entries(act)) byId(id).addEventListener("click", action);
    this.#stage.addEventListener("keydown", (event) => {
      const key = KEYS[event.key];
      if (!key || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      byId(key).click();
    });
    this.#stage.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the wheel alone moves; a trackpad's pinch comes with ctrl
      event.preventDefault();
      this.#zoomTo(this.#zoom * Math.exp(-event.deltaY / 300), event);
    }, { passive: false });
    new ResizeObserver(() => this.#size()).observe(this.#stage);
    this.#pull();
  }

  // Shows a page, or what there is of its picture before it is read. Turn and zoom stay while the same page is shown.
  show(scan, page) {
    const other = scan !== this.#scan || page?.page !== this.#page?.page;
    const fresh = other || page !== this.#page;
    this.#scan = scan;
    this.#page = page;
    if (fresh) this.#turned = page?.turned ?? 0;
    if (other) this.#zoom = 1;
    this.#seek();
    if (fresh || this.#url !== this.#drawn) this.#draw();
    this.#describe();
  }

  // Finds the picture of the page; one that is on its way is drawn when it comes.
  #seek() {
    const [scan, page] = [this.#scan, this.#page];
    const picture = page ? scan.picture(page) : (scan.shown?.url ?? null);
    if (picture === this.#coming) return;
    this.#coming = picture;
    this.#url = picture instanceof Promise ? undefined : picture;
    if (this.#url !== undefined) return;
    picture.then((url) => {
      if (picture !== this.#coming) return;
      this.#url = url;
      this.#draw();
      this.#describe();
    });
  }

  // Lets go of what is shown.
  clear() {
    this.#scan = this.#page = this.#sheet = this.#coming = null;
    this.#drawn = undefined;
    this.#url = null;
    this.#marks.clear();
    this.#stage.replaceChildren();
  }

  // Shows changed text where a page is drawn from it.
  redraw() {
    if (this.#url === null) this.#draw();
  }

  #draw() {
    const url = (this.#drawn = this.#url);
    const { shown } = this.#scan;
    const blank = shown && { page: 1, width: shown.width, height: shown.height, lines: [], turned: 0 };
    const page = this.#page ?? blank;
    this.#marks.clear();
    this.#sheet = page?.width ? sheet(page, this.#turned, url, this.#marks) : null;
    this.#stage.replaceChildren(this.#sheet?.element ?? noPreview());
    for (const [line, polygon] of this.#marks) {
      polygon.addEventListener("pointerenter", () => this.#tell("point", { line }));
      polygon.addEventListener("pointerleave", () => this.#tell("point", { line: null }));
      polygon.addEventListener("click", () => this.#tell("pick", { line }));
    }
    this.#size();
  }

  #describe() {
    const [page, count] = [this.#page?.page ?? 1, this.#scan.count || 1];
    label(this.#stage, "picture_of", { page, name: this.#scan.name });
    byId("pager").hidden = count < 2;
    speak(byId("page-number"), "page_of", { page, pages: count });
    byId("previous-page").disabled = this.#scan.pages[0] === this.#page;
    byId("next-page").disabled = this.#scan.pages.at(-1) === this.#page;
    byId("no-picture").hidden = this.#url !== null || !this.#page?.lines.length;
    const found = this.#page?.turned ?? 0;
    byId("found-turned").hidden = !found || this.#turned !== found || this.#scan.turn !== "auto";
    speak(byId("found-turned"), "found_turned", { degrees: found });
    byId("read-turned").hidden = !this.#page || this.#turned === found || this.#scan.busy;
  }

  // Marks the boxes of lines, and brings the first into sight if asked to.
  mark(lines, seek = false) {
    for (const [line, polygon] of this.#marks) polygon.classList.toggle("shown", lines.includes(line));
    if (seek && this.#zoom > 1) this.#marks.get(lines[0])?.scrollIntoView({ block: "center", inline: "center" });
  }

  #turnTo(degrees) {
    this.#turned = degrees % 360;
    this.#draw();
    this.#describe();
  }

  #zoomTo(zoom, about = null) {
    const { left, top, width, height } = this.#stage.getBoundingClientRect();
    const [x, y] = about ? [about.clientX - left, about.clientY - top] : [width / 2, height / 2];
    const next = Math.min(LARGEST, Math.max(1, zoom));
    const scale = next / this.#zoom;
    const [across, down] = [(this.#stage.scrollLeft + x) * scale - x, (this.#stage.scrollTop + y) * scale - y];
    this.#zoom = next;
    this.#size();
    this.#stage.scrollTo(across, down);
  }

  #size() {
    if (!this.#sheet) return;
    const { element, width, height } = this.#sheet;
    // The whole stage, though bars for scrolling may take of it at the moment: there are none around what fits.
    const room = [this.#stage.offsetWidth - 2 * MARGIN, this.#stage.offsetHeight - 2 * MARGIN];
    const scale = Math.max(0.001, Math.min(room[0] / width, room[1] / height)) * this.#zoom;
    element.style.width = `${width * scale}px`;
    element.style.height = `${height * scale}px`;
    byId("zoom-out").disabled = this.#zoom <= 1;
    byId("zoom-in").disabled = this.#zoom >= LARGEST;
    this.#stage.classList.toggle("movable", this.#zoom > 1);
  }

  // Pulls the picture with the mouse; fingers scroll it as they scroll everything.
  #pull() {
    const stage = this.#stage;
    let from = null;
    let pulled = false;
    stage.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      pulled = false;
      const at = [event.clientX, event.clientY];
      from = { x: at[0] + stage.scrollLeft, y: at[1] + stage.scrollTop, at };
    });
    addEventListener("pointermove", (event) => {
      if (!from) return;
      pulled ||= Math.hypot(event.clientX - from.at[0], event.clientY - from.at[1]) > MOVED;
      if (pulled) stage.scrollTo(from.x - event.clientX, from.y - event.clientY);
    });
    addEventListener("pointerup", () => (from = null));
    stage.addEventListener("dragstart", (event) => event.preventDefault());
    stage.addEventListener("click", (event) => pulled && event.stopPropagation(), { capture: true });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
