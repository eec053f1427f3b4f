// What the browser can show of a file: a picture of bounded size, and a small one for the list.

// Pixels of the longer side: a photograph of 50 million pixels would take 200 MB whenever it is looked at.
const LARGEST = 2560;
const SMALL = 160;

// One picture is unpacked at a time: twenty photographs chosen together take the memory of one.
let turn = Promise.resolve();

async function drawn(bitmap, most, type) {
  const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, 0.9));
  canvas.width = canvas.height = 0; // frees its pixels now
  return URL.createObjectURL(blob);
}

async function make(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return null; // a PDF, a TIFF, or damaged
  }
  const { width, height } = bitmap;
  const large = Math.max(width, height) > LARGEST;
  const url = large ? await drawn(bitmap, LARGEST, "image/jpeg") : URL.createObjectURL(file);
  const thumbnail = await drawn(bitmap, SMALL, "image/png");
  bitmap.close();
  return { url, thumbnail, width, height };
}

// {url, thumbnail, width, height}: object URLs, and the pixels of the file's own picture; null if it cannot be shown.
export function preview(file) {
  const made = turn.then(() => make(file));
  turn = made.catch(() => {});
  return made;
}

const MARGIN = 8; // pixels around a line that is cut out

// The line in `quad` of the picture at `url`, which shows a page `width` pixels wide: {file, quad}, a PNG of the line's
// surroundings and the quad in its pixels.
export async function cutOut(url, width, quad) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const scale = image.naturalWidth / width;
  const corners = quad.map((corner) => corner.map((place) => place * scale));
  const along = (axis) => corners.map((corner) => corner[axis]);
  const [left, top] = [0, 1].map((axis) => Math.floor(Math.min(...along(axis))) - MARGIN);
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(Math.max(...along(0))) + MARGIN - left;
  canvas.height = Math.ceil(Math.max(...along(1))) + MARGIN - top;
  canvas.getContext("2d").drawImage(image, -left, -top);
  const file = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return { file, quad: corners.map(([x, y]) => [x - left, y - top]) };
}

export function release(made) {
  if (!made) return;
  URL.revokeObjectURL(made.url);
  URL.revokeObjectURL(made.thumbnail);
}
