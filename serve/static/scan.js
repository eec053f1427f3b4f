// One document as it is handled on the page: its file, what is known of it so far, and its pages once they are read.

import { paragraphsOf, paragraphText } from "./paragraphs.js";
import { preview, release } from "./preview.js";
import { follow, forgetJob, readDocument, readPicture } from "./server.js";

// A line: {text, confidence, quad, vertical, chars, error} as the server gives it; `now` is what a person made of its text.
export const textOf = (line) => line.now ?? line.text ?? "";

export class Scan extends EventTarget {
  // States: waiting → sending → reading → done, failed or cancelled. "change" is told whenever anything is different.
  state = "waiting";
  sent = 0; // share of the file
  pages = [];
  count = 0; // of pages, as far as known
  error = null;
  paragraphs = null; // as paragraphsOf() gives them, once all is read
  #texts = null;
  #job = null;
  #stop = null;

  constructor(file, name) {
    super();
    this.file = file;
    this.name = name;
    this.shown = null;
    this.ready = preview(file).then((made) => {
      if (this.state === "gone") return release(made);
      this.shown = made;
      this.#change();
    });
  }

  get busy() {
    return ["waiting", "sending", "reading"].includes(this.state);
  }

  get job() {
    return this.#job;
  }

  get lines() {
    return this.pages.flatMap((page) => page.lines);
  }

  get edited() {
    return this.lines.some((line) => line.now !== undefined);
  }

  // Only the first page of a file that is a picture can be sent back with a correction.
  isTrainable(page) {
    return page.page === 1 && !page.from_text_layer && this.shown !== null;
  }

  text(joined = false) {
    return this.pages.map((page) => this.pageText(page, joined)).filter(Boolean).join("\n\n");
  }

  pageText(page, joined = false) {
    if (joined && this.paragraphs) return this.paragraphsOn(page).map(paragraphText).join("\n");
    return page.lines.map(textOf).filter(Boolean).join("\n");
  }

  paragraphsOn(page) {
    const own = new Set(page.lines);
    return this.paragraphs.filter((pieces) => own.has(pieces[0].line));
  }

  async read({ documents, ...options }) {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    Object.assign(this, { state: "sending", sent: 0, pages: [], count: 0, error: null, paragraphs: null });
    this.#change();
    const onSent = (share) => {
      this.sent = share;
      this.state = share < 1 ? "sending" : "reading";
      this.#change();
    };
    try {
      const send = documents ? readDocument : readPicture;
      let result = await send(this.file, options, { onSent, signal });
      if (result.job) {
        this.#job = result.job;
        this.count = result.count;
        this.state = "reading";
        this.#change();
        result = await follow(this.#job, (pages, _, count) => this.#take(pages, count), signal);
      }
      await this.ready;
      if (result.error) throw { code: "other", message: result.error };
      this.#take(result.pages.slice(this.pages.length), result.pages.length);
      this.#texts = result.paragraphs ?? null;
      if (this.#texts) this.paragraphs = paragraphsOf(this.lines, this.#texts);
      this.state = "done";
    } catch (error) {
      this.state = this.state === "gone" ? "gone" : error.code === "cancelled" ? "cancelled" : "failed";
      this.error = this.state === "failed" ? error : null;
    }
    this.#change();
  }

  cancel() {
    if (this.state === "waiting") this.state = "cancelled";
    this.#stop?.abort();
    this.#dropJob();
    this.#change();
  }

  forget() {
    this.state = "gone";
    this.#stop?.abort();
    this.#dropJob();
    release(this.shown);
    this.shown = null;
  }

  #dropJob() {
    if (this.#job) forgetJob(this.#job);
    this.#job = null;
  }

  #take(pages, count) {
    for (const page of pages) this.pages.push(this.#measured(page));
    this.count = Math.max(count, this.pages.length);
    if (this.state === "sending") this.state = "reading";
    this.#change();
  }

  // The size of a page, where the server did not tell it: that of the picture, or as far as its lines reach.
  #measured(page) {
    if (page.width) return page;
    const reach = (axis) => Math.max(1, ...page.lines.flatMap((line) => line.quad.map((point) => point[axis])));
    const { width, height } = this.shown ?? { width: reach(0), height: reach(1) };
    return { ...page, width, height };
  }

  #change() {
    this.dispatchEvent(new Event("change"));
  }
}
