"""Lays a column of upright characters, top to bottom, side by side, so that a reader of lines can read it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

PITCH = 48  # px that a column is made wide, for even work whatever its size
MOST = 100  # widths that a column is high; beyond it is a rule, and would take a second to cut
GRID = 2  # px: cuts lie on a grid of so many
SIDE, BLANK = 0.25, 0.33  # of the width on each side: blank where it has less than such a share of the usual contrast
MARGIN = 0.12  # of the width, left on each side of the characters
USUAL = (0.95, 1.1, 1.3, 1.6, 2.0)  # heights of most characters with their gaps that are tried, in widths of one
SHORTEST, LONGEST = 0.5, 1.6  # of the usual height: how high a character with its gap may be
INKED, BLANK_CELL = 0.2, 0.5  # of the most ink, that a row of a character has; cost of a character without any such row
MARK_CONTRAST = 40  # gray levels that a mark differs from its ground by
MARK_SHARE = 0.55  # of the cell's height and width from its upper right corner, in which all of a mark's ink lies
STRAY = 1.0  # cost of a character half or twice as high as usual, where a cut through dense ink costs 1
SPARSE = 0.15  # cost of a usual height twice as large, for each cut: cuts at every second gap are as clean as at each


@dataclass(frozen=True)
class Column:
    """Characters of a column laid side by side.

    Attributes:
        line: uint8 (h, w[, C]).
        cuts: where each character begins and the last one ends, as shares of the column's height.
        pitch: pixels of the line that each character takes.
    """

    line: np.ndarray
    cuts: tuple[float, ...]
    pitch: float

    def share_of(self, x: float) -> float:
        """How far down the column, as a share of its height, the place `x` of the line is: a character's middle."""
        number = min(max(int(x / self.pitch), 0), len(self.cuts) - 2)
        return (self.cuts[number] + self.cuts[number + 1]) / 2


def lay_column(column: np.ndarray) -> Column:
    """The characters of `column`, uint8 (H, W[, C]), which stand below each other, side by side.

    Cuts are chosen together: those with the least ink on them and the evenest distances.
    """
    height, width = column.shape[:2]
    if width < 4 or not 2 * width <= height <= MOST * width:
        return Column(column, (0.0, 1.0), float(width))
    left, right = _sides(column)
    margin = round(MARGIN * width)
    inside = column[:, max(0, left - margin) : right + margin]
    scale = PITCH / inside.shape[1]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(inside, (PITCH, max(2, round(height * scale))), interpolation=method)
    coarse = _cuts(_ink(scaled)[::GRID], (right - left) * scale / GRID)
    cuts = [GRID * cut for cut in coarse[:-1]] + [len(scaled)]
    parts = [scaled[top:bottom] for top, bottom in pairwise(cuts)]
    tallest = max(PITCH, max(len(part) for part in parts))
    cells = []
    for part in parts:
        above = (tallest - len(part)) // 2
        cell = cv2.copyMakeBorder(part, above, tallest - len(part) - above, 0, 0, cv2.BORDER_REPLICATE)
        cells.append(_mark_as_in_a_line(cell))
    return Column(np.hstack(cells), tuple(cut / len(scaled) for cut in cuts), float(PITCH))


def _mark_as_in_a_line(cell: np.ndarray) -> np.ndarray:
    """A comma or full stop, which stands in the upper right of its cell in a column, moved to the lower left."""
    gray = cell if cell.ndim == 2 else cell.astype(np.float32).mean(axis=2)
    contrast = np.abs(np.asarray(gray, np.float32) - float(np.median(gray)))
    if contrast.max() < MARK_CONTRAST:
        return cell
    rows, columns = np.nonzero(contrast > 0.4 * contrast.max())
    height, width = cell.shape[:2]
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    if bottom >= MARK_SHARE * height or left <= (1 - MARK_SHARE) * width:
        return cell
    shift = np.array([[1, 0, width - 1 - right - left], [0, 1, height - 1 - bottom - top]], np.float32)
    moved: np.ndarray = cv2.warpAffine(cell, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return moved


def _sides(column: np.ndarray) -> tuple[int, int]:
    """Where the characters of a column begin and end from left to right; neighbors at its edges are left out."""
    gray = column if column.ndim == 2 else column.mean(axis=2)
    contrast = cv2.blur(np.abs(np.diff(gray.astype(np.float64), axis=0)).mean(axis=0)[None], (3, 1))[0]
    width = len(contrast)
    side = int(SIDE * width)
    blank = contrast < BLANK * np.percentile(contrast, 75)
    before, after = np.flatnonzero(blank[:side]), np.flatnonzero(blank[width - side :])
    return int(before[-1]) + 1 if len(before) else 0, width - side + int(after[0]) if len(after) else width


def _ink(column: np.ndarray) -> np.ndarray:
    """How much each row varies, as a share of what the rows with most ink do: float64 (H,)."""
    gray = column if column.ndim == 2 else column.astype(np.float32).mean(axis=2)
    variation = cv2.blur(np.asarray(gray, np.float64).std(axis=1)[:, None], (1, 3))[:, 0]
    low, high = np.percentile(variation, [5, 90])
    return np.asarray(np.clip((variation - low) / max(float(high - low), 1e-6), 0, 1))


def _cuts(ink: np.ndarray, character: float) -> list[int]:
    """Rows at which the column is cut, 0 and its height included: dynamic programming over the last cut, for each usual
    height of a character at once.

    Args:
        ink: see `_ink`.
        character: how wide one is, in rows.
    """
    height, usual = len(ink), character * np.array(USUAL)[:, None]
    steps = np.arange(max(2, round(SHORTEST * usual.min())), round(LONGEST * usual.max()) + 1)
    allowed = (steps >= SHORTEST * usual) & (steps <= LONGEST * usual)
    stray = np.where(allowed, STRAY * np.log2(steps / usual) ** 2, np.inf)
    shortest, longest = int(steps[0]), int(steps[-1])
    best = np.full((len(usual), longest + height + 1), np.inf)  # from row -longest on
    before = np.zeros((len(usual), height + 1), np.int64)
    best[:, longest] = 0.0
    each = np.arange(len(usual))
    inked = np.concatenate([np.zeros(longest, np.int64), [0], np.cumsum(ink > INKED)])  # so many rows until each
    for row in range(shortest, height + 1):
        blank = inked[row : row + len(steps)][::-1] == inked[longest + row]
        costs = best[:, row : row + len(steps)][:, ::-1] + stray + BLANK_CELL * blank
        chosen = costs.argmin(axis=1)
        # The column's own ends are no cuts.
        best[:, longest + row] = costs[each, chosen] + (ink[row] if row < height else 0.0)
        before[:, row] = row - steps[chosen]
    found = [(np.inf, [0, height])]
    for number, total in enumerate(best[:, -1]):
        if np.isfinite(total):
            cuts = [height]
            while cuts[-1] > 0:
                cuts.append(int(before[number, cuts[-1]]))
            found.append((total / (len(cuts) - 1) + SPARSE * np.log2(USUAL[number]), cuts[::-1]))
    return min(found)[1]
