// The page: takes pictures in, keeps their order, copies and saves what they say.

import { currentLanguage, say, speak, switchLanguage } from "./messages.js";
import { Picture } from "./picture.js";

const AT_ONCE = 2; // pictures that are sent at the same time

const element = (id) => document.getElementById(id);
const pictures = [];
const waiting = [];
let reading = 0;

function add(files) {
  for (const file of files) {
    const picture = new Picture(file, file.name || say("title"), tell);
    pictures.push(picture);
    waiting.push(picture);
    element("pictures").append(picture.card);
    picture.find(".copy").addEventListener("click", () => copy(picture.text, picture.find(".copy"), "copy"));
  }
  element("tools").hidden = !pictures.length;
  next();
}

async function next() {
  while (reading < AT_ONCE && waiting.length) {
    reading += 1;
    waiting.shift().read({ decode: element("context").checked ? "beam" : "greedy" }).finally(() => {
      reading -= 1;
      next();
    });
  }
}

function tell(key, values, error) {
  speak(element("status"), key, values);
  if (error?.code === "unauthorized") element("key-form").hidden = false;
}

async function copy(text, button, label) {
  try {
    await navigator.clipboard.writeText(text);
    speak(button, "copied");
  } catch {
    // Without HTTPS there is no clipboard; the old way works where a selection does.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    speak(button, copied ? "copied" : "not_copied");
  }
  setTimeout(() => speak(button, label), 2000);
}

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const allText = () => pictures.map((picture) => picture.text).filter(Boolean).join("\n\n");

function saveJson() {
  const results = pictures.filter((picture) => picture.result);
  const json = results.map((picture) => ({ file: picture.name, ...picture.result, text: picture.text }));
  save("ocr.json", "application/json", JSON.stringify(json, null, 2));
}

function clear() {
  waiting.length = 0;
  for (const picture of pictures.splice(0)) picture.forget();
  element("tools").hidden = true;
  element("files").focus();
}

function takeDrops() {
  const drop = element("drop");
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    add(event.dataTransfer.files);
  });
}

element("files").addEventListener("change", (event) => {
  add(event.target.files);
  event.target.value = ""; // so that the same picture can be chosen again
});
addEventListener("paste", (event) => event.clipboardData.files.length && add(event.clipboardData.files));
takeDrops();
element("copy").addEventListener("click", () => copy(allText(), element("copy"), "copy_all"));
element("save-text").addEventListener("click", () => save("ocr.txt", "text/plain", allText()));
element("save-json").addEventListener("click", saveJson);
element("clear").addEventListener("click", clear);
element("language").addEventListener("click", () => switchLanguage());
element("context").checked &&= localStorage.getItem("context") !== "off";
element("context").addEventListener("change", (event) => {
  localStorage.setItem("context", event.target.checked ? "on" : "off");
});
element("key-form").hidden = document.body.dataset.locked !== "true";
element("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", element("key").value);
  element("key-form").hidden = true;
});
switchLanguage(currentLanguage());
