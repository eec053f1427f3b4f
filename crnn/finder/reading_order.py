"""Puts boxes into reading order.

All boxes are float32 (n, 4): left, top, right, bottom in pixels, on a level page. A *band* is what stands between two
empty horizontal strips, a *span* what stands between two empty upright ones.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from crnn.finder.boxes import LineBox
from crnn.finder.direction import Way

COLUMN_HEIGHTS = 7  # a column of text is at least this many line heights wide; narrower ones are cells of a table
COLUMN_LINES = 3  # and holds at least so many lines
FULL_SHARE = 0.5  # of a column's width that half its lines fill at least,
LONG_SHARE = 0.75  # or that lines fill which make up half of the length of all: a paper's columns may hold a table
MOST_MARGINS = 2  # columns of small print along one side of a page
LYING = 1.5  # times as wide as high: a line that reads to the right
UPRIGHT = 2.0  # times as high as wide: a line across the page, and no digit
SAME_ROW = 0.2  # of a letter's height, between its middle and that of the row that it stands in
IN_ROWS = 0.8  # share of the letters of a table's column that stand in its rows
AGAIN = 0.9  # bands that are no columns of text are looked at again when this share of them is left
MOST_DEPTH = 4  # columns within columns
# Boxes looked at in search of columns, times n log n. Real pages stay far below it; where a page made to take long has
# used it up, what is left is read row by row.
MOST_WORK = 16
TRY_COST = 50  # boxes that take as long to look at as it takes to begin
ENDS_KNOWN = 0.25  # of a line's height: how well the heights of its ends are known
ANGLE_STEPS = 12  # angles tried on either side of the mean


def reading_order(boxes: np.ndarray) -> np.ndarray:
    """Indices that sort `boxes` as a person reads them: int64 (n,), in a time of about n log n.

    Row by row; but where columns of text run side by side, one column after the other. Tables, receipts and
    chats also leave an empty strip between left and right: there the rows are cells, or do not stand abreast.
    """
    return _Order(boxes).of(np.arange(len(boxes)), MOST_DEPTH)


def row_angle(quads: np.ndarray, angle: float) -> float:
    """The angle of a page's rows, radians: near `angle`, and such that most room is left between them.

    Short lines tell their angle badly, and a degree too much puts one end of a wide row into the row below.

    Args:
        quads: float64 (n, 4, 2), corners of lines in pixels.
        angle: the mean of the lines, radians.
    """
    sides = np.linalg.norm(quads - np.roll(quads, 1, axis=1), axis=2)
    reach = ENDS_KNOWN * float(np.min(sides.min(axis=1) / np.maximum(sides.max(axis=1), 1e-6)))
    quarter = round(angle / (math.pi / 2)) * (math.pi / 2)
    near = [angle + step / ANGLE_STEPS * reach for step in range(-ANGLE_STEPS, ANGLE_STEPS + 1)]
    near += [quarter] if abs(quarter - angle) <= reach else []
    near.sort(key=lambda of: abs(of - angle))
    return min(near, key=lambda of: _height_covered(turn_back(quads, of)[:, :, 1]))


def turn_back(quads: np.ndarray, angle: float) -> np.ndarray:
    """Corners float64 (n, 4, 2) of a page turned counterclockwise by `angle`, radians, so that its rows lie level."""
    cosine, sine = math.cos(angle), math.sin(angle)
    turned: np.ndarray = quads @ np.array([[cosine, -sine], [sine, cosine]])
    return turned


def _height_covered(y: np.ndarray) -> float:
    """Pixels of a page's height that have a line beside them; y: float64 (n, 4), of the lines' corners."""
    tops, bottoms = y.min(axis=1), y.max(axis=1)
    order = np.argsort(tops)
    tops, reach = tops[order], np.maximum.accumulate(bottoms[order])
    return float(reach[0] - tops[0] + np.maximum(reach[1:] - np.maximum(tops[1:], reach[:-1]), 0).sum())


class _Order:
    """Orders `boxes`; keeps count of the work that it takes."""

    def __init__(self, boxes: np.ndarray) -> None:
        self._boxes = boxes
        self._work = MOST_WORK * len(boxes) * math.log2(len(boxes) + 2)

    def of(self, members: np.ndarray, depth: int) -> np.ndarray:
        """The boxes `members` (indices) in order; columns are looked for within columns to `depth`."""
        bands = _parts(members, self._boxes[members, 1], self._boxes[members, 3])
        order: list[np.ndarray] = [members[:0]]
        start = 0
        while start < len(bands):
            stop, columns = self._block(bands, start) if depth else (len(bands), [])
            if columns:
                order += [self.of(column, depth - 1) for column in columns]
            else:
                order += [_rows(self._boxes, band) for band in bands[start:stop]]
            start = stop
        return np.concatenate(order)

    def _block(self, bands: list[np.ndarray], start: int) -> tuple[int, list[np.ndarray]]:
        """Where the tallest block of columns that begins with band `start` ends, and its columns from left to right;
        without columns, where to look next.
        """
        counts = self._counts(bands[start:], until_crossed=True)
        tried, tried_count = math.inf, 0
        for size in range(len(counts), 0, -1):
            count = counts[size - 1]
            if count < 2 or (count == tried_count and size > AGAIN * tried):
                continue
            columns = self._columns(bands[start : start + size], count)
            if columns:
                return start + size, columns
            tried, tried_count = size, count
        # Of the same number of columns, those that begin a little lower would fail alike.
        size = len(counts)
        below = self._counts(bands[start : start + size][::-1])[::-1] if size > 1 else []
        changes = (step for step, count in enumerate(below) if count != below[0] or size - step <= AGAIN * size)
        return start + next(changes, 1), []

    def _counts(self, bands: Iterable[np.ndarray], until_crossed: bool = False) -> list[int]:
        """Spans of the first band, of the first two, …; perhaps only until one box or another crosses every gutter."""
        lefts: list[float] = []  # of the spans, and their rights, in order
        rights: list[float] = []
        counts: list[int] = []
        for band in bands:
            if self._work <= 0:
                break
            self._work -= len(band)
            for left, right in self._boxes[band][:, [0, 2]].tolist():
                first, last = bisect_right(rights, left), bisect_left(lefts, right)  # of the spans that it touches
                met = slice(first, max(first, last))
                lefts[met] = [min([left, *lefts[met][:1]])]
                rights[met] = [max([right, *rights[met][-1:]])]
            if until_crossed and counts and len(lefts) == 1:
                break
            counts.append(len(lefts))
        return counts

    def _columns(self, bands: list[np.ndarray], count: int) -> list[np.ndarray]:
        """The `count` columns that the bands consist of, from left to right; [] if they are not text."""
        number = sum(map(len, bands))
        if number < COLUMN_LINES * count or self._work <= 0:
            return []
        self._work -= number + TRY_COST
        members = np.concatenate(bands)
        columns = _parts(members, self._boxes[members, 0], self._boxes[members, 2])
        return columns if _are_text(self._boxes, _without_margins(self._boxes, columns)) else []


def _parts(members: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """Members, in order, in sets whose intervals from `starts` to `ends` touch."""
    if not len(members):
        return []
    order = np.argsort(starts, kind="stable")
    reach = np.maximum.accumulate(ends[order])
    cuts = (np.flatnonzero(starts[order][1:] >= reach[:-1]) + 1).tolist()
    return [members[order[a:b]] for a, b in pairwise([0, *cuts, len(order)])]


def _without_margins(boxes: np.ndarray, columns: list[np.ndarray]) -> list[np.ndarray]:
    """The columns without those along the page's margins, of which a side may have `MOST_MARGINS`."""
    for _ in range(MOST_MARGINS):
        if len(columns) > 2 and _is_margin(boxes[columns[0]], boxes[columns[1]]):
            columns = columns[1:]
        if len(columns) > 2 and _is_margin(boxes[columns[-1]], boxes[columns[-2]]):
            columns = columns[:-1]
    return columns


