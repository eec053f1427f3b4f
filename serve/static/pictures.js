// Pictures of pages that the browser cannot draw by itself: the server's. Those of a short document come with its text,
// those of a job are asked for one by one.

import { pictureOfJob } from "./server.js";

export const LARGE = 1600; // pixels of the longer side
const SMALL = 160;
const KEPT = 8; // large pictures of jobs, of some 250 kB each; small ones are all kept

const LASTING = new Set(["no_picture", "not_found"]); // errors that no second try mends

export class Pictures {
  #came = new Map(); // page number → URL, of those that came with the text
  #asked = new Map(); // "page/side" → promise of an object URL, or null where there is no picture
  #gone = false;

  keep(pages, urls = []) {
    pages.forEach(({ page }, at) => urls[at] && this.#came.set(page, urls[at]));
  }

  // The URL of the picture of page `number` where that is here, else a promise of it, or of null.
  of(number, job, large = true) {
    if (this.#came.has(number)) return this.#came.get(number);
    if (!job) return null;
    const key = `${number}/${large ? LARGE : SMALL}`;
    const asked = this.#asked.get(key) ?? this.#ask(key, job, number, large ? LARGE : SMALL);
    this.#asked.delete(key); // and now it is the newest
    this.#asked.set(key, asked);
    const others = [...this.#asked.keys()].filter((each) => each.endsWith(`/${LARGE}`));
    if (others.length > KEPT) this.#forget(others[0]);
    return asked;
  }

  async #ask(key, job, number, side) {
    try {
      const blob = await pictureOfJob(job, number, side);
      return this.#gone ? null : URL.createObjectURL(blob);
    } catch ({ code }) {
      if (!LASTING.has(code)) this.#asked.delete(key); // it may come another time
      return null;
    }
  }

  release() {
    this.#gone = true;
    for (const key of [...this.#asked.keys()]) this.#forget(key);
    this.#came.clear();
  }

  #forget(key) {
    this.#asked.get(key).then((url) => url && URL.revokeObjectURL(url));
    this.#asked.delete(key);
  }
}
