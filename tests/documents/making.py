"""Results, pages and readers made without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from crnn.core.reading import CharReading
from crnn.documents.reader import DocumentReader
from crnn.documents.result import Page, Result
from crnn.documents.words import is_wide
from crnn.finder.boxes import LineBox
from crnn.page import LineReading, PageReading


def line(
    text: str, left: float, top: float, height: float = 20, turned: int = 0, confidence: float = 0.9
) -> LineReading:
    """A line as a typewriter sets it, Latin characters half as wide as high, `turned` degrees about its corner."""
    widths = np.array([height if is_wide(char) else height / 2 for char in text])
    ends = np.cumsum(widths)
    angle = np.deg2rad(turned)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = np.array([[0, 0], [ends[-1], 0], [ends[-1], height], [0, height]]) @ turn + [left, top]
    centers = np.stack([ends - widths / 2, np.full(len(text), height / 2)], axis=1) @ turn + [left, top]
    chars = tuple(CharReading(c, confidence, float(x), float(y)) for c, (x, y) in zip(text, centers, strict=True))
    return LineReading(text, confidence, confidence ** len(text), LineBox(corners.astype(np.float32)), chars)


def column(text: str, left: float, top: float, width: float = 20) -> LineReading:
    """A column of upright characters."""
    bottom = top + width * len(text)
    quad = np.array([[left, top], [left + width, top], [left + width, bottom], [left, bottom]], np.float32)
    chars = tuple(CharReading(c, 0.9, left + width / 2, top + width * (i + 0.5)) for i, c in enumerate(text))
    return LineReading(text, 0.9, 0.5, LineBox(quad, 1.0, True), chars)


def block(texts: Sequence[str], left: float, top: float, height: float = 20, pitch: float = 30) -> list[LineReading]:
    """Lines below each other."""
    return [line(text, left, top + pitch * i, height) for i, text in enumerate(texts)]


def result(*lines: LineReading, size: tuple[int, int] = (1000, 800), **fields: Any) -> Result:
    """A result of one page."""
    return Result(fields.pop("name", "page.png"), (Page(1, size, tuple(lines)),), **fields)


class FakePageReader:
    """Reads the brightness of a page; a wholly black one breaks it."""

    def read(self, image: np.ndarray, decode: Any, layout: str, min_confidence: float) -> PageReading:
        level = round(float(image.mean()))
        if level == 0:
            raise RuntimeError("black")
        return PageReading((line(f"{level}", 5, 5),), (image.shape[0], image.shape[1]))


class FakeReader(DocumentReader):
    """A reader of documents without models."""

    def load(self) -> Any:
        return FakePageReader(), None


def gray(level: int, size: tuple[int, int] = (40, 60)) -> np.ndarray:
    """A page of one level of gray."""
    return np.full(size, level, np.uint8)


def encoded(image: np.ndarray, ending: str = ".png") -> bytes:
    """A picture as a file."""
    return cv2.imencode(ending, image)[1].tobytes()
