"""Where a line stands in a page, and its picture cut out of the page."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class LineBox:
    """Where a line stands.

    Attributes:
        quad: float32 (4, 2), corners in image pixels, clockwise from the top left corner of the text as it is read.
        score: in [0, 1], how much the finder takes it for text.
        vertical: whether upright characters stand below each other; the quad's first side then runs across the column.
    """

    quad: np.ndarray
    score: float = 1.0
    vertical: bool = False

    def __eq__(self, other: object) -> bool:
        """Whether all is equal to the bit."""
        if not isinstance(other, LineBox):
            return NotImplemented
        same = (self.score, self.vertical) == (other.score, other.vertical)
        return same and np.array_equal(self.quad, other.quad)

    def __hash__(self) -> int:
        return hash((self.quad.tobytes(), self.score, self.vertical))

    @property
    def width(self) -> float:
        """Length of the first side, px: of a horizontal line along its direction."""
        return float(np.linalg.norm(self.quad[1] - self.quad[0]))

    @property
    def height(self) -> float:
        """Length of the second side, px."""
        return float(np.linalg.norm(self.quad[3] - self.quad[0]))

    def turned(self, quarters: int) -> LineBox:
        """The same place read in a direction `quarters` times 90° clockwise from this one's."""
        return LineBox(np.roll(self.quad, -quarters, axis=0), self.score, self.vertical)


def crop_line(image: np.ndarray, box: LineBox) -> np.ndarray:
    """The line turned upright: uint8 (h, w) or (h, w, 3), as `image`; outside the picture its edge is repeated."""
    left, top = np.floor(box.quad.min(axis=0)).astype(int)
    right, bottom = np.ceil(box.quad.max(axis=0)).astype(int)
    is_level = np.ptp(box.quad[[0, 1], 1]) < 0.5 and np.ptp(box.quad[[0, 3], 0]) < 0.5
    if is_level and box.quad[1, 0] > box.quad[0, 0] and box.quad[3, 1] > box.quad[0, 1]:
        inside = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        if inside.size:
            return inside
    width, height = max(1, round(box.width)), max(1, round(box.height))
    # Corners are edges of pixels, but OpenCV counts from the middle of the first pixel.
    corners = np.array([[0, 0], [width, 0], [0, height]], np.float32) - 0.5
    matrix = cv2.getAffineTransform(box.quad[[0, 1, 3]].astype(np.float32) - 0.5, corners)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
