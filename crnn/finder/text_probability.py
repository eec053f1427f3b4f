"""Tells text from texture, by what the finder and the reader make of a box together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from crnn.core.reading import is_fence, is_pattern
from crnn.finder.boxes import LineBox

LEAST_TEXT = 0.2  # probability that a box shows text, by finder and reader together
SURELY_READ, LEAST_SURELY_READ = 0.99, 0.05  # confidence of clear letters alone in a cell, and what is enough for them
# Of that probability: for the reader's confidence, the finder's score, the logarithm of the letters read, and a
# constant. A logistic regression on training pages and pictures without text: docs/history/finder.md.
TEXT_WEIGHTS = (6.1, 16.5, 1.14, -18.05)
COUNTED_LETTERS = 8  # more letters make a line no surer
OF_A_FENCE = 3  # different letters at most in the pieces of a fence
LINE_CONFIDENCE = 0.4  # of a picture taken for a line, at least: noise reads with .3, whatever the finder makes of it


class Read(Protocol):
    """What is known of a line that was read."""

    @property
    def text(self) -> str: ...

    @property
    def confidence(self) -> float: ...


def shown(lines: Sequence[Read | None], boxes: Sequence[LineBox], is_line: bool, min_confidence: float) -> list[bool]:
    """Which lines of a page are worth showing: see `is_text`. Pieces of a fence, one H beside the other, are not.

    Args:
        lines: what was read in each of `boxes`; None where reading failed, which is to be shown.
    """
    kept = [line is None or is_text(line, box, is_line, min_confidence) for line, box in zip(lines, boxes, strict=True)]
    texts = ["" if line is None else line.text for line in lines]
    if is_line or min_confidence <= 0 or not is_fence("".join(t for t, k in zip(texts, kept, strict=True) if k)):
        return kept
    return [k and (not t or len(set(t) - {" "}) > OF_A_FENCE) for t, k in zip(texts, kept, strict=True)]


def is_text(line: Read, box: LineBox, is_line: bool, min_confidence: float) -> bool:
    """Whether what was read in `box` is worth showing: see `PageReader.read`; is_line as in `PageReading`."""
    if not line.text or line.confidence < min_confidence:
        return False
    if min_confidence <= 0:
        return True
    if is_line:
        return line.confidence >= LINE_CONFIDENCE
    if is_pattern(line.text):
        return False
    plain = line.text.isascii() and line.text.isalnum()  # texture is read as □ or 回 with confidence, too
    least = LEAST_SURELY_READ if plain and line.confidence >= SURELY_READ else LEAST_TEXT
    return text_probability(line.text, line.confidence, box.score) >= least


def text_probability(text: str, confidence: float, score: float) -> float:
    """How probable it is that a box shows text: letters that the finder marks clearly and that read well.

    Args:
        text: what was read, not empty.
        confidence: the reader's.
        score: the finder's, see `LineBox`.
    """
    of_confidence, of_score, of_length, constant = TEXT_WEIGHTS
    letters = math.log(min(len(text), COUNTED_LETTERS))
    return 1 / (1 + math.exp(-(of_confidence * confidence + of_score * score + of_length * letters + constant)))
