"""Cuts a line into words and tells where each stands, from where the network saw its characters' centers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crnn.page import LineReading

# Widths in shares of the height of a capital with its gap, of common faces. Only their proportions matter.
NARROW, SLIM, USUAL, BROAD, FULL = 0.3, 0.38, 0.55, 0.72, 1.0
NARROW_CHARS = frozenset("ijlI.,:;!'|`·")
SLIM_CHARS = frozenset('frt()[]{}/\\-" 1')
BROAD_CHARS = frozenset("mwMW@%&—…")


@dataclass(frozen=True)
class Word:
    """Part of a line between spaces, of Chinese characters alone or of none.

    Attributes:
        text: without spaces.
        confidence: in [0, 1], the mean of its characters'.
        start, end: indices of its characters in the line.
        quad: float32 (4, 2), as of a line.
        spans: float64 (n, 2), where each character begins and ends, in pixels along the line from its first corner.
        space_before: whether a space stands before it.
    """

    text: str
    confidence: float
    start: int
    end: int
    quad: np.ndarray
    spans: np.ndarray
    space_before: bool


def is_wide(char: str) -> bool:
    """Whether a character is as wide as a Chinese one, and is written without spaces around it."""
    code = ord(char)
    return (
        0x2E80 <= code <= 0x9FFF  # radicals, kana, ideographs and their punctuation
        or 0xAC00 <= code <= 0xD7A3
        or 0xF900 <= code <= 0xFAFF
        or 0xFE30 <= code <= 0xFE4F
        or 0xFF00 <= code <= 0xFF60
        or 0x20000 <= code <= 0x3FFFF
    )


def words_of(line: LineReading) -> list[Word]:
    """The words of a line, in order; one of the whole text where nothing is known of its characters."""
    text = line.text
    if not text.strip():
        return []
    spans = char_spans(line)
    words: list[Word] = []
    start, space = 0, False
    for at in range(1, len(text) + 1):
        if at < len(text) and _same_word(text[at - 1], text[at]):
            continue
        if text[start].isspace():
            space = True
        else:
            words.append(_word(line, spans, start, at, space))
            space = False
        start = at
    return words


def char_spans(line: LineReading) -> np.ndarray:
    """float64 (n, 2): where each character of the text begins and ends, pixels along the line from its first corner.

    The centers are the network's; widths are those of common faces, scaled to this line; neighbors do not overlap, and
    the first and the last one reach the line's ends.
    """
    length = line.box.height if line.box.vertical else line.box.width
    widths = np.array([_width(char) for char in line.text])
    if line.box.vertical:
        widths[:] = FULL
    ends = np.cumsum(widths) * length / widths.sum()
    if "".join(char.char for char in line.chars) != line.text:
        return np.stack([np.concatenate([[0.0], ends[:-1]]), ends], axis=1)
    half = widths * length / widths.sum() / 2
    centers = np.maximum.accumulate(np.clip(_along(line), 0, length))
    left, right = centers - half, centers + half
    # Where two overlap or leave a gap, inside a word, they meet at the place that their widths share out.
    meets = centers[:-1] + (centers[1:] - centers[:-1]) * half[:-1] / (half[:-1] + half[1:])
    spaced = np.array([char.isspace() for char in line.text])
    open_gap = spaced[:-1] | spaced[1:]
    right[:-1] = np.where(open_gap, np.minimum(right[:-1], meets), meets)
    left[1:] = np.where(open_gap, np.maximum(left[1:], meets), meets)
    left[0], right[-1] = 0.0, length
    # A space takes what its neighbors leave.
    for at in np.flatnonzero(spaced):
        left[at] = right[at - 1] if at else 0.0
        right[at] = left[at + 1] if at + 1 < len(spaced) else length
    return np.stack([left, np.maximum(left, right)], axis=1)


def _along(line: LineReading) -> np.ndarray:
    """Centers of the characters in pixels along the line from its first corner: float64 (n,)."""
    quad = line.box.quad.astype(np.float64)
    direction = quad[3] - quad[0] if line.box.vertical else quad[1] - quad[0]
    direction = direction / max(float(np.linalg.norm(direction)), 1e-6)
    centers = np.array([[char.x, char.y] for char in line.chars])
    along: np.ndarray = (centers - quad[0]) @ direction
    return along


def _width(char: str) -> float:
    if is_wide(char):
        return FULL
    if char in NARROW_CHARS:
        return NARROW
    if char in SLIM_CHARS:
        return SLIM
    return BROAD if char in BROAD_CHARS or char.isupper() else USUAL


def _same_word(a: str, b: str) -> bool:
    return a.isspace() == b.isspace() and is_wide(a) == is_wide(b)


def _word(line: LineReading, spans: np.ndarray, start: int, end: int, space: bool) -> Word:
    quad = line.box.quad.astype(np.float64)
    length = max(line.box.height if line.box.vertical else line.box.width, 1e-6)
    first, last = spans[start, 0] / length, spans[end - 1, 1] / length
    if line.box.vertical:
        left, right = quad[3] - quad[0], quad[2] - quad[1]
        corners = [quad[0] + first * left, quad[1] + first * right, quad[1] + last * right, quad[0] + last * left]
    else:
        top, bottom = quad[1] - quad[0], quad[2] - quad[3]
        corners = [quad[0] + first * top, quad[0] + last * top, quad[3] + last * bottom, quad[3] + first * bottom]
    confidences = [char.confidence for char in line.chars[start:end]] or [line.confidence]
    mean = float(np.mean(confidences))
    return Word(line.text[start:end], mean, start, end, np.array(corners, np.float32), spans[start:end], space)


def bounds(quads: Sequence[np.ndarray]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what lies in any of these quads, whole pixels; zeros for none."""
    if not len(quads):
        return 0, 0, 0, 0
    points = np.concatenate([quad.reshape(-1, 2) for quad in quads])
    left, top = np.floor(points.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(points.max(axis=0)).astype(int).tolist()
    return max(0, left), max(0, top), max(0, right), max(0, bottom)
