"""Bytes a client sent to pixels, refused with the right status where they are none."""

from __future__ import annotations

import numpy as np

from crnn.image.decode import FORMATS, ImageError, check_scans, decode_image
from crnn.image.header import SIGNATURES, declared_size
from serve.base.errors import RequestError, TooLarge, UnsupportedType

SMALLEST_SIDE = 4  # pixels: below it no character can be told from another
# Files people do send, and that need other software than a picture decoder (or one that is not safe for
# strangers).
FOREIGN = {
    "PDF": (0, (b"%PDF-",)),
    "HEIC or AVIF": (4, (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1", b"ftypavi")),
    "JPEG 2000": (0, (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    "SVG": (0, (b"<svg", b"<?xml")),
    "Photoshop": (0, (b"8BPS",)),
}
DOCUMENTS = ("PDF", "HEIC or AVIF")  # of these, what is read as a document


def check_picture(data: bytes, max_bytes: int, max_pixels: int) -> None:
    """Refuse what is no picture, or too large a one, from its length and header.

    A decoder must not see it first: 27 KB may decode to gigabytes.

    Raises:
        RequestError: not a picture.
        UnsupportedType: a kind of file that is not read here.
        TooLarge: more than `max_bytes` or `max_pixels`.
    """
    if not data:
        raise RequestError("the picture is empty (0 bytes)", code="bad_image")
    if len(data) > max_bytes:
        raise TooLarge(f"the picture has {len(data)} bytes, more than {max_bytes}", code="too_many_bytes")
    for name, (offset, magics) in FOREIGN.items():
        if data.startswith(magics, offset):
            instead = "post it to /api/v1/documents" if name in DOCUMENTS else f"send {FORMATS}"
            raise UnsupportedType(f"{name} is not read here: {instead}")
    size = declared_size(data)
    if size is None:
        if data.startswith(SIGNATURES):
            raise RequestError("the picture is damaged, or cut short: its header cannot be read", code="bad_image")
        raise RequestError(f"not a picture that can be read: send {FORMATS}", code="bad_image")
    if size.width * size.height > max_pixels:
        raise TooLarge(
            f"the picture has {size.width}×{size.height} pixels, more than {max_pixels}: scale it down",
            code="too_many_pixels",
        )
    try:
        check_scans(data, size)
    except ImageError as error:
        raise TooLarge(str(error), code="too_many_scans") from None


def decode(data: bytes, max_pixels: int) -> np.ndarray | None:
    """Pixels of a checked picture: uint8 (H, W) or (H, W, 3) BGR; None if it is too small to hold a
    character.

    Raises:
        RequestError: damaged.
        TooLarge: more than `max_pixels`, whatever its header said.
    """
    size = declared_size(data)
    if size is not None and min(size.width, size.height) < SMALLEST_SIDE:
        return None
    try:
        image = decode_image(data)
    except ImageError as error:
        raise RequestError(str(error), code="bad_image") from None
    if image.shape[0] * image.shape[1] > max_pixels:
        raise TooLarge(f"the picture has more than {max_pixels} pixels: scale it down", code="too_many_pixels")
    return image
