"""Finds the text lines of a page with OpenCV alone. Knows nothing of reading them.

Ink becomes pieces, pieces that stand side by side become runs, runs on one row become lines. Every distance is
measured in the height of the text at that place, so print of 10 px and headings of 120 px may share a page.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from crnn.ink import TALLEST_PIECE, Gaps, Ink, find_ink, smooth, stands_on_paper
from crnn.layout import reading_order
from crnn.preprocess import to_grey
from crnn.skew import find_skew

MOST_PIXELS = 2_400_000  # larger pages are searched at this size
SMALLEST_SIDE = 6  # px; less holds no text
SLACK = 0.15  # of the text's height, on every side: the middle of what the recogniser was trained with
TALLEST_TEXT = 120  # px
TALLEST_LINE = 200  # px; a picture that is one line is not taller
MOST_RUNS = 2000  # the largest are looked at; a full page has some hundreds, a noisy photo any number of specks
NEAR_GAP = 1.3  # of the text's height between runs of one line; a gutter or the next cell is farther
FAR_GAP = 2.2  # the same where the line above or below leaves no gutter there: full-width punctuation, wide spaces
PLATE_SHARE = 0.08  # of a plate that the text on it takes at least; the light spots in bold letters take less
LEAST_HEIGHT = 6  # px of ink; smaller is not legible


@dataclass(frozen=True)
class LineBox:
    """Where a line stands.

    Attributes:
        quad: float32 (4, 2), corners in image pixels, clockwise from the text's top left, slack included.
    """

    quad: np.ndarray

    @property
    def width(self) -> float:
        """Length of the line along its direction, px."""
        return float(np.linalg.norm(self.quad[1] - self.quad[0]))

    @property
    def height(self) -> float:
        """Height across its direction, px."""
        return float(np.linalg.norm(self.quad[3] - self.quad[0]))


def find_lines(image: np.ndarray) -> list[LineBox]:
    """Lines of text of a page in reading order; none on a blank page, one if the picture is a single line.

    Args:
        image: uint8 (H, W) grey or (H, W, 3) BGR.

    Raises:
        ImageError: not such an image.
    """
    grey = to_grey(image)
    height, width = grey.shape
    if min(height, width) < SMALLEST_SIDE:
        return []
    scale = min(1.0, (MOST_PIXELS / (height * width)) ** 0.5)
    while True:
        size = (max(SMALLEST_SIDE, round(width * scale)), max(SMALLEST_SIDE, round(height * scale)))
        quads = _search(cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if scale < 1.0 else grey)
        if len(quads) or scale * min(height, width) < 2 * TALLEST_TEXT:
            break
        scale /= 2  # an empty page, or letters as large as a poster's
    zoom = np.array([width / size[0], height / size[1]])
    return [LineBox((quad * zoom).astype(np.float32)) for quad in quads]


def crop_line(image: np.ndarray, box: LineBox) -> np.ndarray:
    """The line turned upright: uint8 (h, w) or (h, w, 3), as `image`; outside the picture its edge is repeated."""
    left, top = np.floor(box.quad.min(axis=0)).astype(int)
    right, bottom = np.ceil(box.quad.max(axis=0)).astype(int)
    if np.ptp(box.quad[[0, 1], 1]) < 0.5 and np.ptp(box.quad[[0, 3], 0]) < 0.5:
        inside = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        if inside.size:
            return inside
    width, height = max(1, round(box.width)), max(1, round(box.height))
    corners = np.array([[0, 0], [width, 0], [0, height]], np.float32)
    matrix = cv2.getAffineTransform(box.quad[[0, 1, 3]].astype(np.float32), corners)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _search(grey: np.ndarray) -> np.ndarray:
    """Quads of the lines in reading order, (n, 4, 2), in pixels of `grey`."""
    height, width = grey.shape
    grey, noise = smooth(grey)
    degrees = find_skew(grey)
    if degrees:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        grey = cv2.warpAffine(grey, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    boxes = _find_boxes(grey, noise)
    if _is_one_line(boxes, grey.shape):
        return _corners(np.array([[0, 0, width, height]]))
    boxes = _with_slack(boxes[reading_order(boxes)])
    if not degrees:
        return _corners(np.clip(boxes, 0, [width, height, width, height]))
    back = cv2.invertAffineTransform(turn)
    return _corners(boxes) @ back[:, :2].T + back[:, 2]


def _corners(boxes: np.ndarray) -> np.ndarray:
    """(n, 4) left, top, right, bottom -> (n, 4, 2), clockwise from the top left."""
    return boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]


def _with_slack(boxes: np.ndarray) -> np.ndarray:
    slack = SLACK * (boxes[:, 3] - boxes[:, 1])[:, None]
    return boxes + np.concatenate([-slack, -slack, slack, slack], axis=1)


def _find_boxes(grey: np.ndarray, noise: float) -> np.ndarray:
    """Ink boxes of the lines of a level page, float32 (n, 4); dark and light text compete for each place."""
    inks = [find_ink(grey, noise, light) for light in (False, True)]
    boxes = [_boxes_of(ink) for ink in inks]
    stands = [
        np.array([stands_on_paper(grey, ink, box) for box in some], bool) for ink, some in zip(inks, boxes, strict=True)
    ]
    # A tight crop may show too little paper around its line to tell; on a page this means that it is no line.
    if _is_strip(grey.shape) and not any(each.any() for each in stands):
        return np.concatenate(boxes)
    dark, light = (some[each] for some, each in zip(boxes, stands, strict=True))
    plates = [_may_be_plate(ink, some) for ink, some in zip(inks, (dark, light), strict=True)]
    return _compete(dark, light, *plates)


def _boxes_of(ink: Ink) -> np.ndarray:
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
    slack = 0.15 * height[hosts]
    inside = (
        (middle[:, None, 0] > boxes[hosts, 0])
        & (middle[:, None, 0] < boxes[hosts, 2])
        & (middle[:, None, 1] > boxes[hosts, 1] - slack)
        & (middle[:, None, 1] < boxes[hosts, 3] + slack)
        & (height[:, None] < 0.75 * height[hosts])
        & (height[:, None] > 0)
    )
    guest, host = np.nonzero(inside)
    return _merge(boxes, weights, _connected(len(boxes), guest, hosts[host]))


def _stack(boxes: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put the bars of a character that stands alone on one another: 二, 三, =."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    bars = np.flatnonzero((height <= 0.3 * width) & (weights > 0.65 * width * height) & (width <= TALLEST_TEXT))
    upper, lower = boxes[bars][:, None], boxes[bars][None]
    shared = np.minimum(upper[..., 2], lower[..., 2]) - np.maximum(upper[..., 0], lower[..., 0])
    whole = np.maximum(upper[..., 2], lower[..., 2]) - np.minimum(upper[..., 0], lower[..., 0])
    gap = lower[..., 1] - upper[..., 3]
    thin, thick = np.minimum(height[bars][:, None], height[bars]), np.maximum(height[bars][:, None], height[bars])
    apart = (gap >= 0.5 * thick) & (thick <= 2 * thin)
    above, below = np.nonzero(apart & (gap <= 0.6 * whole) & (shared >= 0.6 * whole))
    return _merge(boxes, weights, _connected(len(boxes), bars[above], bars[below]))


def _join_rows(boxes: np.ndarray, weights: np.ndarray, rules: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join runs of one row into lines: word spaces, punctuation, wide spacing, but not across columns."""
    for reach, bridged in ((NEAR_GAP, False), (FAR_GAP, True)):
        order = np.argsort(boxes[:, 0], kind="stable")
        boxes, weights = boxes[order], weights[order]
        first, second = _neighbours(boxes, reach)
        join = [
            not _parted(boxes[a], boxes[b], rules) and (not bridged or _bridged(boxes, a, b))
            for a, b in zip(first, second, strict=True)
        ]
        boxes, weights = _merge(boxes, weights, _connected(len(boxes), first[join], second[join]))
    return boxes, weights


