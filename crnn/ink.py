"""Finds pieces of ink on a page: connected strokes darker, or lighter, than the paper around them.

Knows nothing of lines or of reading.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

WIDEST_STROKE = 41  # px; bold text of 120 px has strokes and junctions of about 35
LEAST_CONTRAST = 14  # grey levels that ink differs from its paper
NEARBY = 25  # px; contrast is judged by the strongest so near
SHARE_OF_STRONGEST = 0.35  # of that: fainter is blur, ghost print or JPEG ringing
# (length, thickness) in px: strokes this straight, long and thin are rules, not text. The thin bars of Song type
# are 30 times as long as high, a dash of two em in 48 px is 96 px long; upright strokes of light type 20 times.
LYING_RULES = ((97, 2), (193, 6))
UPRIGHT_RULES = ((65, 2), (97, 4), (193, 8))
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
        mask: uint8 (H, W), not 0 on their pixels.
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
    gaps = _gaps(runs, int(keep.sum()), mask.shape[1])
    return Ink(light, _paint(runs, mask.shape), boxes[keep], areas[keep], gaps, rules)


def stands_on_paper(grey: np.ndarray, ink: Ink, box: np.ndarray) -> bool:
    """Whether the line's ink differs from what surrounds the line, not only from what lies inside it.

    The insides of dark letters are light pieces on dark; but around their line the paper is as light as they.
    A side where the picture ends says nothing.
    """
    left, top, right, bottom = box.astype(int).tolist()
    height, width = grey.shape
    above, below, before, after = top - MARGIN, bottom + MARGIN - 1, left - MARGIN, right + MARGIN - 1
    # The ends are compared with the ink near them: shade changes along a line.
    first, last = min(right, left + 2 * (bottom - top)), max(left, right - 2 * (bottom - top))
    sides = []
    if above >= 0:
        sides.append((grey[above, left:right], left, right))
    if below < height:
        sides.append((grey[below, left:right], left, right))
    if before >= 0:
        sides.append((grey[top:bottom, before], left, first))
    if after < width:
        sides.append((grey[top:bottom, after], last, right))
    contrasts = []
    for side, begin, end in sides:
        strokes = ink.mask[top:bottom, begin:end]
        if not cv2.countNonZero(strokes):
            continue
        paper = float(np.sort(side)[len(side) // 2])  # np.median takes ten times as long
        contrast = paper - cv2.mean(grey[top:bottom, begin:end], strokes)[0]
        contrasts.append(-contrast if ink.light else contrast)
        if contrasts[-1] < LEAST_CONTRAST / 2:
            return False  # as most boxes of the wrong polarity do at once
    return not contrasts or min(contrasts) >= 0.25 * max(contrasts)


def _threshold(grey: np.ndarray, noise: float, light: bool) -> np.ndarray:
    """uint8 (H, W), 255 where ink is.

    Black-hat (or top-hat): what is narrower than the window stands out of its own paper, shadow or bubble. Paper and
    strongest contrast change slowly and are looked for at half the size.
    """
    if light:
        grey = cv2.bitwise_not(grey)
    square = np.ones((2, 2), np.uint8)
    lightest, darkest = (f(grey, square, anchor=(0, 0))[::2, ::2] for f in (cv2.dilate, cv2.erode))
    paper = cv2.morphologyEx(lightest, cv2.MORPH_CLOSE, np.ones((WIDEST_STROKE // 2 + 1,) * 2, np.uint8))
    strongest = cv2.dilate(cv2.subtract(paper, darkest), np.ones((NEARBY // 2 + 1,) * 2, np.uint8))
    least = np.uint8(min(255, LEAST_CONTRAST + 6 * noise))
    floor = np.maximum(cv2.convertScaleAbs(strongest, alpha=SHARE_OF_STRONGEST), least)
    level = cv2.subtract(paper, floor - 1)  # ink is darker; 0, and nothing is ink, where the paper itself is too dark
    return cv2.compare(grey, cv2.resize(level, grey.shape[::-1], interpolation=cv2.INTER_NEAREST), cv2.CMP_LT)


def _take_out_ground(mask: np.ndarray) -> None:
    """Erase what is thick and wide from `mask`: paper between lines, cells, bars and bubbles, not strokes."""
    small = cv2.morphologyEx(mask[::2, ::2], cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    if not cv2.countNonZero(small):
        return
    count, labels = cv2.connectedComponents(small, connectivity=8, ltype=cv2.CV_32S)
    runs = _runs(small, labels)
    boxes, _ = _measure(runs, count - 1, small.shape[1])
    wide = 2 * (boxes[:, 2:] - boxes[:, :2]).max(axis=1) > TALLEST_PIECE
    if wide.any():
        ground = cv2.dilate(_paint(runs.of(wide), small.shape), np.ones((5, 5), np.uint8))
        _erase(mask, cv2.resize(ground, mask.shape[::-1], interpolation=cv2.INTER_NEAREST))


def _erase(mask: np.ndarray, places: np.ndarray) -> None:
    """Clear `mask` where `places` is not 0."""
    np.multiply(mask, places == 0, out=mask)


def _take_out_rules(mask: np.ndarray) -> np.ndarray:
    """Erase long thin straight strokes (table borders, underlines) from `mask`; return the upright ones."""
    lying = cv2.transpose(_thin_strokes(cv2.transpose(mask), LYING_RULES))
    upright = _thin_strokes(mask, UPRIGHT_RULES)
    # One pixel more on either side: the blurred rim of the rule.
    _erase(mask, cv2.dilate(lying | upright, np.ones((3, 3), np.uint8)))
    return upright


def _thin_strokes(mask: np.ndarray, sizes: tuple[tuple[int, int], ...]) -> np.ndarray:
    """What of `mask` lies in columns at least `length` high and at most `thickness` wide, for any of the sizes."""
    strokes, long = np.zeros_like(mask), mask
    for length, thickness in sizes:
        long = _opened(long, length)
        if not cv2.countNonZero(long):
            break
        thick = cv2.morphologyEx(long, cv2.MORPH_OPEN, np.ones((1, thickness + 1), np.uint8))
        strokes |= cv2.subtract(long, thick)
    return strokes


def _opened(mask: np.ndarray, length: int) -> np.ndarray:
    """What of `mask` lies in upright runs of at least `length` pixels, 1 there.

    OpenCV's erosion takes time in proportion to `length`; this to its logarithm, eight pixels at once.
    """
    bits = np.packbits(mask, axis=1)
    core = _fold(bits, length, np.bitwise_and)
    if not core.any():
        return np.zeros_like(mask)
    rim = np.zeros_like(bits[: length - 1])
    runs = _fold(np.concatenate([rim, core, rim]), length, np.bitwise_or)
    return np.unpackbits(runs, axis=1, count=mask.shape[1])


def _fold(rows: np.ndarray, length: int, operation: np.ufunc) -> np.ndarray:
    """`operation` over every `length` rows on end, (n - length + 1, w): pairs, then pairs of pairs, …"""
    done = 1
    while done < length:
        step = min(done, length - done)
        rows = operation(rows[:-step], rows[step:])
        done += step
    return rows


def _runs(mask: np.ndarray, labels: np.ndarray) -> _Runs:
    """Runs of `mask`, whose last column is cleared so that none goes on in the next row."""
    mask[:, -1] = 0
    flat = mask.ravel()
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[0]:
        turns = np.concatenate([[0], turns])
    start, end = turns[::2], turns[1::2]
    return _Runs(start, end, labels.ravel()[start].astype(np.int64) - 1)


def _paint(runs: _Runs, shape: tuple[int, ...]) -> np.ndarray:
    """uint8 (H, W), 255 on the runs."""
    lengths = runs.end - runs.start
    before = np.cumsum(lengths) - lengths
    picture = np.zeros(shape, np.uint8)
    picture.ravel()[np.repeat(runs.start - before, lengths) + np.arange(lengths.sum())] = 255
    return picture


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
    small = np.ascontiguousarray(mask[::2, ::2])
    for side, largest in PATCHES:
        core = cv2.erode(small, np.ones((side // 2 + 1,) * 2, np.uint8))
        if cv2.countNonZero(core):
            thick = np.unique(labels[::2, ::2][core > 0]) - 1
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
