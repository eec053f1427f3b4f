"""Lays a column of upright characters, top to bottom, side by side, so that a reader of lines can read it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

PITCH = 48  # px that a column is made wide, for even work whatever its size
SHORTEST, LONGEST = 0.45, 1.6  # of the column's width: how high a character with its gap may be
USUAL = 1.05  # of the column's width: how high most are
MARK_CONTRAST = 40  # gray levels that a mark differs from its ground by
MARK_SHARE = 0.55  # of the cell's height and width from its upper right corner, in which all of a mark's ink lies
STRAY = 0.35  # cost of a character half or twice as high as usual, where a cut through dense ink costs 1


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
    if width < 4 or height < 2 * width:
        return Column(column, (0.0, 1.0), float(width))
    scaled = cv2.resize(column, (PITCH, max(2, round(height * PITCH / width))), interpolation=cv2.INTER_AREA)
    cuts = _cuts(_ink(scaled))
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


def _ink(column: np.ndarray) -> np.ndarray:
    """How much each row varies, as a share of what the rows with most ink do: float64 (H,)."""
    gray = column if column.ndim == 2 else column.astype(np.float32).mean(axis=2)
    variation = cv2.blur(np.asarray(gray, np.float64).std(axis=1)[:, None], (1, 3))[:, 0]
    low, high = np.percentile(variation, [5, 90])
    return np.asarray(np.clip((variation - low) / max(float(high - low), 1e-6), 0, 1))


def _cuts(ink: np.ndarray) -> list[int]:
    """Rows at which the column is cut, 0 and its height included: dynamic programming over the last cut."""
    height = len(ink)
    steps = np.arange(max(2, round(SHORTEST * PITCH)), round(LONGEST * PITCH) + 1)
    stray = STRAY * np.log2(steps / (USUAL * PITCH)) ** 2
    shortest, longest = int(steps[0]), int(steps[-1])
    best = np.full(longest + height + 1, np.inf)  # from row -longest on
    before = np.zeros(height + 1, np.int64)
    best[longest] = 0.0
    for row in range(shortest, height + 1):
        costs = best[row : row + len(steps)][::-1] + stray
        chosen = int(costs.argmin())
        # The column's own ends are no cuts.
        best[longest + row] = costs[chosen] + (ink[row] if row < height else 0.0)
        before[row] = row - steps[chosen]
    if not np.isfinite(best[-1]):
        return [0, height]
    cuts = [height]
    while cuts[-1] > 0:
        cuts.append(int(before[cuts[-1]]))
    return cuts[::-1]
