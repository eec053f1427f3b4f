"""What may be done to a line before it is scaled. The models of this project want nothing: `plain`."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from crnn.core.canvas import MODES
from crnn.core.errors import UserError


def enhance(gray: np.ndarray, mode: str) -> np.ndarray:
    """Apply enhancement `mode` to a gray uint8 (H, W) image; same shape and dtype.

    Raises:
        UserError: `mode` is not one of `MODES`.
    """
    if mode not in MODES:
        raise UserError(f"unknown preprocessing mode {mode!r}: choose one of {', '.join(MODES)}")
    if mode == "plain":
        return gray
    return ENHANCEMENTS[mode](gray, max(3, min(gray.shape) // 2 * 2 + 1))


def _even_out(gray: np.ndarray, window: int) -> np.ndarray:
    """Divide by the paper's brightness, which takes shadows away."""
    # Closing removes strokes thinner than the window and leaves the paper; blurring hides its edges.
    paper = cv2.morphologyEx(gray, cv2.MORPH_CLOSE, np.ones((window, window), np.uint8))
    paper = cv2.GaussianBlur(paper, (0, 0), window / 2)
    return cv2.divide(gray, np.maximum(paper, 1), scale=255)


def _binarize(gray: np.ndarray, window: int) -> np.ndarray:
    """Histogram equalization and adaptive threshold, the chain of the article that this project grew out of."""
    equalized = cv2.equalizeHist(gray)
    return cv2.adaptiveThreshold(equalized, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, window, 10)


ENHANCEMENTS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"background": _even_out, "article": _binarize}
