"""Pictures of pages as people see them beside the text: small enough to be sent, large enough to be read."""

from __future__ import annotations

import cv2
import numpy as np

LEAST_SIDE, SIDE, MOST_SIDE = 16, 1600, 2400  # pixels of the longer side
QUALITY = 80  # of the JPEG: three scanned or printed pages of 1,600 pixels took 150 to 370 kB


def small_jpeg(image: np.ndarray, side: int) -> bytes:
    """JPEG of uint8 (H, W) or (H, W, 3) BGR, shrunk to a longer side of at most `side` pixels."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
