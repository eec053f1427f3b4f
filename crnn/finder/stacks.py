"""Parts boxes in which single characters of several rows stand below each other, such as the numbers of a listing's
lines or a column of figures.

To the finder such a stack looks like a column of upright text. It differs from one by its rows: each of its characters
has others beside it at the same height, which the characters of a column have by chance alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from crnn.finder.boxes import LineBox, crop_line
from crnn.finder.direction import MOST_UPRIGHT, Way, is_across
from crnn.image.preprocess import line_gray

INK = 0.25  # of the contrast of the rows with most ink: above it a row of pixels shows a character
DOT = 0.15  # of the box's width: ink that follows more closely belongs to the same character
LOWEST = 0.15  # of the box's width, height of a character; less is a speck
ROOM = 0.15  # of the box's width, left above and below each character
SAME_ROW = 0.3  # of the box's width, between the middles of a character and of what stands beside it
HIGHEST_NEIGHBOR = 1.6  # times the box's width; what is higher is no row
IN_ROWS = 0.7  # share of the characters that must have something beside them


def part_stacks(
    image: np.ndarray, boxes: Sequence[LineBox], ways: Sequence[Way], page: Way
) -> tuple[list[LineBox], list[Way]]:
    """Boxes and ways of a page's lines, where stacks are parted into their characters, which read as the page does.

    What makes most sense as a turned line is none, whatever stands beside it: a chart's axis has words at its ticks.
    Nor is an upright box whose way was not tried (`MOST_UPRIGHT`), so that the time stays linear in the boxes.

    Args:
        image: uint8 (H, W) or (H, W, 3).
        boxes: of the page's lines.
        ways: how each reads (`crnn.finder.direction.line_ways`).
        page: how most of them do.
    """
    across = [is_across(box, page) for box in boxes]
    rows = np.array([box.quad for box, is_one in zip(boxes, across, strict=True) if not is_one]).reshape(-1, 4, 2)
    upright = sorted(np.flatnonzero(across).tolist(), key=lambda i: -boxes[i].score)
    stacks = {i for i in upright[:MOST_UPRIGHT] if ways[i] in (page.column, page)}
    parted: list[tuple[LineBox, Way]] = []
    for i, (box, way) in enumerate(zip(boxes, ways, strict=True)):
        slices = _parted(image, box, rows) if i in stacks else []
        parted += [(one, page) for one in slices] or [(box, way)]
    return [box for box, _ in parted], [way for _, way in parted]


def _parted(image: np.ndarray, box: LineBox, rows: np.ndarray) -> list[LineBox]:
    """The characters of a stack; none of a box that is no stack.

    Args:
        rows: float32 (n, 4, 2), corners of the boxes that may stand beside it, pixels.
    """
    box = box.turned(1) if box.width > box.height else box
    spans = _characters(line_gray(crop_line(image, box)))
    if len(spans) < 2 or not len(rows):
        return []
    start, down = box.quad[:2].mean(axis=0), (box.quad[3] - box.quad[0]) / box.height
    places = (rows - start) @ down
    places = places[np.ptp(places, axis=1) <= HIGHEST_NEIGHBOR * box.width].mean(axis=1)
    middles = spans.mean(axis=1)
    distances = np.abs(middles[:, None] - places)
    beside = (distances <= SAME_ROW * box.width).any(axis=1)
    if beside.mean() < IN_ROWS:
        return []
    room = ROOM * box.width
    slices = [_slice(box, max(0.0, top - room), min(box.height, bottom + room)) for top, bottom in spans]
    low, high = box.quad.min(axis=0), box.quad.max(axis=0)
    near = rows[(rows.min(axis=1) <= high).all(axis=1) & (rows.max(axis=1) >= low).all(axis=1)]
    return [one for one in slices if not any(_holds_middle(quad, one) for quad in near)]


def _characters(gray: np.ndarray) -> np.ndarray:
    """Where characters begin and end, pixels from the top of the stack `gray`, uint8 (H, W): float64 (n, 2)."""
    spread = gray.astype(np.float32).std(axis=1)
    low, high = np.percentile(spread, [5, 90])
    inked = np.concatenate([[False], spread > low + INK * max(float(high - low), 1.0), [False]])
    edges = np.flatnonzero(inked[1:] != inked[:-1])
    begins, ends = edges[::2], edges[1::2]
    apart = begins[1:] - ends[:-1] > DOT * gray.shape[1]
    if not len(edges):
        return np.zeros((0, 2))
    spans = np.stack([begins[np.append(True, apart)], ends[np.append(apart, True)]], axis=1).astype(np.float64)
    return spans[np.ptp(spans, axis=1) >= LOWEST * gray.shape[1]]


def _holds_middle(quad: np.ndarray, other: LineBox) -> bool:
    x, y = other.quad.mean(axis=0)
    return cv2.pointPolygonTest(quad, (float(x), float(y)), False) >= 0


def _slice(box: LineBox, top: float, bottom: float) -> LineBox:
    """The part of the box from `top` to `bottom`, pixels down its second side."""
    down = (box.quad[3] - box.quad[0]) / box.height
    upper, lower = box.quad[:2] + top * down, box.quad[:2] + bottom * down
    return LineBox(np.concatenate([upper, lower[::-1]]).astype(np.float32), box.score)