def _is_margin(column: np.ndarray, neighbor: np.ndarray) -> bool:
    """Whether a column holds only upright lines and letters that stand in no row of its neighbor: a paper's number."""
    width, height = column[:, 2] - column[:, 0], column[:, 3] - column[:, 1]
    if (width >= LYING * height).any():
        return False
    letters = column[height < UPRIGHT * width]
    rows = np.concatenate([[-np.inf], np.sort(neighbor[:, [1, 3]].mean(axis=1)), [np.inf]])
    middles = letters[:, [1, 3]].mean(axis=1)
    after = np.searchsorted(rows, middles)
    away = np.minimum(rows[after] - middles, middles - rows[after - 1])
    return int((away <= SAME_ROW * (letters[:, 3] - letters[:, 1])).sum()) < max(1, IN_ROWS * len(letters))


def _are_text(boxes: np.ndarray, columns: list[np.ndarray]) -> bool:
    """Whether these are columns of running text: wide, filled by their lines, and abreast of each other."""
    for column in columns:
        left, top, right, bottom = boxes[column].T
        width = right.max() - left.min()
        if len(column) < COLUMN_LINES or width < COLUMN_HEIGHTS * _middle(bottom - top):
            return False
        lengths = right - left
        long = lengths[lengths >= LONG_SHARE * width].sum()
        if _middle(lengths) < FULL_SHARE * width and long < lengths.sum() / 2:
            return False
    return all(_abreast(boxes[a], boxes[b]) for a, b in pairwise(columns))


