// Talks to the server.

const TRIES = 4;
const LONGEST = 30; // seconds to wait for a busy server, whatever it asks for
const LOST = 20; // times in a row that a job is asked for in vain while the server starts again or the network is away
const SOON = 0.4; // seconds between two looks at a job, at first
const LATE = 2; // and later

// Errors that end by themselves
const PASSING = new Set(["network", "queue_full", "rate_limited", "not_ready", "draining"]);

export class ApiError extends Error {
  constructor(code, message = "") {
    super(message);
    this.code = code;
  }
}

const headers = () => {
  const key = sessionStorage.getItem("key");
  return key ? { "X-API-Key": key } : {};
};

const wait = (seconds, signal) =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new ApiError("cancelled"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", stop, { once: true });
  });

// fetch() tells nothing of how much has been sent; XMLHttpRequest does.
function post(path, form, kind, onSent, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new ApiError("cancelled"));
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open("POST", path);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.responseType = kind;
    request.upload.onprogress = (event) => event.lengthComputable && onSent(event.loaded / event.total);
    request.onload = () => resolve(request);
    request.onerror = () => reject(new ApiError("network"));
    request.onabort = () => reject(new ApiError("cancelled"));
    request.onloadend = () => signal?.removeEventListener("abort", stop);
    signal?.addEventListener("abort", stop);
    request.send(form);
  });
}

async function reason(status, body) {
  const text = body instanceof Blob ? await body.text() : "";
  let answer = body;
  try {
    if (text) answer = JSON.parse(text);
  } catch {
    answer = null; // a proxy's page, for example
  }
  const error = answer?.error;
  return new ApiError(error?.code ?? (status === 413 ? "too_many_bytes" : "other"), error?.message ?? `HTTP ${status}`);
}

async function send(path, fields, { kind = "json", onSent = () => {}, signal } = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (let attempt = 1; ; attempt++) {
    const reply = await post(path, form, kind, onSent, signal);
    if (reply.status < 300) return reply;
    const busy = reply.status === 429 || reply.status === 503;
    if (!busy || attempt === TRIES) throw await reason(reply.status, reply.response);
    await wait(Math.min(Number(reply.getResponseHeader("Retry-After") ?? 1), LONGEST), signal);
  }
}

async function get(path, { signal, kind = "json", ...request } = {}) {
  let reply;
  try {
    reply = await fetch(path, { ...request, headers: { ...headers(), ...request.headers }, signal });
  } catch {
    throw new ApiError(signal?.aborted ? "cancelled" : "network");
  }
  if (reply.ok) return reply[kind]();
  throw await reason(reply.status, await reply.blob());
}

// Asks until it is answered: a job outlives the server's restart.
async function insist(path, { signal, kind = "json", tries = LOST } = {}) {
  for (let lost = 1; ; lost++) {
    try {
      return await get(path, { signal, kind });
    } catch (error) {
      if (lost === tries || !PASSING.has(error.code)) throw error;
      await wait(LATE, signal);
    }
  }
}

const job = (id, rest = "") => `/api/v1/jobs/${encodeURIComponent(id)}${rest}`;

// {pages, paragraphs} of a document, or {job, count} where it is so long that the server reads it by and by.
export async function readDocument(file, options, watch) {
  const { response } = await send("/api/v1/documents", { file, ...options }, watch);
  return response.status === "accepted" ? { job: response.id, count: response.pages } : response;
}

// Gives `onPages` the pages of a job as they are read, until all are. What it ends with has no pages, but paragraphs.
export async function follow(id, onPages, signal) {
  let after = 0;
  for (let seconds = SOON; ; seconds = Math.min(seconds * 1.2, LATE)) {
    const { status, error, pages } = await insist(job(id, `/pages?after=${after}`), { signal });
    if (pages.length) {
      after = pages.at(-1).page;
      onPages(pages);
      seconds = SOON;
    } else if (status === "done") {
      const { paragraphs } = await insist(job(id, "/result?format=json&chars=false"), { signal });
      return { paragraphs, pages: [] };
    }
    if (status === "failed") throw new ApiError("other", error);
    await wait(seconds, signal);
  }
}

export const pictureOfJob = (id, page, side) =>
  insist(job(id, `/pages/${page}/picture?side=${side}`), { kind: "blob", tries: TRIES });

// A job's results are of no use to anybody once its document has left the page.
export const forgetJob = (id) =>
  fetch(job(id), { method: "DELETE", headers: headers(), keepalive: true }).catch(() => {});

// A document as a file of the given format, with what people made of it: a Blob.
export async function inFormat(format, { file, job: id, options, edits }) {
  if (!id) {
    const fields = { file, ...options, edits: JSON.stringify(edits) };
    return (await send(`/api/v1/documents?format=${format}`, fields, { kind: "blob" })).response;
  }
  const body = JSON.stringify({ edits });
  const changed = { method: "POST", headers: { "Content-Type": "application/json" }, body };
  return get(job(id, `/result?format=${format}`), { kind: "blob", ...(edits.length ? changed : {}) });
}

export async function correct(file, line, text) {
  const fields = { image: file, text, read_text: line.text, box: JSON.stringify(line.quad) };
  return (await send("/api/v1/corrections", fields)).response;
}
