"""Counts the pages of a TIFF file and the frames of an animation from their structure, without decoding.

TIFF: revision 6.0, section 2 (a chain of directories). GIF: version 89a (a chain of blocks). PNG: third edition, acTL
(the chunk that says how many frames an animation has). WebP: RFC 9649 (one ANMF chunk a frame).
"""

from __future__ import annotations

from crnn.image.header import PNG_SIGNATURE, TIFF_ORDERS

MOST_STEPS = 200_000  # along a chain: hostile files are of many small parts; what lies behind is not counted
GIF_FRAME, GIF_EXTENSION = 0x2C, 0x21
TIFF_SUBFILE = 254
SUBFILE_PREVIEW, SUBFILE_MASK = 1, 4  # bits of it: what is no page of its own


def count_frames(data: bytes) -> int:
    """Pages or frames of a picture, at least 1: of what is damaged, or of another kind, one can be read at most."""
    if data[:4] in TIFF_ORDERS:
        count = len(tiff_pages(data))
    elif data.startswith((b"GIF87a", b"GIF89a")):
        count = _gif_frames(data)
    elif data.startswith(PNG_SIGNATURE):
        at = data.find(b"acTL", 0, max(0, data.find(b"IDAT")))
        count = int.from_bytes(data[at + 4 : at + 8]) if at > 0 else 1
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        count = _webp_frames(data)
    else:
        count = 1
    return max(1, count)


def tiff_pages(data: bytes) -> list[int]:
    """Where the directory of each page of a TIFF file stands, in bytes; previews and masks are no pages.

    Where the file is cut short, the last offset is past its end and stands for all pages that are missing.
    """
    order = TIFF_ORDERS[data[:4]]

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    pages, seen, at = list[int](), set[int](), number(4, 4)
    while 0 < at < len(data) and at not in seen and len(seen) < MOST_STEPS:
        seen.add(at)
        entries = number(at, 2)
        kind = number(at + 10, 4) if number(at + 2, 2) == TIFF_SUBFILE else 0  # tags ascend: this one stands first
        if not kind & (SUBFILE_PREVIEW | SUBFILE_MASK):
            pages.append(at)
        at = number(at + 2 + 12 * entries, 4)
    if at >= len(data):
        pages.append(at)
    return pages


def _gif_frames(data: bytes) -> int:
    def colors(flags: int) -> int:
        return 3 << (flags & 7) + 1 if flags & 0x80 else 0  # bytes of a color table

    frames, at, in_blocks = 0, 13 + colors(data[10] if len(data) > 10 else 0), False
    for _ in range(MOST_STEPS):
        if at + 10 >= len(data):
            break
        if in_blocks:  # of data, each with its length before it; the last one is empty
            in_blocks = data[at] > 0
            at += 1 + data[at]
        elif data[at] == GIF_FRAME:
            frames, in_blocks = frames + 1, True
            at += 11 + colors(data[at + 9])
        elif data[at] == GIF_EXTENSION:
            in_blocks = True
            at += 2
        else:  # the trailer
            break
    return frames


def _webp_frames(data: bytes) -> int:
    frames, at = 0, 12
    for _ in range(MOST_STEPS):
        if at + 8 > len(data):
            break
        frames += data[at : at + 4] == b"ANMF"
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return frames
