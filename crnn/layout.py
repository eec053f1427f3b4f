"""Puts boxes into reading order. Knows nothing of ink or text.

All boxes are float32 (n, 4): left, top, right, bottom in pixels, on a level page.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

COLUMN_HEIGHTS = 7  # a column of text is at least this many line heights wide; narrower ones are cells of a table
FULL_SHARE = 0.5  # of a column's width that half its lines fill at least


def reading_order(boxes: np.ndarray) -> np.ndarray:
    """Indices that sort `boxes` as a person reads them: int64 (n,).

    Row by row; but where columns of text run side by side, one column after the other. Tables, receipts and
    chats also leave an empty strip between left and right: there the rows are cells, or do not stand abreast.
    """
    bands = _bands(boxes)
    order: list[np.ndarray] = []
    start = 0
    while start < len(bands):
        end, columns = _block(boxes, bands, start)
        if len(columns) > 1:
            order += [column[reading_order(boxes[column])] for column in columns]
        else:
            order.append(_rows(boxes, bands[start]))
        start = end
    return np.concatenate(order) if order else np.zeros(0, np.int64)


def _bands(boxes: np.ndarray) -> list[np.ndarray]:
    """Indices of the boxes between empty horizontal strips, from top to bottom."""
    return _parts(boxes[:, 1], boxes[:, 3])


def _parts(starts: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """Sets of intervals that touch, in order."""
    if not len(starts):
        return []
    order = np.argsort(starts, kind="stable")
    reach = np.maximum.accumulate(ends[order])
    cuts = (np.flatnonzero(starts[order][1:] >= reach[:-1]) + 1).tolist()
    return [order[a:b] for a, b in pairwise([0, *cuts, len(order)])]


def _block(boxes: np.ndarray, bands: list[np.ndarray], start: int) -> tuple[int, list[np.ndarray]]:
    """Where the tallest block of columns that begins with band `start` ends, and its columns from left to right.

    One column, or none that are text: the block is the band alone.
    """
    spans: list[tuple[float, float]] = []  # from left to right of what stands side by side so far
    end = start
    for end in range(start, len(bands)):
        for left, right in boxes[bands[end]][:, [0, 2]].tolist():
            met = [span for span in spans if span[0] < right and left < span[1]]
            spans = [span for span in spans if span not in met]
            spans.append((min([left, *(span[0] for span in met)]), max([right, *(span[1] for span in met)])))
        if len(spans) == 1 and end > start:
            break  # a line crosses every gutter
    else:
        end = len(bands)
    for stop in range(end, start, -1):
        members = np.concatenate(bands[start:stop])
        columns = [members[part] for part in _parts(boxes[members, 0], boxes[members, 2])]
        if len(columns) > 1 and _are_text(boxes, columns):
            return stop, columns
    return start + 1, []


def _are_text(boxes: np.ndarray, columns: list[np.ndarray]) -> bool:
    """Whether these are columns of running text: wide, filled by their lines, and abreast of each other."""
    for column in columns:
        left, top, right, bottom = boxes[column].T
        width = right.max() - left.min()
        if len(column) < 3 or width < COLUMN_HEIGHTS * _middle(bottom - top):
            return False
        if _middle(right - left) < FULL_SHARE * width:
            return False
    return all(_abreast(boxes[a], boxes[b]) for a, b in pairwise(columns))


def _middle(values: np.ndarray) -> float:
    """The middle one, the upper of two; np.median takes ten times as long."""
    return float(np.sort(values)[len(values) // 2])


def _abreast(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether half the lines of the shorter column have a line beside them in the other."""
    beside = (left[:, None, 1] < right[None, :, 3]) & (right[None, :, 1] < left[:, None, 3])
    return min(beside.any(axis=1).sum(), beside.any(axis=0).sum()) >= 0.5 * min(len(left), len(right))


def _rows(boxes: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Indices `members`, row by row: boxes that share half the lower one's height stand on one row."""
    waiting = members[np.argsort(boxes[members, 1] + boxes[members, 3], kind="stable")]
    order: list[np.ndarray] = []
    while len(waiting):
        top, bottom = boxes[waiting[0], 1], boxes[waiting[0], 3]
        shared = np.minimum(bottom, boxes[waiting, 3]) - np.maximum(top, boxes[waiting, 1])
        same = shared >= 0.5 * np.minimum(bottom - top, boxes[waiting, 3] - boxes[waiting, 1])
        row = waiting[same]
        order.append(row[np.argsort(boxes[row, 0], kind="stable")])
        waiting = waiting[~same]
    return np.concatenate(order)
