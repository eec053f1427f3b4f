"""Turns any image into the model's canvas.

Training, evaluation and the server all come through `to_canvas`: there is no second copy to drift.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from crnn.core.canvas import CanvasSpec
from crnn.core.errors import UserError
from crnn.image.decode import ImageError, decode_image
from crnn.image.enhance import enhance

__all__ = [
    "Canvas",
    "ImageError",
    "TooWideError",
    "crop_vertically",
    "decode_image",
    "enhance",
    "line_gray",
    "pad_to_bucket",
    "pad_vertically",
    "scaled_width",
    "to_canvas",
    "to_gray",
    "to_strip",
]  # fmt: skip

MAX_ASPECT = 1000  # width over height: 40 canvases of 800 pixels; no printed line is so long
CROP = 0.06  # of the height, above and below: boxes leave 5 to 20 % around the letters
CROP_STRETCH = 1.17  # of a cropped line: narrow letters get more frames
PAD = 0.06  # of the height, above and below: letters cut off at their feet stand free
PAD_STRETCH = 0.9  # of a padded line: letters set wide come nearer to each other
HIDDEN = 0.35  # luminance that varies so much less than one of the colors hides the ink
ENHANCED_HEIGHT = 4  # canvas heights: taller pictures are reduced before enhancement, whose cost is their area


class TooWideError(UserError):
    """The line is wider than a canvas may be; `crnn.recognizer` cuts it first."""


@dataclass(frozen=True)
class Canvas:
    """A line ready for the model.

    Attributes:
        pixels: uint8 (height, bucketed width).
        content_width: pixels that hold the line; what follows on the right is padding.
        scale: canvas pixels per image pixel, horizontally.
    """

    pixels: np.ndarray
    content_width: int
    scale: float


def to_gray(image: np.ndarray) -> np.ndarray:
    """Gray uint8 (H, W) of a uint8 (H, W) or BGR (H, W, 3) image.

    Raises:
        ImageError: another shape or dtype, or no pixels.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.size == 0:
        raise ImageError(f"expected a uint8 image (H, W) or (H, W, 3), got {image.dtype} {image.shape}")
    if image.ndim == 2:
        return image
    if image.shape[2] != 3:
        raise ImageError(f"expected 3 channels (BGR), got {image.shape[2]}")
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


def line_gray(image: np.ndarray) -> np.ndarray:
    """Gray uint8 (H, W) of a line, uint8 (H, W) or (H, W, 3) BGR, in which its ink can be seen.

    Ink as bright as its ground, such as red on green, vanishes from the luminance; there the channel that varies most
    is taken. Elsewhere luminance reads best: the principal color of every line was tried and gained nothing.

    Raises:
        ImageError: not such an image.
    """
    gray = to_gray(image)
    if image.ndim == 2:
        return gray
    spreads = cv2.meanStdDev(image)[1].ravel()
    if float(cv2.meanStdDev(gray)[1].item()) >= HIDDEN * spreads.max():
        return gray
    return np.ascontiguousarray(image[:, :, int(spreads.argmax())])


def scaled_width(image: np.ndarray, spec: CanvasSpec) -> int:
    """Pixels the content of `image` (H, W[, C]) takes on a canvas of `spec.height`."""
    return int(max(1, round(image.shape[1] * spec.height / image.shape[0])))


def to_strip(image: np.ndarray, spec: CanvasSpec, stretch: float = 1.0) -> np.ndarray:
    """Scale a line to the canvas's height: gray, enhancement, then the height, the aspect ratio kept.

    Args:
        image: uint8 (H, W) gray or (H, W, 3) BGR.
        stretch: further horizontal scale.

    Returns:
        uint8 (spec.height, scaled_width(image, spec) · stretch).

    Raises:
        ImageError: not such an image, or more than `MAX_ASPECT` times as wide as it is high.
    """
    gray = to_gray(image)
    if gray.shape[1] > MAX_ASPECT * gray.shape[0]:
        raise ImageError(
            f"{gray.shape[1]}×{gray.shape[0]} pixels are no line of text: over {MAX_ASPECT} times the height"
        )
    tallest = ENHANCED_HEIGHT * spec.height
    if spec.mode != "plain" and gray.shape[0] > tallest:
        gray = cv2.resize(
            gray,
            (max(1, round(gray.shape[1] * tallest / gray.shape[0])), tallest),
            interpolation=cv2.INTER_AREA,
        )
    width = round(scaled_width(image, spec) * stretch)
    # INTER_AREA averages the pixels it drops; enlarging needs interpolation instead.
    interpolation = cv2.INTER_AREA if gray.shape[0] > spec.height else cv2.INTER_LINEAR
    return cv2.resize(enhance(gray, spec.mode), (width, spec.height), interpolation=interpolation)


def crop_vertically(image: np.ndarray) -> np.ndarray:
    """A line, (H, W[, C]), without its outermost rows: larger letters on the canvas, and every x as before."""
    rows = round(CROP * image.shape[0])
    middle = image[rows : image.shape[0] - rows]
    return middle if middle.shape[1] <= MAX_ASPECT * middle.shape[0] else image


def pad_vertically(image: np.ndarray) -> np.ndarray:
    """A line, (H, W[, C]), with its outermost rows repeated: smaller letters on the canvas, and every x as before."""
    rows = round(PAD * image.shape[0])
    return cv2.copyMakeBorder(image, rows, rows, 0, 0, cv2.BORDER_REPLICATE) if rows else image


def pad_to_bucket(strip: np.ndarray, spec: CanvasSpec) -> np.ndarray:
    """Repeat the right edge of a strip (H, W) up to its bucket's width.

    Replication rather than a constant: a border of another brightness reads as a stroke.
    """
    padding = spec.bucket_width(strip.shape[1]) - strip.shape[1]
    return cv2.copyMakeBorder(strip, 0, 0, 0, padding, cv2.BORDER_REPLICATE) if padding else strip


def to_canvas(image: np.ndarray, spec: CanvasSpec) -> Canvas:
    """The model's input for a line that fits: `to_strip`, then `pad_to_bucket`.

    Args:
        image: uint8 (H, W) gray or (H, W, 3) BGR.

    Raises:
        ImageError: not such an image.
        TooWideError: the scaled line exceeds `spec.max_width`.
    """
    strip = to_strip(image, spec)
    height, width = image.shape[:2]
    if strip.shape[1] > spec.max_width:
        raise TooWideError(f"a line of {width}×{height} px scales to {strip.shape[1]} px, over {spec.max_width}")
    return Canvas(pixels=pad_to_bucket(strip, spec), content_width=strip.shape[1], scale=strip.shape[1] / width)
