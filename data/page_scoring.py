"""Scores what was found on a page against what stands there. Knows nothing of who found it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from crnn.metrics import normalise
from data.pages import Page

MOST_SLACK = 0.35  # of a line's height: the most that the recogniser is trained with
LEAST_OVERLAP = 0.5  # intersection over union from which a line counts as found


@dataclass(frozen=True)
class FoundLine:
    """A line that a reader found.

    Attributes:
        quad: float32 (4, 2), corners in page pixels, clockwise.
        text: what it read there; None if it only finds.
    """

    quad: np.ndarray
    text: str | None


@dataclass(frozen=True)
class PageScore:
    """Counts of one page, or of several added up.

    Attributes:
        lines: lines that stand there.
        found: lines given.
        matched: pairs of them that overlap by `LEAST_OVERLAP`, tight or with slack, each line in one pair at most.
        characters: of all lines, spaces left out.
        errors: edit distance between the texts of the page in reading order, spaces left out; None without texts.
        line_errors: the same, line by line: what overlaps no line counts as inserted. Blind to the order.
    """

    lines: int
    found: int
    matched: int
    characters: int
    errors: int | None
    line_errors: int | None

    def __add__(self, other: PageScore) -> PageScore:
        return PageScore(
            self.lines + other.lines,
            self.found + other.found,
            self.matched + other.matched,
            self.characters + other.characters,
            None if self.errors is None or other.errors is None else self.errors + other.errors,
            None if self.line_errors is None or other.line_errors is None else self.line_errors + other.line_errors,
        )

    @property
    def recall(self) -> float:
        return self.matched / max(1, self.lines)

    @property
    def precision(self) -> float:
        return self.matched / max(1, self.found)

    @property
    def cer(self) -> float | None:
        return None if self.errors is None else self.errors / max(1, self.characters)

    @property
    def line_cer(self) -> float | None:
        return None if self.line_errors is None else self.line_errors / max(1, self.characters)


def score_page(page: Page, found: Sequence[FoundLine]) -> PageScore:
    """Compare the lines `found`, in their reading order, with the page's."""
    boxes = [line.quad for line in found]
    # Readers differ in the slack they leave around a line; a box is as good tight as generous.
    overlaps = np.maximum(
        overlap([line.quad for line in page.lines], boxes),
        overlap([_widened(line.quad) for line in page.lines], boxes),
    )
    truths = [_bare(line.text) for line in page.lines]
    characters = sum(map(len, truths))
    matched = len(_pairs(overlaps, LEAST_OVERLAP))
    if any(line.text is None for line in found):
        return PageScore(len(truths), len(found), matched, characters, None, None)
    texts = [_bare(line.text or "") for line in found]
    errors = distance("".join(truths), "".join(texts))
    return PageScore(len(truths), len(found), matched, characters, errors, _line_errors(overlaps, truths, texts))


def _line_errors(overlaps: np.ndarray, truths: Sequence[str], texts: Sequence[str]) -> int:
    """Errors of each line against the text at its place; text at no line's place, and lines without, count whole."""
    pairs = _pairs(overlaps, 0.1)
    errors = sum(distance(truths[i], texts[j]) for i, j in pairs)
    errors += sum(len(truth) for i, truth in enumerate(truths) if i not in {i for i, _ in pairs})
    return errors + sum(len(text) for j, text in enumerate(texts) if j not in {j for _, j in pairs})


def _pairs(overlaps: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) from the largest overlap down to `least`, no row or column twice."""
    pairs: list[tuple[int, int]] = []
    free = overlaps.copy()
    while free.size and free.max() >= least:
        i, j = np.unravel_index(int(free.argmax()), free.shape)
        pairs.append((int(i), int(j)))
        free[i, :] = free[:, j] = -1
    return pairs


def overlap(quads: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> np.ndarray:
    """Intersection over union of each of `quads` with each of `others`, convex (4, 2): float64 (n, m)."""
    shares = np.zeros((len(quads), len(others)))
    for i, a in enumerate(quads):
        for j, b in enumerate(others):
            if (a.min(axis=0) < b.max(axis=0)).all() and (b.min(axis=0) < a.max(axis=0)).all():
                common, _ = cv2.intersectConvexConvex(a.astype(np.float32), b.astype(np.float32))
                union = cv2.contourArea(a.astype(np.float32)) + cv2.contourArea(b.astype(np.float32)) - common
                shares[i, j] = common / max(union, 1e-6)
    return shares


def _widened(quad: np.ndarray) -> np.ndarray:
    """`quad` with `MOST_SLACK` of its height more on every side."""
    along, down = quad[1] - quad[0], quad[3] - quad[0]
    down = MOST_SLACK * down
    along = along * np.linalg.norm(down) / max(1e-6, float(np.linalg.norm(along)))
    return quad + np.array([-along - down, along - down, along + down, -along + down], np.float32)


def _bare(text: str) -> str:
    return normalise(text).replace(" ", "")


def distance(a: str, b: str) -> int:
    """Edit distance, one row of the table at a time: a page's 3,000 characters take too long one by one."""
    codes = np.array([ord(c) for c in b], np.int64)
    steps = np.arange(len(b) + 1)
    row = steps.copy()
    for i, character in enumerate(a, start=1):
        below = np.concatenate([[i], np.minimum(row[1:] + 1, row[:-1] + (codes != ord(character)))])
        row = np.minimum.accumulate(below - steps) + steps  # insertions, all at once
    return int(row[-1])
