"""Reads a whole page: finds its lines, then reads them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crnn.decoding import Decoder
from crnn.lines import LineBox, crop_line, find_lines
from crnn.reading import CharReading
from crnn.recognizer import Recognizer

log = logging.getLogger("crnn.page")


@dataclass(frozen=True)
class LineReading:
    """One line of a page.

    Attributes:
        text: what it says, "" if nothing was read.
        confidence: in [0, 1], the probability that a character of it is right.
        line_confidence: in [0, 1], the probability that all of them are.
        box: where it stands in the page.
        chars: its characters, in pixels of the page.
        error: why it could not be read; "" where it was.
    """

    text: str
    confidence: float
    line_confidence: float
    box: LineBox
    chars: tuple[CharReading, ...]
    error: str = ""


@dataclass(frozen=True)
class PageReading:
    """The lines of a page in reading order."""

    lines: tuple[LineReading, ...]

    @property
    def text(self) -> str:
        """The lines that said something, one a row."""
        return "\n".join(line.text for line in self.lines if line.text)


def read_page(recognizer: Recognizer, image: np.ndarray, decode: Decoder | str | None = None) -> PageReading:
    """Find and read the lines of `image`, uint8 (H, W) grey or (H, W, 3) BGR; a blank page has none.

    A line that cannot be read says so itself, and the others are read all the same.

    Raises:
        ImageError: not such an image.
    """
    boxes = find_lines(image)
    crops = [crop_line(image, box) for box in boxes]
    readings = recognizer.read_many(crops, decode, return_exceptions=True)
    lines = []
    for box, crop, reading in zip(boxes, crops, readings, strict=True):
        if isinstance(reading, Exception):
            log.error("a line of a page could not be read", exc_info=reading)
            lines.append(LineReading("", 0.0, 0.0, box, (), f"{type(reading).__name__}: {reading}"))
        else:
            chars = on_page(reading.chars, box.quad, crop)
            lines.append(LineReading(reading.text, reading.confidence, reading.line_confidence, box, chars))
    return PageReading(tuple(lines))


def on_page(chars: Sequence[CharReading], quad: np.ndarray, crop: np.ndarray) -> tuple[CharReading, ...]:
    """Characters of a line, placed in pixels of its `crop` (h, w[, C]), in pixels of the page.

    Args:
        quad: float (4, 2), corners of the crop in the page, clockwise from the text's top left.
    """
    height, width = crop.shape[:2]
    along, down = (quad[1] - quad[0]) / width, (quad[3] - quad[0]) / height
    places = [quad[0] + char.x * along + char.y * down for char in chars]
    return tuple(replace(c, x=float(x), y=float(y)) for c, (x, y) in zip(chars, places, strict=True))
