"""Tells the crop of one line from a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crnn.finder.boxes import LineBox

LINE_ASPECT = 1.2  # width over height from which a picture may be the crop of one line
EMPTY_ASPECT, EMPTY_HEIGHT = 3.0, 100  # the same where no line was found in it, or its height in pixels at most
UPRIGHT = 4.0  # times as high as wide: no letter is
LINE_FILL = 0.5  # of the picture's height that the boxes of its only line take at least


def is_one_line(found: Sequence[LineBox], size: tuple[int, int]) -> bool:
    """Whether a picture of `size` (height, width) is the crop of one level line: one row of boxes, little around it."""
    height, width = size
    if not found:
        return width >= EMPTY_ASPECT * height or height <= EMPTY_HEIGHT  # if it is anything, it is a line or a letter
    quads = np.stack([box.quad for box in found])
    top, bottom = quads[:, :, 1].min(axis=1), quads[:, :, 1].max(axis=1)
    across = np.ptp(quads[:, :, 0], axis=1)
    if np.any(bottom - top > UPRIGHT * across):  # lines of a page that lies on its side share a row of pixels too
        return False
    row = min(bottom) > max(top)  # they all share a row of pixels
    return bool(row and width >= LINE_ASPECT * height and (bottom - top).max() >= LINE_FILL * height)
