"""OCRmyPDF on labeled pages with this engine and with Tesseract's: words found, places of lines, time.

    python -m tests.adapters.compare_ocrmypdf artifacts/pages/rendered-test

Takes the first page of each of `LAYOUTS`, a PDF each. Needs ocrmypdf, tesseract with chi_sim, and pdftotext.
"""

from __future__ import annotations

import html
import json
import re
import resource
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels
LAYOUTS = ["article", "note", "columns", "invoice", "form", "receipt", "table", "contents", "code", "worksheet"]
LEAST_LINES = 8  # of a page that is taken
DPI = 144
ENGINES = {"crnn-ocr": ["-l", "chi_sim+chi_tra+eng", "--plugin", "crnn.ocrmypdf"], "Tesseract": ["-l", "chi_sim+eng"]}
WORD = re.compile(r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)</word>')


def tokens(text: str) -> Counter[str]:
    """Latin words and single Chinese characters, whatever their order."""
    return Counter(re.findall(r"[⺀-￿]|[^\s⺀-￿]+", unicodedata.normalize("NFKC", text)))


def words_of(pdf: Path) -> list[tuple[str, Box]]:
    """The words that can be searched in a PDF, and their boxes."""
    text = subprocess.run(["pdftotext", "-bbox", pdf, "-"], check=True, capture_output=True, text=True).stdout
    found = [(html.unescape(word), [float(v) * DPI / 72 for v in box]) for *box, word in WORD.findall(text)]
    return [(word, (box[0], box[1], box[2], box[3])) for word, box in found]


def hull(points: Any) -> Box:
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def iou(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inner = max(0.0, width) * max(0.0, height)
    return inner / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner)


def place(line: Box, words: list[tuple[str, Box]]) -> float:
    """IoU of a printed line with the hull of the words whose middle lies on it."""
    on_it = [
        box
        for _, box in words
        if line[0] <= (box[0] + box[2]) / 2 <= line[2] and line[1] <= (box[1] + box[3]) / 2 <= line[3]
    ]
    return iou(line, hull([corner for box in on_it for corner in (box[:2], box[2:])])) if on_it else 0.0


def main(folder: Path) -> None:
    """Print a row for each page and engine."""
    with open(folder / "pages.jsonl", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if len(row["boxes"]) >= LEAST_LINES and None not in row["texts"]]
    print(
        "| page | engine | found | right | mean IoU | IoU ≥ .6 | CPU s |\n| --- | --- | --- | --- | --- | --- | --- |"
    )
    for layout in LAYOUTS:
        row = next(row for row in rows if row["layout"] == layout)
        truth = tokens(" ".join(row["texts"]))
        for engine, options in ENGINES.items():
            with tempfile.TemporaryDirectory() as temporary:
                source, target = Path(temporary, "in.pdf"), Path(temporary, "out.pdf")
                Image.open(folder / row["file"]).save(source, resolution=DPI)
                command = [sys.executable, "-m", "ocrmypdf", "--jobs", "1", "--output-type", "pdf", "-O0", *options]
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                subprocess.run([*command, source, target], check=True, capture_output=True)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                words = words_of(target)
            read = tokens(" ".join(word for word, _ in words))
            right = (truth & read).total()
            places = np.array([place(hull(quad), words) for quad in row["boxes"]])
            shares = (right / truth.total(), right / max(1, read.total()), places.mean(), (places >= 0.6).mean())
            seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            figures = " | ".join(f"{share:.3f}" for share in shares)
            print(f"| {layout} | {engine} | {figures} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