def _middle(values: np.ndarray) -> float:
    """The middle one, the upper of two; np.median takes ten times as long."""
    return float(np.sort(values)[len(values) // 2])


def _abreast(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether half the lines of the shorter column have a line beside them in the other."""
    return min(_beside(left, right), _beside(right, left)) >= 0.5 * min(len(left), len(right))


def _beside(some: np.ndarray, others: np.ndarray) -> int:
    """How many of `some` have at least one of `others` at their height: one that begins above their feet and does not
    end above their heads.
    """
    begun = np.searchsorted(np.sort(others[:, 1]), some[:, 3], side="left")
    ended = np.searchsorted(np.sort(others[:, 3]), some[:, 1], side="right")
    return int(np.count_nonzero(begun > ended))


def _rows(boxes: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Indices `members`, row by row: boxes that share half the lower one's height stand on one row."""
    if len(members) == 1:
        return members
    members = members[np.argsort(boxes[members, 1] + boxes[members, 3], kind="stable")]
    tops, bottoms = boxes[members, 1], boxes[members, 3]
    middles, heights = (tops + bottoms) / 2, bottoms - tops
    tallest = heights.max()
    waits = np.ones(len(members), bool)
    order: list[np.ndarray] = []
    for first in range(len(members)):
        if not waits[first]:
            continue
        # Those farther down do not reach up to it.
        window = slice(first, int(np.searchsorted(middles, bottoms[first] + tallest / 2, side="right")))
        shared = np.minimum(bottoms[first], bottoms[window]) - np.maximum(tops[first], tops[window])
        row = first + np.flatnonzero((shared >= 0.5 * np.minimum(heights[first], heights[window])) & waits[window])
        waits[row] = False
        order.append(members[row[np.argsort(boxes[members[row], 0], kind="stable")]])
    return np.concatenate(order)


def page_order(boxes: Sequence[LineBox], way: Way) -> list[int]:
    """Indices of lines in reading order on a page that reads `way`."""
    if not boxes:
        return []
    quads = np.stack([box.quad for box in boxes]).astype(np.float64)
    along = np.sum(quads[:, 1] - quads[:, 0], axis=0) if way is not Way.COLUMN else np.array([0.0, 1.0])
    angle = np.arctan2(along[1], along[0])
    # Columns run down and follow each other from right to left: turned a quarter, they are rows from top to bottom.
    turned = turn_back(quads, row_angle(quads, float(angle)))
    level = np.concatenate([turned.min(axis=1), turned.max(axis=1)], axis=1).astype(np.float32)
    return [int(i) for i in reading_order(level)]
