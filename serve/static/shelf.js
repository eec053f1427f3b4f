// The list of documents: how far each is, its pages, and what can be done with it.

import { byId, copyOf, html } from "./elements.js";
import { label, speak, translate } from "./messages.js";
import { thumbnail } from "./sheet.js";

// Puts the small picture of a page in an outline's place, once it is here.
async function picture(outline, scan, page) {
  const src = await scan.picture(page, false);
  if (src) outline.replaceWith(thumbnail(page, src));
}

// Calls `then` when somebody can see the element: a document may have hundreds of pages.
const waiting = new WeakMap();
const sight = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    sight.unobserve(target);
    waiting.get(target)();
  }
});

function whenSeen(element, then) {
  waiting.set(element, then);
  sight.observe(element);
}

export class Card {
  #first = null; // what the small picture shows: the browser's picture, or the first page

  // `act`: what the buttons do: {open(scan, page), cancel(scan), retry(scan), remove(scan)}
  constructor(scan, act) {
    this.scan = scan;
    this.act = act;
    this.element = copyOf("document");
    this.#find(".name").textContent = this.#find(".open").title = scan.name;
    for (const name of ["cancel", "retry", "remove"]) {
      this.#find(`.${name}`).addEventListener("click", () => act[name](scan));
    }
    this.#find(".open").addEventListener("click", () => act.open(scan, null));
    const name = scan.name;
    label(this.#find("progress"), "progress", { name });
    label(this.#find(".cancel"), "cancel_reading", { name });
    label(this.#find(".remove"), "remove", { name });
    label(this.#find(".pages"), "pages_of", { name });
    translate(this.element);
    this.update();
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }

  update() {
    const { scan } = this;
    this.element.dataset.state = scan.state;
    this.#find(".cancel").hidden = !scan.busy;
    this.#find(".remove").hidden = scan.busy;
    this.#find(".retry").hidden = !["failed", "cancelled"].includes(scan.state);
    this.#state();
    this.#progress();
    this.#thumbnail();
    this.#pages();
  }

  #state() {
    const { scan } = this;
    const state = this.#find(".state");
    if (scan.state === "reading" && scan.count > 1) {
      speak(state, "reading_page", { page: Math.min(scan.pages.length + 1, scan.count), pages: scan.count });
    } else if (scan.state === "done") {
      const several = scan.pages.length > 1;
      speak(state, several ? "done_pages" : "done", { count: several ? scan.pages.length : scan.lines.length });
    } else speak(state, scan.state);
    this.#find(".why").hidden = scan.state !== "failed";
    if (scan.error) speak(this.#find(".why"), "because", {}, scan.error);
  }

  #progress() {
    const { scan } = this;
    const bar = this.#find("progress");
    bar.hidden = !["sending", "reading"].includes(scan.state);
    if (scan.state === "sending") bar.value = scan.sent;
    else if (scan.count > 1) bar.value = scan.pages.length / scan.count;
    else bar.removeAttribute("value"); // sent; how long one page takes is not known
  }

  #thumbnail() {
    const { shown, pages } = this.scan;
    const first = shown ?? pages[0];
    if (!first || first === this.#first) return;
    this.#first = first;
    const place = this.#find(".thumb");
    place.replaceChildren(shown ? html("img", { src: shown.thumbnail, alt: "" }) : thumbnail(first));
    if (!shown) picture(place.firstChild, this.scan, first);
  }

  // A button for each page of a document that has several
  #pages() {
    const list = this.#find(".pages");
    const { pages, count } = this.scan;
    list.hidden = count < 2;
    if (list.hidden || list.children.length > pages.length) list.replaceChildren();
    if (list.hidden) return;
    for (const page of pages.slice(list.children.length)) {
      const outline = thumbnail(page);
      const number = html("span", { "aria-hidden": "true" }, String(page.page));
      const button = html("button", { type: "button", class: "leaf" }, outline, number);
      label(button, "open_page", { page: page.page });
      button.addEventListener("click", () => this.act.open(this.scan, page));
      list.append(html("li", {}, button));
      whenSeen(outline, () => picture(outline, this.scan, page));
    }
  }

  // Whether it is the one that is shown, and which of its pages.
  choose(page) {
    const chosen = page !== undefined;
    this.element.classList.toggle("chosen", chosen);
    const open = this.#find(".open");
    if (chosen && !open.hasAttribute("aria-current")) {
      this.element.scrollIntoView({ block: "nearest", inline: "nearest" }); // on a phone they stand in a strip
    }
    if (chosen) open.setAttribute("aria-current", "true");
    else open.removeAttribute("aria-current");
    [...this.#find(".pages").querySelectorAll(".leaf")].forEach((leaf, at) => {
      const current = chosen && this.scan.pages[at] === page;
      if (current === leaf.hasAttribute("aria-current")) return;
      if (current) {
        leaf.setAttribute("aria-current", "page");
        leaf.scrollIntoView({ block: "nearest", inline: "nearest" });
      } else leaf.removeAttribute("aria-current");
    });
  }

  focus() {
    this.#find(".open").focus();
  }
}

export class Shelf {
  #cards = new Map();
  #list = byId("documents");

  constructor(act) {
    this.act = act;
  }

  add(scan) {
    const card = new Card(scan, this.act);
    this.#cards.set(scan, card);
    this.#list.append(card.element);
    scan.addEventListener("change", () => card.update());
  }

  remove(scan) {
    this.#cards.get(scan).element.remove();
    this.#cards.delete(scan);
  }

  choose(scan, page) {
    for (const [each, card] of this.#cards) card.choose(each === scan ? page : undefined);
  }

  focus(scan) {
    this.#cards.get(scan)?.focus();
  }
}
