"""A page on which a person settles what the readers dispute, offline in any browser; the result is a list to import."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}
figure{margin:0 0 1.5rem}img{display:block;max-width:100%;max-height:6rem;border:1px solid #8884;background:#fff}
input{font:inherit;width:100%;box-sizing:border-box;padding:.3rem .5rem;margin-top:.3rem}
small{color:#666}button{font:inherit;padding:.4rem 1rem}header{position:sticky;top:0;background:Canvas;padding:.5rem 0}
:root{color-scheme:light dark}
"""
SCRIPT = """
document.querySelector("button").addEventListener("click", () => {
  const rows = [...document.querySelectorAll("input")]
    .filter(input => input.value.trim())
    .map(input => `${input.dataset.file}\\t${input.value.trim().replace(/\\t/g, " ")}`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([rows.join("\\n") + "\\n"], {type: "text/tab-separated-values"}));
  link.download = "corrected.tsv";
  link.click();
});
"""


def write_review(rows: Iterable[dict[str, Any]], path: Path) -> int:
    """Write the page of the disputed lines; returns how many there are.

    Args:
        rows: objects of `file`, relative to the page, `text`, the best guess, and `votes`, reader to text.
        path: of the page.
    """
    figures = []
    for row in rows:
        file, text = html.escape(row["file"], quote=True), html.escape(row["text"], quote=True)
        read = " · ".join(f"{html.escape(reader)}: {html.escape(said or '–')}" for reader, said in row["votes"].items())
        figures.append(
            f'<figure><img src="{file}" alt="" loading="lazy">'
            f'<input data-file="{file}" value="{text}" aria-label="text of the line" spellcheck="false">'
            f"<small>{read}</small></figure>"
        )
    path.write_text(
        f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lines to settle</title>
<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>
<header><h1>{len(figures)} lines to settle</h1>
<p>Correct each line, or empty it to leave it out. Save the list beside this page and import it:
<code>make import SOURCE={html.escape(json.dumps(str(path.with_name("corrected.tsv"))))} NAME=…</code></p>
<button>Save corrected.tsv</button></header>
{"".join(figures)}<script>{SCRIPT}</script></body></html>
""",
        encoding="utf-8",
    )
    return len(figures)
