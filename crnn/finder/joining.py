"""Joins boxes that follow each other closely in a row: the network cuts some lines at wide punctuation.

Boxes of one component do not overlap others much, so that the pairs looked at are few. Of each, the rows around it are
looked at, and no others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crnn.finder.boxes import LineBox
from crnn.finder.postprocess import Boxes

WIDEST_GAP = 0.0  # of the height, between boxes of one line; cells of a table stand hardly farther apart
COLUMN_GAP = 1.3  # the same between boxes of one column of upright characters: a comma there is a cell of its own
SQUARE = 1.5  # longer than wide by less: a box of one or two characters has no direction of its own
DEEPEST_OVERLAP = 0.9  # of the height, that they may overlap: unclipping moved their ends
LARGEST_STEP = 0.3  # of the height, between their middles across the line
LARGEST_RATIO = 1.4  # of their heights
LARGEST_TURN = 0.1  # radians between their directions
# A gap that rows above and below leave at the same place, and that no more lines run over, is the edge of a column, no
# break within a line.
SAME_EDGE = 0.4  # of the height, between places where gaps lie
ROWS_AROUND = 12.0  # heights, up and down, where such gaps are looked for
LEAST_EDGES = 3  # of them, beside the gap itself
# What is no longer and begins a row is the letter or number of its item; what is no longer and ends it are the last
# digits of a number, or a unit. They belong to their lines.
LABEL = 2.5  # heights


def join_columns(boxes: Sequence[LineBox]) -> list[LineBox]:
    """The boxes of a page of columns, with those joined that stand closely below each other in one column.

    Upright characters leave more room below a comma than letters in a row do, and there are no cells beside them.
    """
    if len(boxes) < 2:
        return list(boxes)
    upright = [box.turned(1) if _is_square(box) and not _runs_down(box) else box for box in boxes]
    joined = join_rows(
        Boxes(
            np.stack([box.quad for box in upright]).astype(np.float32),
            np.array([box.score for box in upright], np.float32),
            np.array([box.height for box in upright], np.float32),
        ),
        COLUMN_GAP,
    )
    return [LineBox(quad, float(score)) for quad, score in zip(joined.quads, joined.scores, strict=True)]


def _is_square(box: LineBox) -> bool:
    return max(box.width, box.height) < SQUARE * min(box.width, box.height)


def _runs_down(box: LineBox) -> bool:
    across, down = np.abs(box.quad[1] - box.quad[0])
    return bool(down > across)


def join_rows(boxes: Boxes, widest_gap: float = WIDEST_GAP) -> Boxes:
    """The boxes with those joined that are parts of one line.

    Args:
        boxes: first sides along the lines.
        widest_gap: between boxes of one line, in heights.
    """
    n = len(boxes)
    if n < 2:
        return boxes
    quads = boxes.quads.astype(np.float64)
    along = quads[:, 1] - quads[:, 0]
    length = np.linalg.norm(along, axis=1)
    along = along / np.maximum(length, 1e-6)[:, None]
    parent = np.arange(n)
    for upright in (False, True):
        members = np.flatnonzero((np.abs(along[:, 1]) > np.abs(along[:, 0])) == upright)
        if len(members) < 2:
            continue
        # Lines of a page share their direction: positions along it and across it are compared.
        common = np.sum(along[members] * length[members, None], axis=0)
        common /= max(float(np.linalg.norm(common)), 1e-6)
        across = np.array([-common[1], common[0]])
        middle = quads[members].mean(axis=1) @ across
        begin = (quads[members][:, [0, 3]].mean(axis=1)) @ common
        end = (quads[members][:, [1, 2]].mean(axis=1)) @ common
        heights = boxes.heights[members].astype(np.float64)
        pairs = _neighbors(begin, end, middle, heights, widest_gap)
        if widest_gap <= WIDEST_GAP:
            pairs = _without_columns(pairs, begin, end, middle, heights)
        for a, b in pairs:
            turn = abs(float(np.linalg.det(along[members[[a, b]]])))
            ratio = max(heights[a], heights[b]) / min(heights[a], heights[b])
            # A short box has no direction of its own.
            if ratio <= LARGEST_RATIO and (turn <= LARGEST_TURN or min(length[members[[a, b]]]) < 2 * heights[a]):
                _unite(parent, int(members[a]), int(members[b]))
    roots = np.array([_root(parent, i) for i in range(n)])
    groups: dict[int, list[int]] = {}
    for i, root in enumerate(roots):
        groups.setdefault(int(root), []).append(i)
    single = [of[0] for of in groups.values() if len(of) == 1]
    joined = [_merged(boxes, np.array(of)) for of in groups.values() if len(of) > 1]
    rest = boxes.take(np.array(single, int))
    if not joined:
        return rest
    return Boxes(
        np.concatenate([rest.quads, np.stack([quad for quad, _, _ in joined])]).astype(np.float32),
        np.concatenate([rest.scores, [score for _, score, _ in joined]]).astype(np.float32),
        np.concatenate([rest.heights, [height for _, _, height in joined]]).astype(np.float32),
    )


def _neighbors(
    begin: np.ndarray, end: np.ndarray, middle: np.ndarray, heights: np.ndarray, widest_gap: float
) -> list[tuple[int, int]]:
    """Pairs (a, b) of boxes where b begins about where a ends, in the same row."""
    # Boxes are sorted by rows of twice the usual height and, in a row, by where they begin; a box's follower is in
    # its own row or in one of the two beside it.
    pitch = 2 * max(float(np.median(heights)), 1.0)
    row = np.floor(middle / pitch).astype(np.int64)
    low, reach = begin.min(), float(np.ptp(begin)) + 2 * float(heights.max()) + 1
    key = row * reach + (begin - low)
    order = np.argsort(key, kind="stable")
    keys = key[order]
    pairs = []
    for step in (-1, 0, 1):
        base = (row + step) * reach - low
        first = np.searchsorted(keys, base + end - DEEPEST_OVERLAP * heights)
        last = np.searchsorted(keys, base + end + widest_gap * heights, side="right")
        for a in np.flatnonzero(last > first):
            for b in order[first[a] : min(last[a], first[a] + 8)]:
                same = abs(middle[a] - middle[b]) <= LARGEST_STEP * min(heights[a], heights[b])
                if a != b and same and end[b] > end[a]:
                    pairs.append((int(a), int(b)))
    return pairs


def _without_columns(
    pairs: list[tuple[int, int]], begin: np.ndarray, end: np.ndarray, middle: np.ndarray, heights: np.ndarray
) -> list[tuple[int, int]]:
    """The pairs without those whose gap is the edge of a column, such as of a table whose cells nearly touch.

    Args:
        pairs: boxes (a, b) where b follows a.
        begin, end, middle, heights: float (n,), of all boxes, pixels: where they lie along the lines and across, and
            how high they are.
    """
    if len(pairs) <= LEAST_EDGES:
        return pairs
    pairs = sorted(pairs, key=lambda pair: float(middle[pair[0]]))
    left, right = np.array(pairs).T
    gaps, rows, high = (end[left] + begin[right]) / 2, middle[left], heights[left]
    follows, goes_on = np.isin(left, right), np.isin(right, left)
    lengths = end - begin
    inner = (follows | (lengths[left] > LABEL * high)) & (goes_on | (lengths[right] > LABEL * high))
    order = np.argsort(middle)
    begin, end, middle = begin[order], end[order], middle[order]
    kept = []
    for pair, gap, row, height, may_part in zip(pairs, gaps, rows, high, inner, strict=True):
        around = (row - ROWS_AROUND * height, row + ROWS_AROUND * height)
        gaps_around = slice(*np.searchsorted(rows, around))
        boxes_around = slice(*np.searchsorted(middle, around))
        same = np.abs(gaps[gaps_around] - gap) <= SAME_EDGE * height
        edges = np.count_nonzero(same & (np.abs(rows[gaps_around] - row) > 0.5 * height))
        if may_part and edges >= LEAST_EDGES:
            over = (begin[boxes_around] < gap - 0.5 * height) & (end[boxes_around] > gap + 0.5 * height)
            if np.count_nonzero(over) <= edges:
                continue
        kept.append(pair)
    return kept


def _root(parent: np.ndarray, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = int(parent[i])
    return i


def _unite(parent: np.ndarray, a: int, b: int) -> None:
    parent[_root(parent, b)] = _root(parent, a)


def _merged(boxes: Boxes, members: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Quad, score and height of boxes joined to one: along the direction from the first to the last of them."""
    quads = boxes.quads[members].astype(np.float64)
    length = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
    height = float(np.average(boxes.heights[members], weights=length))
    ends = np.concatenate([quads[:, [0, 3]].mean(axis=1), quads[:, [1, 2]].mean(axis=1)])
    along = np.sum(quads[:, 1] - quads[:, 0], axis=0)
    along /= max(float(np.linalg.norm(along)), 1e-6)
    order = np.argsort(ends @ along)
    span = ends[order[-1]] - ends[order[0]]
    along = span / max(float(np.linalg.norm(span)), 1e-6)
    center = quads.mean(axis=1)
    middle = np.average(center, axis=0, weights=length)
    first, last = ((ends - middle) @ along).min(), ((ends - middle) @ along).max()
    down = np.array([-along[1], along[0]]) * height / 2
    start, end = middle + first * along, middle + last * along
    quad = np.stack([start - down, end - down, end + down, start + down])
    return quad, float(np.average(boxes.scores[members], weights=length)), height
