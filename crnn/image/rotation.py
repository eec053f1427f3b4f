"""Turns a picture by any angle, with nothing cut off."""

from __future__ import annotations

import cv2
import numpy as np


def rotate(image: np.ndarray, degrees: float, interpolation: int = cv2.INTER_CUBIC) -> tuple[np.ndarray, np.ndarray]:
    """`image`, uint8 (h, w) or (h, w, 3), turned clockwise about its middle, its border continued to the corners.

    Returns:
        The picture that holds all of it, and float64 (2, 3), which takes places in `image` to places there.
    """
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (int(width * cosine + height * sine), int(width * sine + height * cosine))
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return cv2.warpAffine(image, matrix, size, flags=interpolation, borderMode=cv2.BORDER_REPLICATE), matrix


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Where places (..., 2) of a picture are after `rotate`, float32."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
