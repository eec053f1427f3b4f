"""The real OCRmyPDF with this engine, on pages drawn here, looked at with pdftotext."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from crnn.documents.pdf_pictures import picture_of
from crnn.documents.pdf_writer import PdfWriter
from crnn.finder.boxes import LineBox

pytest.importorskip("ocrmypdf", reason="OCRmyPDF is not installed: pip install ocrmypdf")
PROGRAMS = ("gs", "pdftotext", "tesseract")
if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
    pytest.skip(f"OCRmyPDF and this test want {' and '.join(missing)}", allow_module_level=True)


Box = tuple[float, float, float, float]  # left, top, right, bottom
Words = list[tuple[str, Box]]
DPI = 200
SIZE = (1300, 1100)  # of a page, height and width in pixels
HEIGHT = 34  # of its letters
LEFT = ["The committee met on", "14 March to consider", "the annual report of", "the public library.", "合同由双方签订"]
RIGHT = ["Members asked why the", "number of visitors had", "fallen by 11 per cent", "while loans of books", "乙方负责"]


def page() -> tuple[np.ndarray, Words]:
    """Two columns, and the words on them with their boxes, as high as the line."""
    image = np.full((*SIZE, 3), 255, np.uint8)
    font = cv2.FontFace("uni")
    words: Words = []
    for left, texts in ((70, LEFT), (600, RIGHT)):
        for row, text in enumerate(texts * 2):
            x, y = left, 120 + 60 * row + 240 * (row // len(texts))
            for word in text.split():
                # What is drawn left and right of the word is its own; above and below, the line's tallest letters'.
                x0, _, width, _ = cv2.getTextSize(SIZE[::-1], word, (x, y), font, HEIGHT)
                _, top, _, height = cv2.getTextSize(SIZE[::-1], "hg", (x, y), font, HEIGHT)
                (x, _), image = cv2.putText(image, word, (x, y), (0, 0, 0), font, HEIGHT)
                words.append((word, (x0, top, x0 + width, top + height)))
                x += HEIGHT // 3
    return image, words


def pdf_of(path: Path, images: list[np.ndarray]) -> Path:
    with path.open("wb") as stream:
        writer = PdfWriter(stream)
        for image in images:
            writer.add_page((image.shape[1] * 72 / DPI, image.shape[0] * 72 / DPI), "", picture_of(image))
        writer.close()
    return path


def ocrmypdf(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ocrmypdf", "--plugin", "crnn.ocrmypdf", "--jobs", "1"]
    command += ["--output-type", "pdf"]
    return subprocess.run([*command, *map(str, arguments)], check=False, capture_output=True, text=True)


def found(path: Path) -> list[Words]:
    """The words of each page and their boxes in pixels, as the page is shown."""
    text = subprocess.run(["pdftotext", "-bbox", path, "-"], check=True, capture_output=True, text=True).stdout
    word = re.compile(r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)</word>')
    return [
        [(html.unescape(word), tuple(float(v) * DPI / 72 for v in box)) for *box, word in word.findall(part)]  # type: ignore[misc]
        for part in text.split("<page ")[1:]
    ]


def iou(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inner = max(0.0, width) * max(0.0, height)
    return inner / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner)


def share_in_place(words: Words, truth: Words) -> float:
    """Of the words of `truth`, those found with IoU .6 or more."""
    return float(np.mean([any(text == word and iou(box, b) >= 0.6 for word, b in words) for text, box in truth]))


@pytest.mark.slow
@pytest.mark.parametrize("renderer", ["auto", "fpdf2"])
def test_text_stands_in_its_place_and_turned_pages_are_set_upright(renderer: str, tmp_path: Path) -> None:
    image, truth = page()
    turned = [np.ascontiguousarray(np.rot90(image, quarters)) for quarters in (1, 2)]
    source = pdf_of(tmp_path / "in.pdf", [image, *turned])
    sidecar = tmp_path / "out.txt"
    out = tmp_path / "out.pdf"
    options = ("--rotate-pages", "-l", "eng+chi_sim", "--pdf-renderer", renderer, "--sidecar", sidecar)
    done = ocrmypdf(*options, source, out)
    assert done.returncode == 0, done.stderr
    pages = found(out)
    shares = [share_in_place(words, truth) for words in pages]
    assert len(shares) == 3 and min(shares) >= (0.95 if renderer == "auto" else 0.5), shares
    assert sidecar.read_text().count("The committee met on") == 6
    assert out.stat().st_size < 1.1 * source.stat().st_size + 20_000


@pytest.mark.slow
def test_what_the_model_cannot_read_is_refused_by_name(tmp_path: Path) -> None:
    done = ocrmypdf("-l", "deu", pdf_of(tmp_path / "in.pdf", [page()[0]]), tmp_path / "out.pdf")
    assert done.returncode == 3 and "deu" in done.stderr


@pytest.mark.parametrize("angle", [-7.0, -0.5, 0.0, 3.0])
def test_the_tilt_is_that_of_most_of_the_text(angle: float) -> None:
    from crnn.ocrmypdf import tilt

    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    turn = np.array([[cosine, sine], [-sine, cosine]])
    level = np.array([[0, 0], [400, 0], [400, 30], [0, 30]])
    upright = np.array([[500, 0], [530, 0], [530, 300], [500, 300]])
    stray = LineBox(np.array([[0, 0], [20, 20], [10, 30], [-10, 10]], np.float32))
    boxes = [LineBox((quad @ turn).astype(np.float32)) for quad in (level, level + 50, upright)]
    assert tilt([*boxes, stray]) == pytest.approx(angle, abs=0.6)
    assert tilt([]) == 0


def test_another_engine_may_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from crnn import ocrmypdf

    options: Any = SimpleNamespace(ocr_engine="tesseract", pdf_renderer="auto")
    ocrmypdf.check_options(options)
    assert ocrmypdf.get_ocr_engine(options) is None and options.pdf_renderer == "auto"
    options.ocr_engine = "auto"
    assert isinstance(ocrmypdf.get_ocr_engine(options), ocrmypdf.CrnnEngine)
