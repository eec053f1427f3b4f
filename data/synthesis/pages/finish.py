"""What is done to letters that stand on a picture: rims, shadows, light and depth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from data.synthesis.pages.pen import Color, Pen


@dataclass(frozen=True)
class Finish:
    """What is done to letters that stand on a picture; lengths in em, 0 for none.

    Attributes:
        outline, rim: width of a rim, and its color.
        shadow: offset of a soft shadow.
        glow: reach of light of the ink's color.
        depth, side: of letters cut out of a board, and their sides' color.
        opacity: of the ink.
    """

    outline: float = 0.0
    rim: Color = (0, 0, 0)
    shadow: float = 0.0
    glow: float = 0.0
    depth: float = 0.0
    side: Color = (90, 90, 90)
    opacity: float = 1.0


PLAIN = Finish()


def blend(part: np.ndarray, mask: np.ndarray, ink: Color, opacity: float = 1.0) -> None:
    """Lay `ink` on `part`, uint8 (h, w, 3), by the coverage `mask`, uint8 (h, w)."""
    weight = mask[..., None].astype(np.float32) * np.float32(opacity / 255)
    part[:] = (part + (np.asarray(ink, np.float32) - part) * weight + 0.5).astype(np.uint8)


def adorn(pixels: np.ndarray, mask: np.ndarray, x: int, y: int, pen: Pen, finish: Finish) -> None:
    """Lay shadow, sides, light and rim under letters that will stand at (x, y).

    Args:
        pixels: uint8 (H, W, 3).
        mask: uint8 (h, w), coverage of the letters.
    """
    em = pen.size
    reach = int(em * max(finish.outline, 2.5 * finish.glow, 1.6 * finish.shadow, finish.depth)) + 3
    around = cv2.copyMakeBorder(mask, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
    y0, x0 = max(0, y - reach), max(0, x - reach)
    y1, x1 = min(pixels.shape[0], y + mask.shape[0] + reach), min(pixels.shape[1], x + mask.shape[1] + reach)
    part = pixels[y0:y1, x0:x1]
    rows = slice(y0 - y + reach, y1 - y + reach)
    columns = slice(x0 - x + reach, x1 - x + reach)
    if finish.shadow:
        offset = max(1, round(finish.shadow * em))
        cast = cv2.GaussianBlur(np.roll(around, (offset, offset), (0, 1)), (0, 0), 0.4 + 0.5 * offset)
        dark = (0, 0, 0) if sum(pen.ink) > 200 else (255, 255, 255)
        blend(part, cast[rows, columns], dark, 0.7)
    if finish.glow:
        halo = cv2.GaussianBlur(around, (0, 0), max(0.6, finish.glow * em))
        blend(part, halo[rows, columns], pen.ink, 0.75)
    if finish.depth:
        sides = around
        for step in range(1, max(1, round(finish.depth * em)) + 1):
            sides = np.maximum(sides, np.roll(around, (step, step), (0, 1)))
        blend(part, sides[rows, columns], finish.side)
    if finish.outline:
        size = 2 * max(1, round(finish.outline * em)) + 1
        rim = cv2.dilate(around, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
        blend(part, rim[rows, columns], finish.rim)
