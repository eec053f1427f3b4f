"""Finds what is blank around a line, so that its letters and not its paper decide how large it is read."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from crnn.image.preprocess import MAX_ASPECT

INK = 10  # gray levels from the paper's, at least; faint letters differ by more
NOISIEST = 4  # gray levels of noise in the rim; beyond it there is no paper to tell from letters
SMALLEST = 8  # pixels; ink no higher than this shows dots and dashes, or nothing that could be read
ROOMY = 0.5  # of the height: where letters take less, the rest is margin
SLACK = 0.15  # of the letters' height, left on every side: the middle of what networks are trained with
SOLID = 0.75  # of its box that a dash or a rule fills; letters, bold ones too, fill less
ROUND = 0.6  # of its square box that a dot fills; a letter o is hollow
DOT_ROOM = 10  # heights of a dot that a line of text is high


@dataclass(frozen=True)
class Crop:
    """Columns [left, right) and rows [top, bottom) of a picture; rows outside it repeat its edge."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, image: np.ndarray) -> np.ndarray:
        """This part of `image`, (H, W[, C])."""
        part = image[max(0, self.top) : self.bottom, self.left : self.right]
        above, below = max(0, -self.top), max(0, self.bottom - len(image))
        return cv2.copyMakeBorder(part, above, below, 0, 0, cv2.BORDER_REPLICATE) if above or below else part


def without_margins(gray: np.ndarray) -> Crop:
    """The part of a line's picture that its letters take, with some slack; all of it where that is not certain.

    It goes by a paper of even brightness, on which any dot may be ink: photographs and noise are left as they are, and
    so is a lone dash, whose height is not that of letters. A row of dots gets the room that it has in a line of text:
    close to its edges it would be read as larger marks.

    Args:
        gray: uint8 (H, W).
    """
    height, width = gray.shape
    whole = Crop(0, 0, width, height)
    rim = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    paper = float(np.median(rim))
    noise = float(np.median(np.abs(rim - paper)))
    if noise > NOISIEST:
        return whole
    least = INK + 6 * noise
    ink = cv2.bitwise_not(cv2.inRange(gray, max(0.0, paper - least), paper + least))
    left, top, ink_width, ink_height = cv2.boundingRect(ink)
    right, bottom = left + ink_width, top + ink_height
    if _is_row_of_dots(ink[top:bottom, left:right]):
        more = max(0, DOT_ROOM * ink_height - height)
        return Crop(0, -(more // 2), width, height + more - more // 2)
    if not SMALLEST < ink_height < ROOMY * height or not _shows_letters(ink[top:bottom, left:right]):
        return whole
    slack = round(SLACK * ink_height)
    crop = Crop(max(0, left - slack), max(0, top - slack), min(width, right + slack), min(height, bottom + slack))
    return crop if crop.right - crop.left <= MAX_ASPECT * (crop.bottom - crop.top) else whole


def _is_row_of_dots(ink: np.ndarray) -> bool:
    """Whether a piece of ink, uint8 (H, W), is three dots or more, each as high as all, and nothing else."""
    height, width = ink.shape
    if not height or width < 5 * height:
        return False
    inked = cv2.reduce(ink, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0] // 255  # pixels of ink in each column
    edges = np.flatnonzero(np.diff(inked > 0, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    widths = ends - starts
    areas = np.add.reduceat(inked, starts)
    return bool(len(widths) >= 3 and np.all((np.abs(widths - height) <= 1) & (areas > SOLID * widths * height)))


def _shows_letters(ink: np.ndarray) -> bool:
    """Whether a piece of ink, uint8 (H, W), is half as high as all, and neither a dash nor a dot nor a long stroke."""
    _, _, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    widths, heights, areas = boxes[1:, cv2.CC_STAT_WIDTH], boxes[1:, cv2.CC_STAT_HEIGHT], boxes[1:, cv2.CC_STAT_AREA]
    filled = areas / (widths * heights)
    dots = (np.abs(widths - heights) <= 1) & (filled > ROUND)
    letters = (heights >= 0.5 * len(ink)) & (filled < SOLID) & (widths < 4 * heights) & ~dots
    return bool(letters.any())
