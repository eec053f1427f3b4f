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
RULES = (
    (48, 3),
    (128, 8),
)  # (length, thickness) in px: straight strokes this long and no thicker are rules, not text


@dataclass(frozen=True)
class Ink:
    """The pieces of one polarity, numbered from 0.

    Attributes:
        mask: bool (H, W), ink of the pieces kept.
        boxes: float32 (n, 4), left, top, right, bottom (right and bottom exclusive), px.
        areas: float32 (n,), pixels of ink.
        gaps: Gaps, pairs of pieces that see each other along a pixel row.
        rules: float32 (m, 4), boxes of the upright rules taken out.
    """

    mask: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    gaps: Gaps
    rules: np.ndarray


@dataclass(frozen=True)
class Gaps:
    """Pairs of pieces with nothing between them on at least one pixel row; arrays of equal length.

    Attributes:
        left, right: int64, piece numbers.
        width: float32, px of paper between them at the nearest.
        rows: float32, pixel rows on which they see each other.
    """

    left: np.ndarray
    right: np.ndarray
    width: np.ndarray
    rows: np.ndarray


def smooth(grey: np.ndarray) -> tuple[np.ndarray, float]:
    """Grey with its noise damped if it has any, and the standard deviation left, in grey levels."""
    # On a page most neighbours are paper; the median of |N(0, √2 σ)| is 0.954 σ.
    noise = float(np.median(cv2.absdiff(grey[::3, 1:], grey[::3, :-1]))) / 0.954
    if noise < 1.5:
        return grey, noise
    return cv2.GaussianBlur(grey, (3, 3), 0), 0.375 * noise  # the kernel's root of summed squares


def find_ink(grey: np.ndarray, noise: float, light: bool) -> Ink:
    """Pieces darker than the paper around them, or lighter if `light`.

    Args:
        grey: uint8 (H, W), smoothed.
        noise: its standard deviation.
    """
    window = np.ones((WIDEST_STROKE, WIDEST_STROKE), np.uint8)
    # Top-hat and black-hat: what is narrower than the window stands out of its own paper, shadow or bubble.
    contrast = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT if light else cv2.MORPH_BLACKHAT, window)
    strongest = cv2.dilate(contrast, np.ones((25, 25), np.uint8))
    least = LEAST_CONTRAST + 6 * noise
    floor = np.maximum(cv2.convertScaleAbs(strongest, alpha=SHARE_OF_STRONGEST), np.uint8(min(255, least)))
    mask = cv2.compare(contrast, floor, cv2.CMP_GE)
    rules = _take_out_rules(mask)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    boxes = stats[:, :4].astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.float32)
    keep = _may_be_text(boxes, areas)
    keep[0] = False  # the paper
    places = np.flatnonzero(mask)
    keep &= _is_stroked(boxes, _thickness(mask, places, labels.ravel()[places], count))
    numbers = np.cumsum(keep) - 1
    numbers[~keep] = -1
    pieces = numbers[labels.ravel()[places]]
    places, pieces = places[pieces >= 0], pieces[pieces >= 0]
    kept = np.zeros(mask.size, bool)
    kept[places] = True
    return Ink(kept.reshape(mask.shape), boxes[keep], areas[keep], _gaps(places, pieces, mask.shape[1]), rules)


def stands_on_paper(grey: np.ndarray, ink: Ink, box: np.ndarray, light: bool) -> bool:
    """Whether the line's ink differs from what surrounds the line, not only from what lies inside it.

    The insides of dark letters are light pieces on dark; but around their line the paper is as light as they.
    """
    left, top, right, bottom = box.astype(int)
    patch, mask = grey[top:bottom, left:right], ink.mask[top:bottom, left:right]
    if not mask.any():
        return False
    margin = 2
    above, below = max(0, top - margin), min(grey.shape[0] - 1, bottom + margin - 1)
    before, after = max(0, left - margin), min(grey.shape[1] - 1, right + margin - 1)
    ends = 2 * (bottom - top)  # the ends are compared with the ink near them: shade changes along a line
    contrasts = []
    for side, near in (
        (grey[above, left:right], slice(None)),
        (grey[below, left:right], slice(None)),
        (grey[top:bottom, before], slice(0, ends)),
        (grey[top:bottom, after], slice(-ends, None)),
    ):
        ink_near = patch[:, near][mask[:, near]]
        if len(ink_near):
            contrast = float(np.median(side)) - float(ink_near.mean())
            contrasts.append(-contrast if light else contrast)
    return min(contrasts) >= max(LEAST_CONTRAST / 2, 0.25 * max(contrasts))


def _take_out_rules(mask: np.ndarray) -> np.ndarray:
    """Erase long thin straight strokes (table borders, underlines) from `mask`; return the upright ones' boxes."""
    lying, upright = np.zeros_like(mask), np.zeros_like(mask)
    for length, thickness in RULES:
        for rules, along in ((lying, (length, 1)), (upright, (1, length))):
            long = cv2.erode(mask, np.ones(along[::-1], np.uint8))
            if not cv2.countNonZero(long):
                continue
            long = cv2.dilate(long, np.ones(along[::-1], np.uint8))
            across = np.ones((thickness + 1, 1) if along[1] == 1 else (1, thickness + 1), np.uint8)
            rules |= cv2.subtract(long, cv2.morphologyEx(long, cv2.MORPH_OPEN, across))
    boxes = np.zeros((0, 4), np.float32)
    if cv2.countNonZero(upright):
        stats = cv2.connectedComponentsWithStats(upright, connectivity=8)[2]
        boxes = stats[1:, :4].astype(np.float32)
        boxes[:, 2:] += boxes[:, :2]
    # One pixel more on either side: the blurred rim of the rule.
    mask[cv2.dilate(lying | upright, np.ones((3, 3), np.uint8)) > 0] = 0
    return boxes


def _may_be_text(boxes: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Whether each piece can be a character or part of one, by its size and how it fills its box."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    fill = areas / (width * height)
    speck = (areas < 3) | (np.maximum(width, height) < 2)
    huge = height > 160
    frame = (fill < 0.16) & (width > 40) & (height > 20)
    block = (fill > 0.85) & (np.minimum(width, height) > 24)
    return ~(speck | huge | frame | block)


def _thickness(mask: np.ndarray, places: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Widest stroke of each piece, px: twice the largest distance of its ink to paper."""
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 3).ravel()[places]
    widest = np.zeros(count, np.float32)
    np.maximum.at(widest, labels, distance)
    return 2 * widest


def _is_stroked(boxes: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    """Whether a piece is drawn of strokes, as characters are, not a patch of paper between other things."""
    size = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    return thickness < np.maximum(18, 0.4 * size)


def _gaps(places: np.ndarray, pieces: np.ndarray, width: int) -> Gaps:
    """Neighbours along pixel rows, from the ink's places (ascending flat indices) and each one's piece."""
    gap = np.diff(places) - 1
    at = np.flatnonzero((gap > 0) & (gap < 200) & (pieces[1:] != pieces[:-1]))
    at = at[places[at] // width == places[at + 1] // width]
    if not len(at):
        none = np.zeros(0, np.int64)
        return Gaps(none, none, none.astype(np.float32), none.astype(np.float32))
    total = int(pieces.max()) + 1
    keys = pieces[at] * total + pieces[at + 1]
    order = np.argsort(keys, kind="stable")
    keys, gap = keys[order], gap[at][order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    rows = np.diff(np.append(starts, len(keys)))
    nearest = np.minimum.reduceat(gap, starts)
    return Gaps(keys[starts] // total, keys[starts] % total, nearest.astype(np.float32), rows.astype(np.float32))
