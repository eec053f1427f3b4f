"""Decodes pictures to upright uint8 pixels and refuses what is none."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from crnn import MAX_IMAGE_PIXELS, MOST_IMAGE_PIXELS
from crnn.core.errors import UserError
from crnn.image.header import (
    JPEG_END,
    JPEG_START,
    PNG_SIGNATURE,
    SIGNATURES,
    TIFF_ORIENTATION,
    ImageSize,
    declared_size,
    jpeg_scans,
    png_is_whole,
    tiff_tags,
)

FORMATS = "JPEG, PNG, WebP, GIF, BMP or TIFF"
# Scans of a progressive JPEG times its pixels: two seconds of decoding. Encoders make about ten scans.
MOST_SCANNED_PIXELS = 600_000_000
SCANS_OF_LARGE = 12  # where pictures may be so large that this comes to more
MOST_SCANS = 200
JPEG_SCAN = b"\xff\xda"
TIFF_SAMPLES, TIFF_PLANAR = 277, 284  # tags: channels, and whether these lie in a plane each (2) or pixel by pixel (1)
MIDDLE_GRAY = 128


class ImageError(UserError):
    """The bytes are not a picture that can be read."""


def decode_image(data: bytes, max_pixels: int = MAX_IMAGE_PIXELS) -> np.ndarray:
    """Decode a picture, upright by its EXIF tag, the first of several (`crnn.image.frames` counts them).

    What is transparent becomes white, or black where that lets the rest be seen: light letters on nothing.

    Args:
        max_pixels: larger pictures are refused, and whatever is larger than `MOST_IMAGE_PIXELS`.

    Returns:
        uint8 (H, W) for gray or (H, W, 3) in BGR for color pictures.

    Raises:
        ImageError: empty, damaged, none of `FORMATS`, of more than `max_pixels`, of pixels that are neither 8 nor 16
            bits a channel, or of a kind that OpenCV decodes wrongly.
    """
    if not data:
        raise ImageError("the image is empty (0 bytes)")
    size = declared_size(data)
    if size is None:
        if data.startswith(SIGNATURES):
            raise ImageError("the image is damaged: its header cannot be read, perhaps because the file is cut short")
        raise ImageError(f"not an image that can be read: give a {FORMATS} file")
    check_size(size.width, size.height, min(max_pixels, MOST_IMAGE_PIXELS))
    check_scans(data, size, max_pixels)
    if data.startswith(PNG_SIGNATURE) and not png_is_whole(data):
        raise ImageError("the image is damaged: the PNG file is cut short or altered")
    try:
        # Unchanged, because every other flag drops transparency; but it leaves turning by EXIF to us.
        image, _, metadata = cv2.imdecodeWithMetadata(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError(f"the image cannot be decoded: {error.err or error}") from None
    if image is None:
        if data.startswith(JPEG_START) and JPEG_END not in data[data.rfind(JPEG_SCAN) :]:
            raise ImageError("the image is damaged: the JPEG file is cut short (it has no end marker)")
        raise ImageError("the image is damaged: its header is right, but its pixels cannot be decoded")
    if image.shape[0] * image.shape[1] > size.width * size.height:
        raise ImageError("the image is damaged: it has more pixels than its header says")
    _refuse_misread(tiff_tags(data), image)
    orientation = max((tiff_tags(block.tobytes()).get(TIFF_ORIENTATION, 1) for block in metadata), default=1)
    return _turn(_to_uint8(image), orientation)


def check_size(width: int, height: int, most: int) -> None:
    """Raise an `ImageError` if a picture of so many pixels must not be decoded."""
    if width * height > most:
        raise ImageError(f"the image is too large: {width}×{height} pixels, the most is {most:,}")


def check_scans(data: bytes, size: ImageSize, max_pixels: int = MAX_IMAGE_PIXELS) -> None:
    """Refuse a JPEG that goes over its pixels so often that decoding it would take many seconds.

    Raises:
        ImageError: it does.
    """
    scans = jpeg_scans(data)
    if scans > MOST_SCANS or scans * size.width * size.height > max(MOST_SCANNED_PIXELS, SCANS_OF_LARGE * max_pixels):
        raise ImageError(f"the image goes over its pixels {scans} times: save it again, or as PNG")


def _to_uint8(image: np.ndarray) -> np.ndarray:
    """8-bit gray or BGR of what OpenCV decodes: 8 or 16 bits, with alpha or without."""
    if image.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"the image has pixels of type {image.dtype}: save it with 8 bits a channel")
    if image.ndim == 2 or image.shape[2] == 3:
        return _eight_bits(image)
    color, alpha = _eight_bits(image[:, :, :3]), _eight_bits(image[:, :, 3])
    if not alpha.any():  # some writers leave the fourth channel empty; a picture that nobody can see helps nobody
        return color
    weights = cv2.merge([alpha] * 3)
    seen = cv2.multiply(color, weights, scale=1 / 255)
    return cv2.add(seen, cv2.bitwise_not(weights)) if _belongs_on_white(color, alpha) else seen


def _eight_bits(channels: np.ndarray) -> np.ndarray:
    """uint8 of uint8 or uint16 pixels: the highest eight bits of those in use, for many writers use fewer than 16."""
    unused = max(0, int(channels.max()).bit_length() - 8)
    return np.ascontiguousarray(channels >> unused, np.uint8)


def _belongs_on_white(color: np.ndarray, alpha: np.ndarray) -> bool:
    """Whether the ground of a transparent picture is white rather than black, uint8 (H, W, 3) and (H, W).

    What covers less than half of it are letters, and the ground is their contrary; what covers more is a ground itself.
    """
    brightness = np.average(cv2.cvtColor(color, cv2.COLOR_BGR2GRAY), weights=alpha)
    return bool((brightness >= MIDDLE_GRAY) == (alpha.mean() > MIDDLE_GRAY))


def _refuse_misread(tags: Mapping[int, int], image: np.ndarray) -> None:
    """Refuse the kinds of TIFF that OpenCV 5.0 decodes to something else than they show."""
    if image.dtype == np.uint16 and image.ndim == 3 and tags.get(TIFF_PLANAR) == 2:
        raise ImageError("a TIFF of 16 bits in separate planes is not read: save it with 8 bits, or as PNG")
    if tags.get(TIFF_SAMPLES) == 2:
        raise ImageError("a gray TIFF with transparency is not read: save it without, or as PNG")


def _turn(image: np.ndarray, orientation: int) -> np.ndarray:
    """Upright picture of one whose EXIF orientation is `orientation` (EXIF 2.32, section 4.6.4, tag 274)."""
    if orientation in (5, 6, 7, 8):
        image = cv2.transpose(image)
    flips = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}  # OpenCV: 1 mirrors left-right, 0 top-bottom, -1 both
    return cv2.flip(image, flips[orientation]) if orientation in flips else image
