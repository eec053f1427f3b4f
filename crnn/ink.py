"""Finds pieces of ink on a page: connected strokes darker, or lighter, than the paper around them.

Knows nothing of lines or of reading.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

WIDEST_STROKE = 41  # px; bold text of 120 px has strokes and junctions of about 35
LEAST_CONTRAST = 14  # grey levels that ink differs from its paper
SHARE_OF_STRONGEST = 0.35  # of the contrast nearby: fainter is blur, ghost print or JPEG ringing
# (length, thickness) in px: strokes this straight, long and thin are rules, not text. The thin bars of Song type
# are 30 times as long as high, a dash of two em in 48 px is 96 px long; upright strokes of light type 20 times.
LYING_RULES = ((97, 2), (193, 6))
UPRIGHT_RULES = ((65, 2), (97, 4), (193, 8))  # odd kernels, or opening would shift the picture
PATCHES = ((19, 48), (29, 999))  # (side, size) in px: a piece of up to that size with such a square in it is no stroke
TALLEST_PIECE = 160  # px; a bracket in text of 120 px
MARGIN = 2  # px from a line to the paper it is compared with: past the blur of its strokes
WIDEST_GAP = 200  # px; nothing farther apart belongs together


@dataclass(frozen=True)
class Gaps:
    """Pairs of pieces with nothing between them on at least one pixel row; arrays of equal length.

    Attributes:
        left, right: int64, piece numbers.
        width: int64, px of paper between them at the nearest.
        rows: int64, pixel rows on which they see each other.
    """

    left: np.ndarray
    right: np.ndarray
    width: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Ink:
    """The pieces of one polarity, numbered from 0.

    Attributes:
        light: whether they are lighter than their paper.
        mask: bool (H, W), their pixels.
        boxes: float32 (n, 4), left, top, right, bottom (right and bottom exclusive), px.
        areas: float32 (n,), pixels of ink.
        gaps: which pieces see each other.
        rules: uint8 (H, W), not 0 on upright rules, which part what stands left and right of them.
    """

    light: bool
    mask: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    gaps: Gaps
    rules: np.ndarray


@dataclass(frozen=True)
class _Runs:
    """Horizontal runs of ink, row by row, from left to right; int64 arrays of equal length.

    Attributes:
        start, end: flat indices of the first pixel and behind the last.
        piece: the number of the piece it belongs to.
    """

    start: np.ndarray
    end: np.ndarray
    piece: np.ndarray

    def of(self, keep: np.ndarray) -> _Runs:
        """The runs of the pieces to `keep`, bool (n,), which are numbered anew."""
        numbers = np.cumsum(keep) - 1
        kept = keep[self.piece]
        return _Runs(self.start[kept], self.end[kept], numbers[self.piece[kept]])


def smooth(grey: np.ndarray) -> tuple[np.ndarray, float]:
    """Grey with its noise damped if it has any, and the standard deviation left, in grey levels."""
    # On a page most neighbours are paper; the median of |N(0, √2 σ)| is 0.954 σ.
    noise = float(np.median(cv2.absdiff(grey[::7, 1:], grey[::7, :-1]))) / 0.954
    if noise < 1.5:
        return grey, noise
    return cv2.GaussianBlur(grey, (3, 3), 0), 0.375 * noise  # the kernel's root of summed squares


def find_ink(grey: np.ndarray, noise: float, light: bool) -> Ink:
    """Pieces darker than the paper around them, or lighter if `light`.

    Args:
        grey: uint8 (H, W), smoothed.
        noise: its standard deviation.
    """
    mask = _threshold(grey, noise, light)
    _take_out_ground(mask)
    rules = _take_out_rules(mask)
    count, labels = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
    runs = _runs(mask, labels)
    boxes, areas = _measure(runs, count - 1, mask.shape[1])
    keep = _may_be_text(boxes, areas) & ~_holds_patch(mask, labels, boxes) & ~_is_rim(grey, mask, runs, len(boxes))
    runs = runs.of(keep)
    kept = np.zeros(count, bool)
    kept[1:] = keep
    gaps = _gaps(runs, int(keep.sum()), mask.shape[1])
    return Ink(light, kept[labels], boxes[keep], areas[keep], gaps, rules)


def stands_on_paper(grey: np.ndarray, ink: Ink, box: np.ndarray) -> bool:
    """Whether the line's ink differs from what surrounds the line, not only from what lies inside it.

    The insides of dark letters are light pieces on dark; but around their line the paper is as light as they.
    A side where the picture ends says nothing.
    """
    left, top, right, bottom = box.astype(int)
    patch, mask = grey[top:bottom, left:right], ink.mask[top:bottom, left:right]
    height, width = grey.shape
    above, below, before, after = top - MARGIN, bottom + MARGIN - 1, left - MARGIN, right + MARGIN - 1
    ends = 2 * (bottom - top)  # the ends are compared with the ink near them: shade changes along a line
    sides = []
    if above >= 0:
        sides.append((grey[above, left:right], slice(None)))
    if below < height:
        sides.append((grey[below, left:right], slice(None)))
    if before >= 0:
        sides.append((grey[top:bottom, before], slice(0, ends)))
    if after < width:
        sides.append((grey[top:bottom, after], slice(-ends, None)))
    contrasts = []
    for side, near in sides:
        strokes = patch[:, near][mask[:, near]]
        if len(strokes):
            contrast = float(np.sort(side)[len(side) // 2]) - cv2.mean(strokes)[0]  # np.median takes ten times as long
            contrasts.append(-contrast if ink.light else contrast)
    return not contrasts or min(contrasts) >= max(LEAST_CONTRAST / 2, 0.25 * max(contrasts))


def _threshold(grey: np.ndarray, noise: float, light: bool) -> np.ndarray:
    """uint8 (H, W), 255 where ink is.

    Black-hat (or top-hat): what is narrower than the window stands out of its own paper, shadow or bubble.
    """
    window = np.ones((WIDEST_STROKE, WIDEST_STROKE), np.uint8)
    contrast = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT if light else cv2.MORPH_BLACKHAT, window)
    strongest = cv2.dilate(contrast, np.ones((25, 25), np.uint8))
    least = np.uint8(min(255, LEAST_CONTRAST + 6 * noise))
    floor = np.maximum(cv2.convertScaleAbs(strongest, alpha=SHARE_OF_STRONGEST), least)
    return cv2.compare(contrast, floor, cv2.CMP_GE)


def _take_out_ground(mask: np.ndarray) -> None:
    """Erase what is thick and wide from `mask`: paper between lines, cells, bars and bubbles, not strokes."""
    small = cv2.morphologyEx(mask[::2, ::2], cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    if not cv2.countNonZero(small):
        return
    count, labels = cv2.connectedComponents(small, connectivity=8, ltype=cv2.CV_32S)
    boxes, _ = _measure(_runs(small, labels), count - 1, small.shape[1])
    wide = np.zeros(count, np.uint8)
    wide[1:] = 2 * (boxes[:, 2:] - boxes[:, :2]).max(axis=1) > TALLEST_PIECE
    ground = cv2.dilate(wide[labels], np.ones((5, 5), np.uint8))
    mask[cv2.resize(ground, mask.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0] = 0


def _take_out_rules(mask: np.ndarray) -> np.ndarray:
    """Erase long thin straight strokes (table borders, underlines) from `mask`; return the upright ones."""
    lying = _thin_strokes(mask, LYING_RULES)
    upright = _thin_strokes(np.ascontiguousarray(mask.T), UPRIGHT_RULES).T
    # One pixel more on either side: the blurred rim of the rule.
    mask[cv2.dilate(lying | upright, np.ones((3, 3), np.uint8)) > 0] = 0
    return upright


def _thin_strokes(mask: np.ndarray, sizes: tuple[tuple[int, int], ...]) -> np.ndarray:
    """What of `mask` lies in rows at least `length` long and at most `thickness` high, for any of the sizes."""
    strokes, core, eroded = np.zeros_like(mask), mask, 1
    for length, thickness in sizes:
        core = cv2.erode(core, np.ones((1, length - eroded + 1), np.uint8))
        eroded = length
        if not cv2.countNonZero(core):
            break
        long = cv2.dilate(core, np.ones((1, length), np.uint8))
        thick = cv2.morphologyEx(long, cv2.MORPH_OPEN, np.ones((thickness + 1, 1), np.uint8))
        strokes |= cv2.subtract(long, thick)
    return strokes


def _runs(mask: np.ndarray, labels: np.ndarray) -> _Runs:
    """Runs of `mask`, whose last column is cleared so that none goes on in the next row."""
    mask[:, -1] = 0
    places = np.flatnonzero(mask.view(bool))
    if not len(places):
        return _Runs(places, places, places)
    breaks = np.flatnonzero(np.diff(places) > 1)
    start = places[np.concatenate([[0], breaks + 1])]
    end = places[np.concatenate([breaks, [len(places) - 1]])] + 1
    return _Runs(start, end, labels.ravel()[start].astype(np.int64) - 1)


def _measure(runs: _Runs, count: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes float32 (count, 4) and areas float32 (count,) of the pieces."""
    row, left = np.divmod(runs.start, width)
    length = runs.end - runs.start
    boxes = np.zeros((count, 4), np.int64)
    boxes[:, :2] = np.iinfo(np.int64).max
    np.minimum.at(boxes[:, 0], runs.piece, left)
    np.minimum.at(boxes[:, 1], runs.piece, row)
    np.maximum.at(boxes[:, 2], runs.piece, left + length)
    np.maximum.at(boxes[:, 3], runs.piece, row + 1)
    return boxes.astype(np.float32), np.bincount(runs.piece, length, minlength=count).astype(np.float32)


