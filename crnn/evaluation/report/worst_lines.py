"""A page of the lines that were read worst, image above the readings of all."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

import cv2

from crnn.core import metrics
from crnn.datasets.labeled import CATEGORY_SEPARATOR, LabeledLine
from crnn.evaluation.report.report import Report
from crnn.image.preprocess import decode_image

SHOWN = {
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpeg",
    b"RIFF": "webp",
    b"GIF8": "gif",
    b"BM": "bmp",
}  # by browsers

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
       color: #222; background: #fff }
figure { margin: 0 0 1.5rem; padding: 1rem; border: 1px solid #ddd; border-radius: 6px }
img { max-width: 100%; min-height: 32px; max-height: 96px; border: 1px solid #ccc }
table { border-collapse: collapse; margin-top: .5rem }
td { padding: .1rem 1rem .1rem 0; vertical-align: top }
td:nth-child(2) { font-size: 1.15rem; white-space: pre-wrap }
del { background: #ffd9d4; text-decoration: line-through } ins { background: #ffe9a8; text-decoration: none }
.note { color: #666; font-size: .875rem }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #181818 } figure { border-color: #444 } .note { color: #999 }
  del { background: #6b2a22 } ins { background: #5c4a10 } }
"""


def write_worst_page(path: Path, report: Report, lines: Sequence[LabeledLine], count: int) -> None:
    """Write the `count` lines with most errors a character by the report's first model, worst first."""
    first = report.models[0]
    errors = [
        metrics.edit_distance(metrics.normalize(line.text), metrics.normalize(guess.text))
        for line, guess in zip(lines, first.guesses, strict=True)
    ]
    wrong = [index for index, number in enumerate(errors) if number]
    wrong.sort(key=lambda i: (-errors[i] / max(1, len(lines[i].text)), -first.guesses[i].confidence))
    figures = "".join(_figure(report, lines[index], index) for index in wrong[:count])
    title = html.escape(f"{report.name}: lines read worst")
    summary = (
        f"{len(wrong)} of {len(lines)} lines differ from the truth in the reading of {html.escape(first.name)}; "
        f"{min(count, len(wrong))} are shown, most errors a character first. "
        "<del>Struck</del>: missing from the reading; <ins>marked</ins>: not in the truth."
    )
    path.write_text(
        f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>
<body><h1>{title}</h1>
<p>{summary}</p>
{figures}</body></html>
""",
        encoding="utf-8",
    )


def _figure(report: Report, line: LabeledLine, index: int) -> str:
    note = html.escape(" · ".join(filter(None, [line.name, CATEGORY_SEPARATOR.join(line.categories)])))
    rows = [f"<tr><td>truth</td><td>{html.escape(line.text)}</td><td></td></tr>"]
    for subject in report.subjects:
        guess = subject.guesses[index]
        rows.append(
            f"<tr><td>{html.escape(subject.name)}</td><td>{mark_differences(line.text, guess.text)}</td>"
            f'<td class="note">{guess.confidence:.2f}</td></tr>'
        )
    return (
        f'<figure><img src="{_data_uri(line.image)}" alt="{html.escape(line.text)}" loading="lazy">'
        f'<table>{"".join(rows)}</table><div class="note">{note}</div></figure>\n'
    )


def mark_differences(truth: str, reading: str) -> str:
    """`reading` as HTML, with what it lacks struck through and what it adds marked.

    >>> mark_differences("abc", "abx")
    'ab<del>c</del><ins>x</ins>'
    """
    truth, reading = metrics.normalize(truth), metrics.normalize(reading)
    parts = []
    for kind, a, b, c, d in SequenceMatcher(None, truth, reading, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append(html.escape(reading[c:d]))
            continue
        parts.append(f"<del>{html.escape(truth[a:b])}</del>" if b > a else "")
        parts.append(f"<ins>{html.escape(reading[c:d])}</ins>" if d > c else "")
    return "".join(parts)


def _data_uri(image: bytes) -> str:
    kind = next((kind for magic, kind in SHOWN.items() if image.startswith(magic)), None)
    if kind is None:
        kind, image = "png", cv2.imencode(".png", decode_image(image))[1].tobytes()
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
