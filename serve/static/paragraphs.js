// Finds which lines the server joined to which paragraph, so that a paragraph can show its lines' boxes and changes.

const HYPHENS = /[-‐\u00ad]+$/;

// For lines [{text}] of a document and the texts of its paragraphs: [[{line, before, cut}]], for each paragraph its
// lines, what stands before each of them, and whether its last hyphen was dropped.
export function paragraphsOf(lines, texts) {
  const paragraphs = [];
  let at = 0; // of the texts
  let rest = "";
  for (const line of lines) {
    if (!line.text.trim()) continue;
    if (!rest) {
      rest = texts[at++] ?? "";
      paragraphs.push([]);
    }
    let before = "";
    if (rest.startsWith(" ") && !rest.startsWith(line.text)) {
      before = " ";
      rest = rest.slice(1);
    }
    const bare = line.text.replace(HYPHENS, "");
    const whole = rest.startsWith(line.text);
    if (!whole && !rest.startsWith(bare)) {
      // Not as we thought: the line stands alone, and the next paragraph is looked for at the next line.
      if (paragraphs.at(-1).length) paragraphs.push([]);
      before = rest = "";
    }
    rest = rest.slice(whole ? line.text.length : bare.length);
    paragraphs.at(-1).push({ line, before, cut: !whole });
  }
  return paragraphs;
}

export const pieceText = ({ line, cut }) => {
  const text = line.now ?? line.text;
  return cut ? text.replace(HYPHENS, "") : text;
};

export const paragraphText = (pieces) => pieces.map((piece) => piece.before + pieceText(piece)).join("");
