"""Reads a whole page: finds its lines, then reads them. Knows nothing of how either is done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crnn.ctc import greedy
from crnn.decoding import Decoder
from crnn.lines import LineBox, crop_line, find_lines
from crnn.reading import CharReading
from crnn.recognizer import Recognizer


@dataclass(frozen=True)
class LineReading:
    """One line of a page.

    Attributes:
        text: what it says, "" if nothing was read.
        confidence: in [0, 1].
        box: where it stands in the page.
        chars: its characters; their x counts pixels from the box's left edge, along the line.
    """

    text: str
    confidence: float
    box: LineBox
    chars: tuple[CharReading, ...]


@dataclass(frozen=True)
class PageReading:
    """The lines of a page in reading order."""

    lines: tuple[LineReading, ...]

    @property
    def text(self) -> str:
        """The lines that said something, one a row."""
        return "\n".join(line.text for line in self.lines if line.text)


def read_page(recognizer: Recognizer, image: np.ndarray, decode: Decoder = greedy) -> PageReading:
    """Find and read the lines of `image`, uint8 (H, W) grey or (H, W, 3) BGR; a blank page has none.

    Raises:
        ImageError: not such an image.
    """
    boxes = find_lines(image)
    readings = recognizer.read_many([crop_line(image, box) for box in boxes], decode)
    return PageReading(
        tuple(
            LineReading(reading.text, reading.confidence, box, reading.chars)
            for box, reading in zip(boxes, readings, strict=True)
        )
    )
