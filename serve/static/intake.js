// Takes files in: chosen, photographed, dropped, pasted, or the example.

import { byId } from "./elements.js";
import { say } from "./messages.js";

export function takeIn(add) {
  for (const id of ["files", "camera"]) {
    byId(id).addEventListener("change", (event) => {
      add([...event.target.files]);
      event.target.value = ""; // so that the same file can be chosen again
    });
  }
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    // Browsers call whatever is pasted image.png.
    if (files.length) add(files, (file) => (file.name === "image.png" ? say("pasted") : file.name));
  });
  takeDrops(add);
  byId("example").addEventListener("click", async () => {
    const reply = await fetch(byId("example").querySelector("img").src);
    const file = await reply.blob();
    add([new File([file], "example.webp", { type: file.type })], () => say("example_name"));
  });
}

function takeDrops(add) {
  const over = (event, is) => {
    event.preventDefault();
    document.body.classList.toggle("over", is);
  };
  addEventListener("dragover", (event) => over(event, true));
  addEventListener("dragleave", (event) => event.relatedTarget || over(event, false));
  addEventListener("drop", (event) => {
    over(event, false);
    if (event.dataTransfer.files.length) add([...event.dataTransfer.files]);
  });
}
