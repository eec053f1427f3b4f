"""How many pixels an inch a picture says it has: JPEG (JFIF 1.02), PNG (pHYs) and TIFF 6.0.

Cameras and screens write 72 or 96 without meaning anything by it; such figures count as unknown.
"""

from __future__ import annotations

from crnn.image.header import JPEG_START, PNG_SIGNATURE, TIFF_ORDERS

LEAST, MOST = 100.0, 2400.0  # believed
TIFF_X_RESOLUTION, TIFF_UNIT, TIFF_RATIONAL = 282, 296, 5
A4_INCHES = 297 / 25.4  # long side of the sheet that a picture of unknown size is taken for
UNKNOWN_LEAST, UNKNOWN_MOST = 72.0, 600.0


def picture_dpi(data: bytes) -> float:
    """Pixels an inch of an encoded picture, 0 if unknown."""
    if data.startswith(PNG_SIGNATURE):
        at = data.find(b"pHYs", 0, 4096)
        if at < 0 or data[at + 12 : at + 13] != b"\x01":  # 1: the unit is the metre
            return 0.0
        return _believed(int.from_bytes(data[at + 4 : at + 8]) * 0.0254)
    if data.startswith(JPEG_START) and data[6:11] == b"JFIF\0":
        per_inch = {1: 1.0, 2: 2.54}.get(data[13], 0.0)
        return _believed(int.from_bytes(data[14:16]) * per_inch)
    return tiff_dpi(data) if data[:4] in TIFF_ORDERS else 0.0


def tiff_dpi(data: bytes) -> float:
    """Pixels an inch of the first page of a TIFF file, 0 if unknown."""
    order = TIFF_ORDERS[data[:4]]

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    start, resolution, unit = number(4, 4), 0.0, 2
    for entry in range(start + 2, start + 2 + 12 * min(number(start, 2), 200), 12):
        tag = number(entry, 2)
        if tag == TIFF_X_RESOLUTION and number(entry + 2, 2) == TIFF_RATIONAL:
            at = number(entry + 8, 4)
            resolution = number(at, 4) / max(1, number(at + 4, 4))
        elif tag == TIFF_UNIT:
            unit = number(entry + 8, 2)
    return _believed(resolution * {2: 1.0, 3: 2.54}.get(unit, 0.0))


def likely_dpi(dpi: float, size: tuple[int, int]) -> float:
    """`dpi`, or, where it is 0, what it would be if a picture of `size` were a sheet of A4."""
    return dpi or min(max(max(size) / A4_INCHES, UNKNOWN_LEAST), UNKNOWN_MOST)


def _believed(dpi: float) -> float:
    return dpi if LEAST <= dpi <= MOST else 0.0
