"""Sets the text of a page unseen where it is printed: operators of a PDF's content (ISO 32000-1, section 9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from crnn.documents import glyphless
from crnn.documents.glyphless import Codes
from crnn.documents.words import words_of
from crnn.page import LineReading

BACKWARDS = -0.5  # share of a line's direction that runs to the left, from which it counts as doing so
MARGIN = 0.08  # of a found box's height that is free above the tallest letters, and below the lowest; measured
UNSEEN = 3  # text rendering mode: neither filled nor outlined


def text_layer(lines: Iterable[LineReading], scale: float, height: float, codes: Codes) -> str:
    """Operators that set `lines`, word by word, each as long and as high as it is printed.

    Upright characters below each other are set as a line that runs down: so their words are found as such.

    Args:
        scale: points a pixel.
        height: of the page, points; its font is /F1.
        codes: of the font.
    """
    parts = [part for line in lines for part in _line(line, scale, height, codes)]
    return "\n".join(["BT", f"{UNSEEN} Tr", *parts, "ET"]) + "\n" if parts else ""


def _line(line: LineReading, scale: float, height: float, codes: Codes) -> Iterator[str]:
    quad = line.box.quad.astype(np.float64) * scale
    quad[:, 1] = height - quad[:, 1]  # a PDF's pages begin at the bottom left
    if line.box.vertical:
        corner, along, up = quad[0], quad[3] - quad[0], quad[1] - quad[0]
    else:
        along, up = quad[1] - quad[0], quad[0] - quad[3]
        # PDFium breaks lines that run up or down between words, unless they are as high as their box.
        free = MARGIN if abs(along[0]) > abs(along[1]) else 0.0
        corner, up = quad[3] + free * up, (1 - 2 * free) * up
    length, size = float(np.linalg.norm(along)), float(np.linalg.norm(up))
    if length <= 0 or size <= 0:
        return
    along, up = along / length, up / size
    start = corner - glyphless.DESCENT / glyphless.UNIT * size * up
    yield f"/F1 {size:.3f} Tf"
    yield " ".join(f"{value:.5f}" for value in (*along, *up)) + f" {start[0]:.3f} {start[1]:.3f} Tm"
    runs = list(_runs(line, scale))
    if along[0] < BACKWARDS:
        yield _one_object(runs, size, codes)
        return
    at = 0.0
    for text, first, last in runs:
        stretch = 100 * (last - first) / (glyphless.width(text) * size)
        yield f"{stretch:.2f} Tz {first - at:.3f} 0 Td <{codes.encode(text)}> Tj"
        at = first


def _runs(line: LineReading, scale: float) -> Iterator[tuple[str, float, float]]:
    """The words of a line and the spaces between them, each with its begin and end, points from the line's own."""
    end = 0.0
    for word in words_of(line):
        first, last = float(word.spans[0, 0]) * scale, float(word.spans[-1, 1]) * scale
        if word.space_before and first > end:
            yield " ", end, first
        if last > first:
            yield word.text, first, last
            end = last


def _one_object(runs: Sequence[tuple[str, float, float]], size: float, codes: Codes) -> str:
    """A line as one object of text: PDFium puts those of a line that runs to the left in the wrong order.

    All its words are stretched alike, no more than the tightest allows, and each begins at its place.
    """
    share = min(((last - first) / (glyphless.width(text) * size) for text, first, last in runs), default=1.0)
    parts, at = [], 0.0
    for text, first, _ in runs:
        parts.append(f"{-1000 * (first - at) / (share * size):.1f} <{codes.encode(text)}>")
        at = first + glyphless.width(text) * share * size
    return f"{100 * share:.2f} Tz [{' '.join(parts)}] TJ"
