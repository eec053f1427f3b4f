// Takes the text away: to the clipboard, or as files.

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without HTTPS there is no clipboard; the old way works where a selection does.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

export function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// "scan.pdf" as "scan.txt"
export const renamed = (name, ending) => `${name.replace(/\.[^.]{1,5}$/, "") || "text"}.${ending}`;

export function asText(scans, joined) {
  const texts = scans.map((scan) => scan.text(joined)).filter(Boolean);
  return new Blob([texts.join("\n\n")], { type: "text/plain" });
}

// A page with what people made of its lines; what was read there stays as `read_text`.
function edited(scan, page) {
  const changed = ({ now, ...line }) => (now === undefined ? line : { ...line, text: now, read_text: line.text });
  const lines = page.lines.map(changed);
  return { ...page, text: scan.pageText(page), lines };
}

export function asJson(scans) {
  const documents = scans.filter((scan) => scan.pages.length).map((scan) => ({
    name: scan.name,
    text: scan.text(),
    pages: scan.pages.map((page) => edited(scan, page)),
  }));
  return new Blob([JSON.stringify(documents, null, 2)], { type: "application/json" });
}
