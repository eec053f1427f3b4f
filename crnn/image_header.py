"""Size of a PNG or JPEG from its header, without decoding. Knows nothing of pixels.

PNG: ISO/IEC 15948, section 5 (signature, then chunks of length, type, data and CRC).
JPEG: ITU-T T.81, annex B (segments of marker and length; the size stands in the frame header, SOF).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
# SOF0 … SOF15 without DHT (C4), JPG (C8) and DAC (CC), which share the range
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class ImageSize:
    """Pixels of a picture."""

    width: int
    height: int


def intact_size(data: bytes) -> ImageSize | None:
    """Size of a PNG or JPEG that is whole as far as its container tells, without the cost of decoding.

    A PNG is whole when every chunk up to IEND agrees with its CRC; a JPEG when its segments lead to a frame
    header and it ends with the end marker, so a flipped bit among its coefficients goes unnoticed.

    Returns:
        None where only decoding can tell: other formats, damaged files, pictures that EXIF may turn.
    """
    if data.startswith(PNG_SIGNATURE):
        return _png_size(data)
    if data.startswith(JPEG_START) and data.endswith(JPEG_END):
        return _jpeg_size(data)
    return None


def _png_size(data: bytes) -> ImageSize | None:
    view, position, size = memoryview(data), len(PNG_SIGNATURE), None
    while position + 12 <= len(data):  # length, type and CRC take four bytes each
        length = int.from_bytes(view[position : position + 4])
        kind, end = data[position + 4 : position + 8], position + 8 + length
        if zlib.crc32(view[position + 4 : end]) != int.from_bytes(view[end : end + 4]):
            return None
        if kind == b"IHDR":
            size = ImageSize(
                int.from_bytes(view[position + 8 : position + 12]),
                int.from_bytes(view[position + 12 : position + 16]),
            )
        elif kind == b"eXIf":
            return None
        elif kind == b"IEND":
            return size
        position = end + 4
    return None


def _jpeg_size(data: bytes) -> ImageSize | None:
    position = len(JPEG_START)
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4])
        if marker in JPEG_FRAMES:  # length (2), precision (1), height (2), width (2)
            height, width = (
                int.from_bytes(data[position + 5 : position + 7]),
                int.from_bytes(data[position + 7 : position + 9]),
            )
            return ImageSize(width, height) if width and height else None
        if marker == 0xE1 and data[position + 4 : position + 8] == b"Exif":
            return None
        position += 2 + length
    return None
