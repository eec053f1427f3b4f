"""Finds by how much a page of text is turned. Knows nothing of lines."""

from __future__ import annotations

import cv2
import numpy as np

MOST_DEGREES = 6.0
LEAST_DEGREES = 0.25  # over 1,000 px this is 4 px: less than any line's slack
CERTAINTY = 1.15  # a turn must sharpen the profile by this factor
WIDTH = 800  # px the page is reduced to
LEAST_SIDE = 48  # px of the reduced page; a slimmer strip has no rows to compare
MOST_POINTS = 20_000


def find_skew(grey: np.ndarray) -> float:
    """Degrees the rows of text fall to the right (clockwise, in [-6, 6]); 0.0 if level or undecided.

    The rows' profile of upper and lower letter edges is sharpest at the true angle (projection-profile method,
    Postl 1986); edges, unlike ink, need no decision whether the text is dark or light.
    """
    scale = min(1.0, WIDTH / max(grey.shape))
    if scale * min(grey.shape) < LEAST_SIDE:
        return 0.0
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1.0 else grey
    steps = cv2.absdiff(small[1:], small[:-1])
    y, x = np.nonzero(steps > max(12, 4 * float(np.median(steps))))
    if len(x) < 50:
        return 0.0
    stride = -(-len(x) // MOST_POINTS)
    x, y = x[::stride] - small.shape[1] / 2, y[::stride].astype(np.float64)
    coarse = np.arange(-MOST_DEGREES, MOST_DEGREES + 0.1, 0.5)
    best = coarse[np.argmax([_sharpness(x, y, degrees) for degrees in coarse])]
    fine = best + np.arange(-0.5, 0.51, 0.1)
    scores = [_sharpness(x, y, degrees) for degrees in fine]
    degrees = float(fine[np.argmax(scores)])
    if abs(degrees) < LEAST_DEGREES or abs(degrees) >= MOST_DEGREES or max(scores) < CERTAINTY * _sharpness(x, y, 0.0):
        return 0.0
    return degrees


def _sharpness(x: np.ndarray, y: np.ndarray, degrees: float) -> float:
    """Squared change of the points' count from row to row, after turning by `degrees`."""
    fall = np.tan(np.radians(degrees))
    rows = y - x * fall
    rows += 0.5 + WIDTH / 2 * abs(fall)  # rounded, and never below 0
    profile = np.bincount(rows.astype(np.intp)).astype(np.float64)
    return float(np.square(np.diff(profile)).sum())
