"""Joins lines to paragraphs by where they stand: nothing is known of the language but where words end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from crnn.documents.words import is_wide
from crnn.finder.reading_order import row_angle, turn_back
from crnn.page import LineReading

ALIKE = 1.4  # most that the heights of two lines of a paragraph differ by, as a ratio
GAP = 0.9  # of a line's height: the widest gap between two lines of a paragraph, less where lines stand closer
LOOSER = 1.5  # times the usual gap of the lines around: a wider one parts paragraphs
INDENT = 0.8  # of a line's height: a line that begins so far inside begins a paragraph
SLACK = 1.2  # of a line's height that, besides the next word, must stay free at the end of a paragraph
ITEM = re.compile(  # of a list: a bullet; 1. 1) 1、; (1); ①; 一、
    r"\s*(?:[•●○◦▪■◆‣·–—*-]\s+|[•●▪■◆]|\d{1,3}[.)、)]\s*(?!\d)|[((]\d{1,3}[))]|[①-⑳]|[一二三四五六七八九十]{1,3}、)"
)


@dataclass(frozen=True)
class Paragraph:
    """Lines that run on.

    Attributes:
        text: without breaks of lines; words that a hyphen divided are whole again.
        lines: its lines.
    """

    text: str
    lines: tuple[LineReading, ...]

    @property
    def quads(self) -> list[np.ndarray]:
        """Where its lines stand."""
        return [line.box.quad for line in self.lines]


def paragraphs_of(lines: Sequence[LineReading]) -> list[Paragraph]:
    """The paragraphs of a page whose lines come in reading order."""
    lines = [line for line in lines if line.text.strip()]
    if not lines:
        return []
    boxes = leveled(lines)
    blocks = _split(np.arange(len(lines)), ~_runs_on(boxes))
    starts = [part for block in blocks for part in _split(block, _begins(lines, boxes, block))]
    return [Paragraph(join_lines([lines[i].text for i in part]), tuple(lines[i] for i in part)) for part in starts]


def leveled(lines: Sequence[LineReading]) -> np.ndarray:
    """float64 (n, 4): left, top, right and bottom of lines on their page, turned so that they run to the right.

    Lines of columns that are read from top to bottom run to the right, too, and follow each other downwards.
    """
    quads = np.stack([line.box.quad for line in lines]).astype(np.float64)
    vertical = np.array([line.box.vertical for line in lines])
    sides = np.where(vertical[:, None], quads[:, 3] - quads[:, 0], quads[:, 1] - quads[:, 0])
    along = sides.sum(axis=0)
    turned = turn_back(quads, row_angle(quads, float(np.arctan2(along[1], along[0]))))
    # Some slant is left in each line: its middle and its thickness say more than its outermost corners.
    heights = np.where(vertical, [line.box.width for line in lines], [line.box.height for line in lines])
    middles = turned[:, :, 1].mean(axis=1)
    lefts, rights = turned[:, :, 0].min(axis=1), turned[:, :, 0].max(axis=1)
    return np.stack([lefts, middles - heights / 2, rights, middles + heights / 2], axis=1)


def join_lines(texts: Sequence[str]) -> str:
    """Texts of lines as one: no space between Chinese characters, and words that a hyphen divided whole again."""
    if not texts:
        return ""
    parts = [texts[0]]
    for before, after in pairwise(texts):
        if not before or not after:
            parts.append(after)
        elif _is_divided(before, after):
            parts[-1] = parts[-1].rstrip("-‐\u00ad")
            parts.append(after)
        else:
            parts.append(after if is_wide(before[-1]) or is_wide(after[0]) else f" {after}")
    return "".join(parts)


def _is_divided(before: str, after: str) -> bool:
    return before[-1] in "-‐\u00ad" and len(before) > 2 and before[-3:-1].isalpha() and after[0].islower()


def _runs_on(boxes: np.ndarray) -> np.ndarray:
    """bool (n - 1,): whether each line stands below the one before it as the next line of a text does."""
    above, below = boxes[:-1], boxes[1:]
    heights = boxes[:, 3] - boxes[:, 1]
    high, low = np.maximum(heights[:-1], heights[1:]), np.minimum(heights[:-1], heights[1:])
    gaps = below[:, 1] - above[:, 3]
    shared = np.minimum(above[:, 2], below[:, 2]) - np.maximum(above[:, 0], below[:, 0])
    narrower = np.minimum(above[:, 2] - above[:, 0], below[:, 2] - below[:, 0])
    runs = (high <= ALIKE * low) & (gaps >= -0.5 * low) & (gaps <= GAP * high) & (shared >= 0.5 * narrower)
    if runs.sum() >= 3:
        usual = float(np.median((gaps / high)[runs]))
        runs &= gaps <= (max(usual, 0.1) * LOOSER + 0.1) * high
    return np.asarray(runs)


def _begins(lines: Sequence[LineReading], boxes: np.ndarray, block: np.ndarray) -> np.ndarray:
    """bool (k - 1,): whether each line of a block but the first begins a paragraph."""
    lefts, rights = boxes[block, 0], boxes[block, 2]
    heights = boxes[block, 3] - boxes[block, 1]
    right = rights.max()
    texts = [lines[i].text for i in block]
    indented = lefts[1:] - np.minimum(lefts[:-1], _next_left(lefts)) > INDENT * heights[1:]
    is_item = np.array([bool(ITEM.match(text)) for text in texts])
    # The next line's first word would have had room: what was broken there was the paragraph.
    words = np.array([_first_word(text) / max(1, len(text)) for text in texts])
    needed = words * (rights - lefts)
    had_room = rights[:-1] + needed[1:] + SLACK * heights[:-1] < right
    hanging = np.zeros(len(block) - 1, bool)
    if is_item.any():  # an item's further lines stand inside, below its text
        hanging = is_item[:-1] & ~is_item[1:]
    return np.asarray((indented & ~hanging) | had_room | is_item[1:])


def _next_left(lefts: np.ndarray) -> np.ndarray:
    """Where the line after each line but the first begins; of the last one, where it begins itself."""
    return np.append(lefts[2:], lefts[-1])


def _first_word(text: str) -> int:
    """Characters that cannot be parted from the first one."""
    if is_wide(text[0]):
        return 1
    for at, char in enumerate(text):
        if char.isspace() or is_wide(char):
            return at
    return len(text)


def _split(indices: np.ndarray, cuts: np.ndarray) -> list[np.ndarray]:
    """`indices` cut before each one whose entry in `cuts`, bool (n - 1,), is true."""
    return np.split(indices, np.flatnonzero(cuts) + 1)
