"""Tells by its first bytes what kind of file something is, whatever its name says."""

from __future__ import annotations

from typing import Literal

from crnn.image.header import PNG_SIGNATURE, TIFF_ORDERS

Kind = Literal["pdf", "tiff", "animation", "heif", "picture"]

PEEK = 1024  # bytes that are looked at; a PDF's header may stand anywhere in them (ISO 32000-1, annex H.3.4.1)
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
# What folders are searched for. Files named by themselves may be called anything.
SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("pdf", "jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "bmp", "dib", "tif", "tiff"),
        *("heic", "heif", "avif"),
    )
)


def kind_of(start: bytes) -> Kind:
    """The kind of the file that begins with `start`, its first `PEEK` bytes; "picture" for whatever is no other."""
    if b"%PDF-" in start[:PEEK]:
        return "pdf"
    if start[:4] in TIFF_ORDERS:
        return "tiff"
    if start[4:8] == b"ftyp" and start[8:12] in HEIF_BRANDS:
        return "heif"
    if start.startswith((b"GIF87a", b"GIF89a")) or (start.startswith(PNG_SIGNATURE) and b"acTL" in start):
        return "animation"
    if start.startswith(b"RIFF") and start[8:16] == b"WEBPVP8X" and start[20:21] and start[20] & 2:
        return "animation"  # the bit that says so, RFC 9649 section 2.7.1
    return "picture"
