"""Joins pieces of ink into lines of text. Knows nothing of the picture they came from.

Pieces that stand side by side become runs, runs on one row become lines. Every distance is measured in the height of
the text at that place, so print of 10 px and headings of 120 px may share a page. Boxes are float32 (n, 4): left, top,
right, bottom in px; a weight is the pixels of ink in a box.
"""

from __future__ import annotations

import numpy as np

from crnn.ink import TALLEST_PIECE, Gaps, Ink

TALLEST_TEXT = 120  # px
MOST_RUNS = 2000  # the largest are looked at; a full page has some hundreds, a noisy photo any number of specks
NEAR_GAP = 1.3  # of the text's height between runs of one line; a gutter or the next cell is farther
FAR_GAP = 2.2  # the same where the line above or below leaves no gutter there: full-width punctuation, wide spaces
LEAST_HEIGHT = 6  # px of ink; smaller is not legible


def boxes_of(ink: Ink) -> np.ndarray:
    """Lines of one polarity: float32 (n, 4) left, top, right, bottom of their ink."""
    if not len(ink.boxes):
        return ink.boxes
    runs = _link(ink.boxes, ink.areas, ink.gaps)
    boxes, weights = _merge(ink.boxes, ink.areas, runs)
    largest = np.sort(np.argsort(-weights, kind="stable")[:MOST_RUNS])
    boxes, weights = boxes[largest], weights[largest]
    boxes, weights = _legible(*_stack(*_absorb(boxes, weights)))
    boxes, weights = _legible(*_join_rows(boxes, weights, ink.rules))
    boxes, weights = _absorb(boxes, weights)
    return boxes[boxes[:, 3] - boxes[:, 1] >= LEAST_HEIGHT]


