"""Reads whole pages: this project, Tesseract, RapidOCR, all behind one call. Knows nothing of scores."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from crnn.errors import UserError
from crnn.lines import find_lines
from crnn.page import read_page
from crnn.recognizer import Recognizer
from data.page_scoring import FoundLine

PageReader = Callable[[np.ndarray], list[FoundLine]]
LINE_LEVEL, WORD_LEVEL = "4", "5"  # of Tesseract's TSV


def open_reader(name: str, model: str | None, languages: str) -> PageReader:
    """The reader `name`: "ours" (finding only, without a `model`), "tesseract" or "rapidocr".

    Raises:
        UserError: no such reader, or it is not installed.
    """
    if name == "ours":
        return _ours(model)
    if name == "tesseract":
        return _tesseract(languages)
    if name == "rapidocr":
        return _rapidocr()
    raise UserError(f"no page reader {name!r}: choose of ours, tesseract, rapidocr")


def _ours(model: str | None) -> PageReader:
    if model is None:
        return lambda image: [FoundLine(box.quad, None) for box in find_lines(image)]
    recognizer = Recognizer(model)
    return lambda image: [FoundLine(line.box.quad, line.text) for line in read_page(recognizer, image).lines]


def _tesseract(languages: str) -> PageReader:
    program = shutil.which("tesseract")
    if program is None:
        raise UserError("no tesseract: apt-get install tesseract-ocr tesseract-ocr-chi-sim")

    one = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # its threads wait busily for each other: all CPU and no speed

    def read(image: np.ndarray) -> list[FoundLine]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "page.png")
            cv2.imwrite(str(path), image)
            command = [program, str(path), "-", "-l", languages, "tsv"]
            output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600, env=one).stdout
        return parse_tsv(output)

    return read


def parse_tsv(text: str) -> list[FoundLine]:
    """The lines of Tesseract's TSV, each with its words; lines without any are left out."""
    boxes: dict[tuple[str, ...], np.ndarray] = {}
    words: dict[tuple[str, ...], list[str]] = {}
    for row in csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE):
        line = (row["block_num"], row["par_num"], row["line_num"])
        if row["level"] == LINE_LEVEL:
            left, top = int(row["left"]), int(row["top"])
            right, bottom = left + int(row["width"]), top + int(row["height"])
            boxes[line] = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        elif row["level"] == WORD_LEVEL and row["text"].strip():
            words.setdefault(line, []).append(row["text"])
    return [FoundLine(boxes[line], " ".join(texts)) for line, texts in words.items()]


def _rapidocr() -> PageReader:
    try:
        from rapidocr import RapidOCR
    except ImportError:
        raise UserError("no RapidOCR: pip install rapidocr") from None
    engine: Any = RapidOCR(params={"EngineConfig.onnxruntime.intra_op_num_threads": 1})

    def read(image: np.ndarray) -> list[FoundLine]:
        result = engine(image)
        if result.boxes is None:
            return []
        return [
            FoundLine(np.asarray(quad, np.float32), text) for quad, text in zip(result.boxes, result.txts, strict=True)
        ]

    return read
