"""What a picture's file says of itself: its size, and what decoding it will take.

PNG: ISO/IEC 15948, section 5 (signature, then chunks of length, type, data and CRC).
JPEG: ITU-T T.81, annex B (segments of marker and length; the size stands in the frame header, SOF).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
# SOF0 … SOF15 without DHT (C4), JPG (C8) and DAC (CC), which share the range
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_SCAN = 0xDA
# FF 00 is a byte of pixels, FF before a marker fills up, and 01 and D0 … D7 (restarts) stand without a segment.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")
MOST_SEGMENTS = 10_000  # of a JPEG; a profile of colors or a long comment takes some hundreds
AVIF_HEADER = 100_000  # bytes in which the properties of an AVIF picture stand
TIFF_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
# Of the formats whose files start with what no text starts with; a BMP starts with the letters BM.
SIGNATURES = (PNG_SIGNATURE, JPEG_START, b"GIF87a", b"GIF89a", *TIFF_ORDERS)
TIFF_WIDTH, TIFF_HEIGHT, TIFF_ORIENTATION = 256, 257, 274


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
    kinds = [kind for kind, _, _ in _png_chunks(data)]
    return declared_size(data) if png_is_whole(data) and b"eXIf" not in kinds else None


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end (without the CRC) of each chunk that lies wholly inside the file, up to IEND."""
    position = len(PNG_SIGNATURE)
    while position + 12 <= len(data):  # length, kind and CRC take four bytes each
        kind, start = data[position + 4 : position + 8], position + 4
        end = start + 4 + int.from_bytes(data[position : position + 4])
        if end + 4 > len(data):
            return
        yield kind, start, end
        if kind == b"IEND":
            return
        position = end + 4


def png_is_whole(data: bytes) -> bool:
    """Whether the chunks lead to IEND and those that carry pixels agree with their CRCs.

    To be asked before decoding: OpenCV 5.0 believes a chunk's length, so a file of a few bytes makes it fill
    gigabytes for seconds before it finds the file cut short.
    """
    kind, view = b"", memoryview(data)
    for kind, start, end in _png_chunks(data):
        critical = kind[:1].isupper()  # section 5.4: the case of the first letter says so
        if critical and zlib.crc32(view[start:end]) != int.from_bytes(view[end : end + 4]):
            return False
    return kind == b"IEND"


def _jpeg_size(data: bytes) -> ImageSize | None:
    end = len(JPEG_START)
    for marker, start in _jpeg_markers(data):
        if start != end + 2 or data[start + 2 : start + 6] == b"Exif":  # something lies between, or EXIF may turn it
            return None
        if marker in JPEG_FRAMES:
            width, height = _jpeg_frame_size(data)
            return ImageSize(width, height) if width and height else None
        end = start + int.from_bytes(data[start : start + 2])
    return None


def declared_size(data: bytes) -> ImageSize | None:
    """Size that a JPEG, PNG, GIF, BMP, WebP or TIFF claims to have, before EXIF turns it.

    Enough to refuse a picture that would decode to gigabytes; it says nothing of whether the rest is whole.

    Returns:
        None for other formats, and where the header is damaged or says zero.
    """
    width, height = _declared_size(data)
    return ImageSize(width, height) if width > 0 and height > 0 else None


def avif_size(data: bytes) -> ImageSize | None:
    """The largest size that an AVIF file claims for any of its pictures (ISO/IEC 23008-12, section 6.5.3: ispe)."""
    boxes = [found.end() + 4 for found in re.finditer(b"ispe", data[:AVIF_HEADER])]  # 4 bytes: version and flags
    sizes = [ImageSize(int.from_bytes(data[at : at + 4]), int.from_bytes(data[at + 4 : at + 8])) for at in boxes]
    return max(sizes, key=lambda size: size.width * size.height, default=None)


def _declared_size(data: bytes) -> tuple[int, int]:
    def little(start: int, end: int) -> int:
        return int.from_bytes(data[start:end], "little")

    if data.startswith(PNG_SIGNATURE):
        return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    if data.startswith(JPEG_START):
        return _jpeg_frame_size(data)
    if data.startswith((b"GIF87a", b"GIF89a")):
        return little(6, 8), little(8, 10)
    if data.startswith(b"BM"):
        if little(14, 18) == 12:  # OS/2's short header
            return little(18, 20), little(20, 22)
        height = int.from_bytes(data[22:26], "little", signed=True)
        return little(18, 22), abs(height)  # negative: rows run from the top
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        if data[12:16] == b"VP8X":
            return little(24, 27) + 1, little(27, 30) + 1
        if data[12:16] == b"VP8L":
            return (little(21, 25) & 0x3FFF) + 1, (little(21, 25) >> 14 & 0x3FFF) + 1
        if data[12:16] == b"VP8 ":
            return little(26, 28) & 0x3FFF, little(28, 30) & 0x3FFF
    tags = tiff_tags(data)
    return tags.get(TIFF_WIDTH, 0), tags.get(TIFF_HEIGHT, 0)


def _jpeg_frame_size(data: bytes) -> tuple[int, int]:
    for marker, start in _jpeg_markers(data):
        if marker in JPEG_FRAMES:  # length (2), precision (1), height (2), width (2)
            return int.from_bytes(data[start + 5 : start + 7]), int.from_bytes(data[start + 3 : start + 5])
        if marker == JPEG_SCAN:
            break
    return 0, 0


def jpeg_scans(data: bytes) -> int:
    """How often a JPEG goes over its pixels: once, or a dozen times if it is progressive; 0 for other files.

    To be asked before decoding: a scan may take 42 bytes of the file and a second of the decoder's time.
    """
    return sum(marker == JPEG_SCAN for marker, _ in _jpeg_markers(data)) if data.startswith(JPEG_START) else 0


def _jpeg_markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Markers of a JPEG and where their segments begin, as libjpeg finds them: it skips what is no marker."""
    position = len(JPEG_START)
    for _ in range(MOST_SEGMENTS):
        found = _JPEG_MARKER.search(data, position)
        if found is None or found[1] == JPEG_END[1:]:
            return
        start = found.end()
        yield found[1][0], start
        position = start + max(2, int.from_bytes(data[start : start + 2]))


def tiff_tags(data: bytes) -> dict[int, int]:
    """Tags of the first directory of a TIFF file or EXIF block that hold one whole number, or {}.

    Of a tag that is there twice the larger value counts: which of them a decoder goes by is its own affair. A width or
    height in a type of its own, which decoders may read, makes the whole {}.
    """
    order = TIFF_ORDERS.get(data[:4])
    if order is None:
        return {}
    start = int.from_bytes(data[4:8], order)
    tags: dict[int, int] = {}
    for entry in range(start + 2, start + 2 + 12 * int.from_bytes(data[start : start + 2], order), 12):
        if entry + 12 > len(data):
            break
        size = {3: 2, 4: 4}.get(int.from_bytes(data[entry + 2 : entry + 4], order))  # 3 is SHORT, 4 is LONG
        tag = int.from_bytes(data[entry : entry + 2], order)
        if size is None and tag in (TIFF_WIDTH, TIFF_HEIGHT):
            return {}
        if size is not None and int.from_bytes(data[entry + 4 : entry + 8], order) == 1:
            value = int.from_bytes(data[entry + 8 : entry + 8 + size], order)
            tags[tag] = max(value, tags.get(tag, 0))
    return tags