def _legible(boxes: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without what is taller than any text: cells and stripes of the ground that hang together."""
    fits = boxes[:, 3] - boxes[:, 1] <= TALLEST_PIECE
    return boxes[fits], weights[fits]


def _link(boxes: np.ndarray, areas: np.ndarray, gaps: Gaps) -> np.ndarray:
    """Number of the run each piece belongs to, int64 (n,): pieces close together along a row."""
    size = _text_size(boxes, areas)
    height = boxes[:, 3] - boxes[:, 1]
    larger = np.maximum(size[gaps.left], size[gaps.right])
    smaller = np.minimum(size[gaps.left], size[gaps.right])
    near = gaps.width <= np.minimum(0.7 * larger, 2.5 * smaller)
    level = gaps.rows >= 0.4 * np.minimum(height[gaps.left], height[gaps.right])
    good = near & level
    return _connected(len(boxes), gaps.left[good], gaps.right[good])


def _text_size(boxes: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Height of the text a piece hints at: its own, more for a bar such as 一 or a dash."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    bar = (width > 2 * height) & (areas > 0.7 * width * height)
    return np.where(bar, np.minimum(width, 4 * height), height)


def _connected(count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Number the connected sets of a graph: int64 (count,), 0-based, in order of their first node."""
    root = np.arange(count)
    while True:
        low = np.minimum(root[left], root[right])
        before = root.copy()
        np.minimum.at(root, root[left], low)
        np.minimum.at(root, root[right], low)
        root = root[root]
        if np.array_equal(before, root):
            return np.unique(root, return_inverse=True)[1]


def _merge(boxes: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes around, and weights summed over, each group."""
    count = int(groups.max(initial=-1)) + 1
    merged = np.tile(np.array([np.inf, np.inf, -np.inf, -np.inf], np.float32), (count, 1))
    np.minimum.at(merged[:, 0], groups, boxes[:, 0])
    np.minimum.at(merged[:, 1], groups, boxes[:, 1])
    np.maximum.at(merged[:, 2], groups, boxes[:, 2])
    np.maximum.at(merged[:, 3], groups, boxes[:, 3])
    return merged, np.bincount(groups, weights, minlength=count).astype(np.float32)


def _absorb(boxes: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Let a run take in the smaller ones whose middle lies inside it: dots of i, middle strokes of 三."""
    height = boxes[:, 3] - boxes[:, 1]
    hosts = np.flatnonzero(height >= LEAST_HEIGHT)
    if not len(hosts):
        return boxes, weights
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    guest, host = np.nonzero((middle[:, None, 0] > boxes[hosts, 0]) & (middle[:, None, 0] < boxes[hosts, 2]))
    host = hosts[host]
    slack = 0.15 * height[host]
    inside = (
        (middle[guest, 1] > boxes[host, 1] - slack)
        & (middle[guest, 1] < boxes[host, 3] + slack)
        & (height[guest] < 0.75 * height[host])
        & (height[guest] > 0)
    )
    return _merge(boxes, weights, _connected(len(boxes), guest[inside], host[inside]))


def _stack(boxes: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put the bars of a character that stands alone on one another: 二, 三, =."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    bars = np.flatnonzero((height <= 0.3 * width) & (weights > 0.65 * width * height) & (width <= TALLEST_TEXT))
    reach = boxes[bars, 3] + TALLEST_TEXT
    above, below = np.nonzero((boxes[bars, 3][:, None] < boxes[bars, 1]) & (boxes[bars, 1] < reach[:, None]))
    above, below = bars[above], bars[below]
    upper, lower = boxes[above], boxes[below]
    shared = np.minimum(upper[:, 2], lower[:, 2]) - np.maximum(upper[:, 0], lower[:, 0])
    whole = np.maximum(upper[:, 2], lower[:, 2]) - np.minimum(upper[:, 0], lower[:, 0])
    gap = lower[:, 1] - upper[:, 3]
    thin, thick = np.minimum(height[above], height[below]), np.maximum(height[above], height[below])
    apart = (gap >= 0.5 * thick) & (thick <= 2 * thin)
    one = apart & (gap <= 0.6 * whole) & (shared >= 0.6 * whole)
    return _merge(boxes, weights, _connected(len(boxes), above[one], below[one]))


def _join_rows(boxes: np.ndarray, weights: np.ndarray, rules: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join runs of one row into lines: word spaces, punctuation, wide spacing, but not across columns."""
    for reach, bridged in ((NEAR_GAP, False), (FAR_GAP, True)):
        order = np.argsort(boxes[:, 0], kind="stable")
        boxes, weights = boxes[order], weights[order]
        first, second = _neighbours(boxes, reach)
        join = ~_parted(boxes[first], boxes[second], rules)
        if bridged:
            join[join] = [_bridged(boxes, a, b) for a, b in zip(first[join], second[join], strict=True)]
        boxes, weights = _merge(boxes, weights, _connected(len(boxes), first[join], second[join]))
    return boxes, weights


def _neighbours(boxes: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (left, right) that stand on one row, at most `reach` text heights apart; `boxes` sorted by left."""
    height = boxes[:, 3] - boxes[:, 1]
    # Few pairs stand abreast; the rest is asked of these alone.
    reached = boxes[:, 3] + 0.15 * height.max(initial=0)
    abreast = (boxes[:, 1] < reached[:, None]) & (boxes[:, None, 1] < reached)
    first, second = np.nonzero(np.triu(abreast, 1))
    left, right = boxes[first], boxes[second]
    gap = right[:, 0] - left[:, 2]
    shared = np.minimum(left[:, 3], right[:, 3]) - np.maximum(left[:, 1], right[:, 1])
    lower, higher = np.minimum(height[first], height[second]), np.maximum(height[first], height[second])
    # A comma hangs below its line: small marks may stand a little off it.
    level = shared >= 0.6 * lower - np.where(higher > 1.8 * lower, 0.15 * higher, 0)
    near = (gap <= reach * higher) & (gap > -higher) & level
    return first[near], second[near]


def _bridged(boxes: np.ndarray, left: int, right: int) -> bool:
    """Whether the line above or below runs across the gap between two boxes: then it is no gutter."""
    edge, start = boxes[left, 2], boxes[right, 0]
    top, bottom = min(boxes[left, 1], boxes[right, 1]), max(boxes[left, 3], boxes[right, 3])
    height = bottom - top
    across = (boxes[:, 0] < edge - height) & (boxes[:, 2] > start + height)
    beside = (boxes[:, 3] > top - height) & (boxes[:, 1] < bottom + height)
    alike = boxes[:, 3] - boxes[:, 1] < 2.5 * height
    return bool((across & beside & alike).any())


def _parted(left: np.ndarray, right: np.ndarray, rules: np.ndarray) -> np.ndarray:
    """Whether an upright rule stands between the boxes of each pair: bool (n,)."""
    rows = (np.maximum(left[:, 1], right[:, 1]) + np.minimum(left[:, 3], right[:, 3])).astype(int) // 2
    starts, ends = np.maximum(0, left[:, 2].astype(int) - 2), right[:, 0].astype(int) + 2
    places = zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True)
    return np.array([rules[row, start:end].any() for row, start, end in places], bool)