def _may_be_text(boxes: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Whether each piece can be a character or part of one, by its size and how it fills its box."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    fill = areas / (width * height)
    speck = (areas < 3) | (np.maximum(width, height) < 2)
    frame = (fill < 0.16) & (width > 40) & (height > 20)
    block = (fill > 0.85) & (np.minimum(width, height) > 24)
    return ~(speck | frame | block | (height > TALLEST_PIECE))


def _holds_patch(mask: np.ndarray, labels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Whether a piece holds a square too wide for a stroke: it is a patch of ground between other things."""
    size = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
    patch = np.zeros(len(boxes), bool)
    for side, largest in PATCHES:
        core = cv2.erode(mask, np.ones((side, side), np.uint8))
        if cv2.countNonZero(core):
            thick = np.unique(labels[core > 0]) - 1
            patch[thick[size[thick] <= largest]] = True
    return patch


def _is_rim(grey: np.ndarray, mask: np.ndarray, runs: _Runs, count: int) -> np.ndarray:
    """Whether a piece is the edge of something larger: on one side what is not ink looks like the piece itself."""
    if not len(runs.piece):
        return np.zeros(count, bool)
    level, ink = grey.ravel(), mask.ravel()
    before, after = np.maximum(runs.start - 3, 0), np.minimum(runs.end + 2, grey.size - 1)
    here = level[(runs.start + runs.end) // 2].astype(np.int16)
    to_left, to_right = np.abs(level[before] - here), np.abs(level[after] - here)
    alike_left = (ink[before] == 0) & (4 * to_left < to_right)
    alike_right = (ink[after] == 0) & (4 * to_right < to_left)
    rows = np.bincount(runs.piece, minlength=count)
    alike = np.maximum(*(np.bincount(runs.piece[side], minlength=count) for side in (alike_left, alike_right)))
    return 2 * alike > rows


def _gaps(runs: _Runs, count: int, width: int) -> Gaps:
    """Neighbours along pixel rows; each pair once, with its nearest gap."""
    gap = runs.start[1:] - runs.end[:-1]
    at = np.flatnonzero((gap < WIDEST_GAP) & (runs.piece[1:] != runs.piece[:-1]))
    at = at[runs.start[at] // width == runs.start[at + 1] // width]
    keys = runs.piece[at] * count + runs.piece[at + 1]
    order = np.argsort(keys, kind="stable")
    keys, gap = keys[order], gap[at][order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    nearest = np.minimum.reduceat(gap, starts) if len(starts) else gap
    return Gaps(keys[starts] // max(1, count), keys[starts] % max(1, count), nearest, np.diff(starts, append=len(keys)))
