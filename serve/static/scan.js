// One document as it is handled on the page: its file, what is known of it so far, and its pages once they are read.

import { paragraphsOf, paragraphText } from "./paragraphs.js";
import { LARGE, Pictures } from "./pictures.js";
import { cutOut, preview, release } from "./preview.js";
import { follow, forgetJob, readDocument } from "./server.js";

// A line: {text, confidence, quad, vertical, chars, error} as the server gives it; `now` is what a person made of it.
export const textOf = (line) => line.now ?? line.text ?? "";

// Of these the browser draws whatever there is.
const DRAWN_HERE = new Set(["image/png", "image/jpeg", "image/bmp"]);

export class Scan extends EventTarget {
  // States: waiting → sending → reading → done, failed or cancelled; gone. Tells "change" whenever anything does.
  state = "waiting";
  sent = 0; // share of the file
  pages = [];
  count = 0; // of pages, as far as known
  error = null;
  turn = "auto"; // degrees clockwise by which a person had it turned
  password = ""; // that opens it
  options = {}; // with which it was read last
  paragraphs = null; // as paragraphsOf() gives them, once all is read
  #job = null;
  #stop = null;
  #pictures = new Pictures();

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

  // What people made of it, as the server takes it.
  get edits() {
    return this.pages.flatMap(({ page, lines }) =>
      lines.flatMap(({ text: read, now: text }, line) => (text === undefined ? [] : [{ page, line, read, text }])));
  }

  // The URL of a page's picture where that is here, else a promise of it, or of null.
  picture(page, large = true) {
    if (page.page === 1 && this.shown) return large ? this.shown.url : this.shown.thumbnail;
    return page.error && !page.width ? null : this.#pictures.of(page.page, this.#job, large);
  }

  // What shows the line at `quad` of a page, for a correction: promises {file, quad}, or null if no picture is here.
  async cutOut(page, quad) {
    if (page.page === 1 && (this.shown || this.file.type === "image/tiff")) {
      // As sharp as it came: the server takes the first page of a file. Its pixels may be more than the page's.
      const { width, height } = this.shown ?? page;
      return { file: this.file, quad: quad.map(([x, y]) => [(x * width) / page.width, (y * height) / page.height]) };
    }
    const url = await this.picture(page);
    return url && cutOut(url, page.width, quad);
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

  async read(options) {
    this.#dropJob();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.options = this.password ? { ...options, password: this.password } : options;
    Object.assign(this, { state: "sending", sent: 0, pages: [], count: 0, error: null, paragraphs: null });
    this.#change();
    const onSent = (share) => {
      this.sent = share;
      this.state = share < 1 ? "sending" : "reading";
      this.#change();
    };
    try {
      const asked = DRAWN_HERE.has(this.file.type) ? this.options : { ...this.options, pictures: LARGE };
      let result = await readDocument(this.file, asked, { onSent, signal });
      if (result.job) {
        this.#job = result.job;
        this.count = result.count;
        this.state = "reading";
        this.#change();
        result = await follow(this.#job, (pages) => this.#take(pages), signal);
      }
      await this.ready;
      this.#pictures.keep(result.pages, result.pictures);
      this.#take(result.pages);
      this.paragraphs = paragraphsOf(this.lines, result.paragraphs);
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
    this.#pictures.release();
    this.#pictures = new Pictures();
  }

  #take(pages) {
    this.pages.push(...pages);
    this.count = Math.max(this.count, this.pages.length);
    this.#change();
  }

  #change() {
    this.dispatchEvent(new Event("change"));
  }
}
