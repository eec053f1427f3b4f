"""Cuts a line that is too wide for the canvas into overlapping pieces, and joins what was read of them.

Pieces begin and end at gaps between characters where there are any. They overlap by a few characters all the
same: next to a cut the network has no context, and a space that stands at a cut would be lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crnn.core.canvas import CanvasSpec
from crnn.core.reading import CharReading

SMOOTHING = 5  # pixels: a gap of this width beats a single pale column inside a character
SAME_TOLERANCE = 0.4  # canvas heights that one character's x may differ by between two readings: CTC peaks wander
OTHER_TOLERANCE = 0.15  # the same for two readings that disagree on which character stands there


@dataclass(frozen=True)
class Piece:
    """Columns [start, end) of the strip."""

    start: int
    end: int


def cut(strip: np.ndarray, spec: CanvasSpec) -> list[Piece]:
    """Pieces of at most `spec.max_width` pixels that cover a strip, uint8 (H, W), and overlap."""
    width = strip.shape[1]
    reach = min(2 * spec.height, spec.max_width // 4)  # how far a cut may move to find a gap
    ink = _ink(strip) if width > spec.max_width else np.empty(0)
    pieces, start = [], 0
    while width - start > spec.max_width:
        limit = start + spec.max_width
        end = _best_gap(ink, limit - reach, limit)
        pieces.append(Piece(start, end))
        start = _best_gap(ink, end - 2 * reach, end - reach)
    return [*pieces, Piece(start, width)]


def _ink(strip: np.ndarray) -> np.ndarray:
    """How much each column varies, float (W,): paper does not, however gray it is."""
    return np.convolve(strip.std(axis=0), np.ones(SMOOTHING) / SMOOTHING, mode="same")


def _best_gap(ink: np.ndarray, begin: int, end: int) -> int:
    """The column of [begin, end] with the least ink, the middle one of several."""
    window = ink[begin : end + 1]
    lowest = np.flatnonzero(window <= window.min() + 1e-6)
    return begin + int(lowest[len(lowest) // 2])


def join(left: Sequence[CharReading], right: Sequence[CharReading], overlap: Piece, height: int) -> list[CharReading]:
    """Readings of two neighboring pieces as one, the overlap counted once.

    The two readings of the overlap are aligned by character and place. They are joined at the pair
    nearest to its middle, as far as may be from both cuts; without any pair, at the middle itself.

    Args:
        left, right: characters with x in pixels of the strip.
        overlap: the columns that both pieces show.
        height: of the canvas, pixels.
    """
    middle = (overlap.start + overlap.end) / 2
    first = next((i for i, c in enumerate(left) if c.x >= overlap.start), len(left))
    last = next((j for j, c in enumerate(right) if c.x > overlap.end), len(right))
    pairs = [(first + i, j) for i, j in _align(left[first:], right[:last], height)]
    if not pairs:
        return [*(c for c in left if c.x < middle), *(c for c in right if c.x >= middle)]

    def preference(pair: tuple[int, int]) -> tuple[bool, float]:
        a, b = left[pair[0]], right[pair[1]]
        return a.char != b.char, abs((a.x + b.x) / 2 - middle)

    i, j = min(pairs, key=preference)
    surer = max(left[i], right[j], key=lambda c: c.confidence)
    return [*left[:i], surer, *right[j + 1 :]]


def _align(left: Sequence[CharReading], right: Sequence[CharReading], height: int) -> list[tuple[int, int]]:
    """Index pairs of the best monotone alignment: equal characters close to each other count most."""
    best = np.zeros((len(left) + 1, len(right) + 1))
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            best[i + 1, j + 1] = max(best[i, j + 1], best[i + 1, j], best[i, j] + _likeness(a, b, height))
    pairs, i, j = [], len(left), len(right)
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]


def _likeness(a: CharReading, b: CharReading, height: int) -> float:
    """From 0 (surely two characters) to 2 (one character, read alike at the same place)."""
    distance = abs(a.x - b.x) / height
    if a.char == b.char:
        return max(0.0, 2 - distance / SAME_TOLERANCE) if distance < SAME_TOLERANCE else 0.0
    return max(0.0, 0.5 * (1 - distance / OTHER_TOLERANCE))
