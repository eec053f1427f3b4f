"""Turns any image into the model's canvas. Knows nothing of torch, models or files.

Training, evaluation and the server all come through `to_canvas`: there is no second copy to drift.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

# OpenCV reads this limit when it is imported: a 27 KB PNG may otherwise decode to gigabytes.
MAX_IMAGE_PIXELS = 50_000_000
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_IMAGE_PIXELS))

import cv2  # noqa: E402  (after the limit)
import numpy as np  # noqa: E402

from crnn.errors import UserError  # noqa: E402

MODES = ("plain", "background", "article")


class ImageError(UserError):
    """The bytes are not a picture that can be read."""


class TooWideError(UserError):
    """The line is wider than a canvas may be; `crnn.recognizer` cuts it first."""


@dataclass(frozen=True)
class CanvasSpec:
    """Geometry of the model's input, carried by every artifact.

    Attributes:
        height: pixels; every line is scaled to it.
        bucket: widths are rounded up to a multiple of this, so a runtime sees few shapes and a line's reading
            never depends on the lines it is batched with.
        max_width: pixels; wider lines are cut before.
        mode: enhancement before scaling, one of `MODES`.
    """

    height: int = 32
    bucket: int = 32
    max_width: int = 800
    mode: str = "plain"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UserError(f"unknown preprocessing mode {self.mode!r}: choose one of {', '.join(MODES)}")
        if self.height < 8 or self.bucket < 4 or self.max_width % self.bucket:
            raise UserError(
                f"canvas of height {self.height}, bucket {self.bucket}, max_width {self.max_width}: the height must be "
                "at least 8, the bucket at least 4, and max_width a multiple of the bucket"
            )

    def bucket_width(self, content_width: int) -> int:
        """Width of the canvas for content of `content_width` pixels."""
        return -(-content_width // self.bucket) * self.bucket


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


def decode_image(data: bytes) -> np.ndarray:
    """Decode an encoded picture, upright by its EXIF tag, transparency laid over white.

    Returns:
        uint8 (H, W) for grey or (H, W, 3) in BGR for colour pictures.

    Raises:
        ImageError: empty, damaged, not a picture, or more than `MAX_IMAGE_PIXELS`.
    """
    if not data:
        raise ImageError("the image is empty (0 bytes)")
    # IMREAD_ANYCOLOR turns a picture upright but drops alpha; JPEG has none, every other format may have one.
    is_jpeg = data[:3] == b"\xff\xd8\xff"
    flags = cv2.IMREAD_ANYCOLOR if is_jpeg else cv2.IMREAD_UNCHANGED
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(f"the image cannot be decoded: {_reason(error)}") from None
    if image is None:
        raise ImageError("not an image that can be read (JPEG, PNG, WebP, BMP and TIFF are)")
    return _to_uint8_bgr(image)


def _reason(error: cv2.error) -> str:
    if "CV_IO_MAX_IMAGE" in str(error) or "pixels" in str(error):
        return f"more than {MAX_IMAGE_PIXELS} pixels"
    return str(error.err or error).strip().splitlines()[-1]


def _to_uint8_bgr(image: np.ndarray) -> np.ndarray:
    """Any depth and number of channels that OpenCV decodes, as uint8 grey or BGR."""
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    elif image.dtype != np.uint8:
        finite = np.nan_to_num(image.astype(np.float32))
        image = cv2.normalize(finite, finite, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    if image.ndim == 3 and image.shape[2] in (2, 4):
        alpha = image[:, :, -1:].astype(np.float32) / 255
        image = (image[:, :, :-1] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    return image


def to_grey(image: np.ndarray) -> np.ndarray:
    """Grey uint8 (H, W) of a uint8 (H, W) or BGR (H, W, 3) image.

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


def enhance(grey: np.ndarray, mode: str) -> np.ndarray:
    """Apply enhancement `mode` to a grey uint8 (H, W) image; same shape and dtype.

    `plain` leaves it alone. `background` divides by the paper's brightness, which evens out shadows.
    `article` is the chain of histogram equalisation and adaptive threshold.

    Raises:
        UserError: `mode` is not one of `MODES`.
    """
    if mode == "plain":
        return grey
    if mode == "background":
        size = max(3, min(grey.shape) // 2 * 2 + 1)
        paper = cv2.GaussianBlur(cv2.morphologyEx(grey, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8)), (0, 0), size / 2)
        return cv2.divide(grey, np.maximum(paper, 1), scale=255)
    if mode == "article":
        equalised = cv2.equalizeHist(grey)
        block = max(3, min(grey.shape) // 2 * 2 + 1)
        return cv2.adaptiveThreshold(equalised, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, block, 10)
    raise UserError(f"unknown preprocessing mode {mode!r}: choose one of {', '.join(MODES)}")


def scaled_width(image: np.ndarray, spec: CanvasSpec) -> int:
    """Pixels the content of `image` (H, W[, C]) takes on a canvas of `spec.height`."""
    return max(1, round(image.shape[1] * spec.height / image.shape[0]))


def to_canvas(image: np.ndarray, spec: CanvasSpec) -> Canvas:
    """Scale a line to the canvas: grey, enhancement, height `spec.height`, the aspect ratio kept.

    The right edge is repeated up to the bucket's width. Replication rather than a constant: a border of another
    brightness reads as a stroke.

    Args:
        image: uint8 (H, W) grey or (H, W, 3) BGR.

    Raises:
        ImageError: not such an image.
        TooWideError: the scaled line exceeds `spec.max_width`.
    """
    grey = enhance(to_grey(image), spec.mode)
    height, width = grey.shape
    content_width = scaled_width(grey, spec)
    if content_width > spec.max_width:
        raise TooWideError(f"a line of {width}×{height} px scales to {content_width} px, over {spec.max_width}")
    # INTER_AREA averages the pixels it drops; enlarging needs interpolation instead.
    interpolation = cv2.INTER_AREA if height > spec.height else cv2.INTER_LINEAR
    content = cv2.resize(grey, (content_width, spec.height), interpolation=interpolation)
    padding = spec.bucket_width(content_width) - content_width
    pixels = cv2.copyMakeBorder(content, 0, 0, 0, padding, cv2.BORDER_REPLICATE) if padding else content
    return Canvas(pixels=pixels, content_width=content_width, scale=content_width / width)
