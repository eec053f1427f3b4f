// Talks to the server. Knows nothing of the page.

const TRIES = 4;

export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }

  toJSON() {
    return { code: this.code, message: this.message };
  }
}

const headers = () => {
  const key = sessionStorage.getItem("key");
  return key ? { "X-API-Key": key } : {};
};

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// fetch() tells nothing of how much has been sent; XMLHttpRequest does.
function post(path, form, onSent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && onSent(event.loaded / event.total);
    request.onload = () => resolve(request);
    request.onerror = () => reject(new ApiError("network", ""));
    request.send(form);
  });
}

async function ask(path, fields, onSent = () => {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (let attempt = 1; ; attempt++) {
    const reply = await post(path, form, onSent);
    if (reply.status < 300) return reply.response;
    const busy = reply.status === 429 || reply.status === 503;
    if (busy && attempt < TRIES) {
      await wait(Number(reply.getResponseHeader("Retry-After") ?? 1));
      continue;
    }
    const error = reply.response?.error ?? { code: "other", message: `HTTP ${reply.status}` };
    throw new ApiError(error.code, error.message);
  }
}

export const read = (file, options, onSent) =>
  ask("/api/v1/ocr", { image: file, options: JSON.stringify(options) }, onSent);

export const correct = (file, line, text) =>
  ask("/api/v1/corrections", { image: file, text, read_text: line.text, box: JSON.stringify(line.box) });
