// A page drawn: its picture, or its text on paper where there is none, and over it the places of its lines.

import { svg } from "./elements.js";
import { textOf } from "./scan.js";

const points = (quad) => quad.map((point) => point.join(",")).join(" ");
const outline = (quad) => `M${quad.map((point) => point.join(" ")).join("L")}Z`;
const isSideways = (degrees) => degrees % 180 !== 0;

// Turns a drawing of width × height clockwise, and moves it back to where it is seen.
function turning(width, height, degrees) {
  const [x, y] = { 0: [0, 0], 90: [height, 0], 180: [width, height], 270: [0, width] }[degrees];
  return `translate(${x} ${y}) rotate(${degrees})`;
}

// The text of a line in its place: from corner 0 to corner 1, or down from corner 0 to corner 3 in a column.
function placed(line) {
  const [first, second, , last] = line.quad;
  const across = [second[0] - first[0], second[1] - first[1]];
  const down = [last[0] - first[0], last[1] - first[1]];
  const [width, height] = [Math.hypot(...across), Math.hypot(...down)];
  const angle = (Math.atan2(across[1], across[0]) * 180) / Math.PI;
  const place = `translate(${first[0]} ${first[1]}) rotate(${angle})`;
  const text = textOf(line);
  const common = { transform: place, lengthAdjust: "spacingAndGlyphs" };
  const attributes = line.vertical
    ? { x: width / 2, y: 0, "font-size": width * 0.8, textLength: height, class: "column" }
    : { x: 0, y: height * 0.78, "font-size": height * 0.76, textLength: width };
  const element = svg("text", { ...common, ...attributes });
  element.textContent = text;
  return element;
}

const image = (href, { width, height }) => svg("image", { href, width, height, preserveAspectRatio: "none" });

// The small picture of a page: `url`, or without one where its lines stand.
export function thumbnail(page, url = null) {
  const box = isSideways(page.turned) ? [page.height, page.width] : [page.width, page.height];
  const content = url ? image(url, page) : svg("path", { d: page.lines.map((line) => outline(line.quad)).join("") });
  const group = svg("g", { transform: turning(page.width, page.height, page.turned) }, content);
  return svg("svg", { viewBox: `0 0 ${box.join(" ")}`, class: "outline", "aria-hidden": "true" }, group);
}

// `url` is null where there is no picture, undefined while it is on its way. `marks` gets the polygon of each line: Map(line → polygon). `turned` are degrees clockwise.
export function sheet(page, turned, url, marks) {
  const { width, height } = page;
  const group = svg("g", { transform: turning(width, height, turned) });
  group.append(url ? image(url, page) : svg("rect", { width, height, class: "paper" }));
  for (const line of page.lines) {
    const polygon = svg("polygon", { points: points(line.quad) });
    if (url === null && textOf(line)) group.append(placed(line));
    group.append(polygon);
    marks.set(line, polygon);
  }
  const box = isSideways(turned) ? [height, width] : [width, height];
  const element = svg("svg", { viewBox: `0 0 ${box.join(" ")}`, class: "sheet", "aria-hidden": "true" }, group);
  return { element, width: box[0], height: box[1] };
}