def _neighbours(boxes: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (left, right) that stand on one row, at most `reach` text heights apart; `boxes` sorted by left."""
    height = boxes[:, 3] - boxes[:, 1]
    left, right = boxes[:, None], boxes[None]
    gap = right[..., 0] - left[..., 2]
    shared = np.minimum(left[..., 3], right[..., 3]) - np.maximum(left[..., 1], right[..., 1])
    lower, higher = np.minimum(height[:, None], height[None]), np.maximum(height[:, None], height[None])
    # A comma hangs below its line: small marks may stand a little off it.
    level = shared >= 0.6 * lower - np.where(higher > 1.8 * lower, 0.15 * higher, 0)
    near = (gap <= reach * higher) & (gap > -higher) & level
    first, second = np.nonzero(np.triu(near, 1))
    return first, second


def _bridged(boxes: np.ndarray, left: int, right: int) -> bool:
    """Whether the line above or below runs across the gap between two boxes: then it is no gutter."""
    edge, start = boxes[left, 2], boxes[right, 0]
    top, bottom = min(boxes[left, 1], boxes[right, 1]), max(boxes[left, 3], boxes[right, 3])
    height = bottom - top
    across = (boxes[:, 0] < edge - height) & (boxes[:, 2] > start + height)
    beside = (boxes[:, 3] > top - height) & (boxes[:, 1] < bottom + height)
    alike = boxes[:, 3] - boxes[:, 1] < 2.5 * height
    return bool((across & beside & alike).any())


def _parted(left: np.ndarray, right: np.ndarray, rules: np.ndarray) -> bool:
    """Whether an upright rule stands between two boxes."""
    row = int(max(left[1], right[1]) + min(left[3], right[3])) // 2
    return bool(rules[row, max(0, int(left[2]) - 2) : int(right[0]) + 2].any())


def _compete(dark: np.ndarray, light: np.ndarray, dark_plate: np.ndarray, light_plate: np.ndarray) -> np.ndarray:
    """Where a dark and a light line claim one place keep the larger; but a plate gives way to the text on it."""
    shared = np.minimum(dark[:, None, 2:], light[None, :, 2:]) - np.maximum(dark[:, None, :2], light[None, :, :2])
    area_dark = (dark[:, 2:] - dark[:, :2]).prod(axis=1)[:, None]
    area_light = (light[:, 2:] - light[:, :2]).prod(axis=1)[None]
    clash = np.maximum(0, shared).prod(axis=-1) > 0.3 * np.minimum(area_dark, area_light)
    dark_gives_way = dark_plate[:, None] & ~light_plate & (area_light > PLATE_SHARE * area_dark)
    light_gives_way = ~dark_plate[:, None] & light_plate & (area_dark > PLATE_SHARE * area_light)
    dark_wins = light_gives_way | (~dark_gives_way & (area_dark >= area_light))
    return np.concatenate([dark[~(clash & ~dark_wins).any(axis=1)], light[~(clash & dark_wins).any(axis=0)]])


def _may_be_plate(ink: Ink, boxes: np.ndarray) -> np.ndarray:
    """Whether one piece spans a line's box, as a button does and no text of two characters: bool (n,)."""
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    inside = (ink.boxes[None, :, :2] >= boxes[:, None, :2] - 1) & (ink.boxes[None, :, 2:] <= boxes[:, None, 2:] + 1)
    spans = (ink.boxes[:, 2] - ink.boxes[:, 0] >= 0.9 * width[:, None]) & (
        ink.boxes[:, 3] - ink.boxes[:, 1] >= 0.9 * height[:, None]
    )
    return (inside.all(axis=-1) & spans).any(axis=1)


def _is_strip(size: tuple[int, ...]) -> bool:
    """Whether a picture of `size` (height, width) may be the crop of one line."""
    height, width = size
    return width >= 1.2 * height and height <= TALLEST_LINE


def _is_one_line(boxes: np.ndarray, size: tuple[int, ...]) -> bool:
    """Whether a picture of `size` is the crop of one line: what it shows spans it and stands on one row."""
    tall = boxes[boxes[:, 3] - boxes[:, 1] >= 0.25 * size[0]]
    if not _is_strip(size) or not len(tall):
        return False
    top, bottom = tall[:, 1], tall[:, 3]
    shared = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    lower = np.minimum((bottom - top)[:, None], bottom - top)
    return bool(bottom.max() - top.min() >= 0.4 * size[0] and (shared > 0.3 * lower).all())
