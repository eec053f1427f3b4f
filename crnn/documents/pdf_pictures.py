"""Pictures as PDF files keep them: the bytes of a JPEG or PNG unchanged where that can be, else encoded anew."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from crnn.image.header import JPEG_FRAMES, JPEG_START, PNG_SIGNATURE, TIFF_ORIENTATION, tiff_tags

QUALITY = 90  # of a JPEG made anew
LOSSLESS = 2.0  # times as large as such a JPEG that a picture without loss may be
EXIF = b"Exif\0\0"
ADOBE = b"Adobe"


@dataclass(frozen=True)
class PdfPicture:
    """A picture in the words of a PDF.

    Attributes:
        data: its stream.
        entries: of the stream's dictionary: size, colors, filter.
        orientation: how its pixels are turned, as EXIF counts (tag 274).
    """

    data: bytes
    entries: str
    orientation: int = 1

    def matrix(self, size: tuple[float, float]) -> tuple[float, ...]:
        """What lays it upright over a page of `size` points, its width and height."""
        width, height = size
        origin, right, up = (_upright(*at, self.orientation) for at in ((0, 1), (1, 1), (0, 0)))
        points = [(x * width, (1 - y) * height) for x, y in (origin, right, up)]
        (x, y), (rx, ry), (ux, uy) = points
        return rx - x, ry - y, ux - x, uy - y, x, y


def _upright(x: float, y: float, orientation: int) -> tuple[float, float]:
    """Where a place of a picture, shares of its width and height from the top left, is seen."""
    if orientation in (5, 6, 7, 8):
        x, y = y, x
    if orientation in (2, 3, 6, 7):
        x = 1 - x
    if orientation in (3, 4, 7, 8):
        y = 1 - y
    return x, y


def picture_of(image: np.ndarray, data: bytes | None = None) -> PdfPicture:
    """The picture for a PDF of `image`, uint8 (H, W) or (H, W, 3) BGR, which the file `data` was decoded to."""
    if data is not None:
        kept = _jpeg(data) if data.startswith(JPEG_START) else _png(data) if data.startswith(PNG_SIGNATURE) else None
        if kept is not None:
            return kept
    return _encoded(image)


def _encoded(image: np.ndarray) -> PdfPicture:
    if image.ndim == 3 and (image == image[:, :, :1]).all():
        image = image[:, :, 0]
    is_bilevel = image.ndim == 2 and bool(np.isin(image, (0, 255)).all())
    options = [cv2.IMWRITE_PNG_BILEVEL, 1] if is_bilevel else [cv2.IMWRITE_PNG_COMPRESSION, 6]
    png = cv2.imencode(".png", image, options)[1].tobytes()
    if not is_bilevel:
        jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        if len(png) > LOSSLESS * len(jpeg):
            png = jpeg
    kept = _jpeg(png) if png.startswith(JPEG_START) else _png(png)
    assert kept is not None
    return kept


def _jpeg(data: bytes) -> PdfPicture | None:
    """A JPEG as it is (filter DCTDecode), None where its header cannot be followed."""
    at, orientation, is_adobe = 2, 1, False
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xE1 and data[at + 4 : at + 10] == EXIF:
            orientation = tiff_tags(data[at + 10 : at + 2 + length]).get(TIFF_ORIENTATION, 1)
        elif marker == 0xEE and data[at + 4 : at + 9] == ADOBE:
            is_adobe = True
        elif marker in JPEG_FRAMES:
            bits, channels = data[at + 4], data[at + 9]
            height, width = int.from_bytes(data[at + 5 : at + 7]), int.from_bytes(data[at + 7 : at + 9])
            space = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}.get(channels)
            if bits != 8 or space is None or not width or not height:
                return None
            decode = " /Decode [1 0 1 0 1 0 1 0]" if channels == 4 and is_adobe else ""  # Adobe writes these inverted
            entries = f"/Width {width} /Height {height} /ColorSpace {space} /BitsPerComponent 8{decode}"
            return PdfPicture(data, f"{entries} /Filter /DCTDecode", orientation if 1 <= orientation <= 8 else 1)
        at += 2 + length
    return None


def _png(data: bytes) -> PdfPicture | None:
    """A PNG's own pixels (filter FlateDecode, predictor 15), None where a PDF cannot hold them so."""
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    bits, color, interlaced = data[24], data[25], data[28]
    pixels, palette, at = [], b"", len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        content = data[at + 8 : at + 8 + length]
        if kind in (b"tRNS", b"eXIf", b"acTL"):  # see-through, turned, moving
            return None
        if kind == b"IDAT":
            pixels.append(content)
        elif kind == b"PLTE":
            palette = content
        at += 12 + length
    space = {0: "/DeviceGray", 2: "/DeviceRGB"}.get(color)
    if color == 3 and palette:
        space = f"[/Indexed /DeviceRGB {len(palette) // 3 - 1} <{palette.hex()}>]"
    if space is None or interlaced or bits > 8:
        return None
    channels = 3 if color == 2 else 1
    entries = f"/Width {width} /Height {height} /ColorSpace {space} /BitsPerComponent {bits} /Filter /FlateDecode"
    parameters = f"/Predictor 15 /Colors {channels} /BitsPerComponent {bits} /Columns {width}"
    return PdfPicture(b"".join(pixels), f"{entries} /DecodeParms << {parameters} >>")
