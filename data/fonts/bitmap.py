"""Turns a bitmap font of the X Window System (PCF) into TrueType, every pixel a square.

Pixel faces of old screens can then be drawn at any size, as a scaled screenshot shows them.
Source of the format: the PCF reader and writer of X.Org's libXfont (`pcfread.c`).
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph

from crnn.core.errors import UserError
from data.fonts.truetype import DrawnGlyph, save_font

UNIT = 64  # font units a pixel; any whole number draws the same
ACCELERATORS, METRICS, BITMAPS, ENCODINGS = 2, 4, 8, 32  # table types
MSB_BYTES, MSB_BITS, COMPRESSED = 4, 8, 0x100  # flags of a table's format


class BitmapFont:
    """The tables of a PCF file that are needed to draw it.

    Attributes:
        ascent, descent: pixels above and below the baseline.
        glyph_of: glyph number by code point.
        metrics: per glyph left and right edge, advance, ascent, descent, in pixels.

    Raises:
        UserError: not a PCF file, or one cut short.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        try:
            magic, count = struct.unpack_from("<4sI", content)
            if magic != b"\x01fcp":
                raise UserError("not a PCF font")
            entries = [struct.unpack_from("<4I", content, 8 + 16 * i) for i in range(count)]
            self._tables = {kind: (form, offset + 4) for kind, form, _, offset in entries}
            self.ascent, self.descent = self._read(ACCELERATORS, "2i", 8)
            self.metrics = self._read_metrics()
            self.glyph_of = self._read_encodings()
        except (struct.error, KeyError) as error:
            raise UserError(f"the PCF font is damaged ({error})") from None

    def pixels(self, glyph: int) -> np.ndarray:
        """(height, width) bool, the set pixels of a glyph."""
        form, offset = self._tables[BITMAPS]
        (count,) = self._read(BITMAPS, "i", 0)
        (start,) = self._read(BITMAPS, "i", 4 + 4 * glyph)
        left, right, _, ascent, descent = self.metrics[glyph]
        height, width = ascent + descent, right - left
        padding = 1 << (form & 3)
        stride = -(-width // (8 * padding)) * padding
        raw = np.frombuffer(self._content, np.uint8, height * stride, offset + 4 + 4 * count + 16 + start)
        unit = 1 << (form >> 4 & 3)
        if bool(form & MSB_BYTES) != bool(form & MSB_BITS) and unit > 1:
            raw = raw.reshape(-1, unit)[:, ::-1].reshape(-1)
        bits = np.unpackbits(raw.reshape(height, stride), axis=1, bitorder="big" if form & MSB_BITS else "little")
        return bits[:, :width].astype(bool)

    def _read(self, kind: int, layout: str, offset: int) -> tuple[int, ...]:
        form, start = self._tables[kind]
        return struct.unpack_from((">" if form & MSB_BYTES else "<") + layout, self._content, start + offset)

    def _read_metrics(self) -> list[tuple[int, ...]]:
        if self._tables[METRICS][0] & COMPRESSED:
            (count,) = self._read(METRICS, "H", 0)
            values = np.array(self._read(METRICS, f"{5 * count}B", 2)).reshape(-1, 5) - 0x80
        else:
            (count,) = self._read(METRICS, "i", 0)
            values = np.array(self._read(METRICS, f"{6 * count}h", 4)).reshape(-1, 6)[:, :5]
        return [tuple(map(int, row)) for row in values]

    def _read_encodings(self) -> dict[int, int]:
        low, high, first_row, last_row, _ = self._read(ENCODINGS, "5h", 0)
        columns = high - low + 1
        glyphs = self._read(ENCODINGS, f"{columns * (last_row - first_row + 1)}H", 10)
        return {
            (first_row + i // columns) << 8 | (low + i % columns): glyph
            for i, glyph in enumerate(glyphs)
            if glyph != 0xFFFF
        }


def trace_bitmap_font(source: Path, target: Path) -> None:
    """Write the bitmap font as TrueType; a row's run of set pixels becomes one rectangle."""
    font = BitmapFont(source.read_bytes())
    drawn = {}
    for codepoint, number in font.glyph_of.items():
        left, _, advance, ascent, _ = font.metrics[number]
        glyph = _squares(font.pixels(number), left, ascent)
        drawn[codepoint] = DrawnGlyph(glyph, advance * UNIT, left * UNIT)
    save_font(drawn, target, source.stem, (font.ascent + font.descent) * UNIT, font.ascent * UNIT)


def _squares(pixels: np.ndarray, left: int, ascent: int) -> Glyph:
    pen = TTGlyphPen(None)
    for row, line in enumerate(pixels):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], line.astype(np.int8), [0]))))
        bottom, top = (ascent - row - 1) * UNIT, (ascent - row) * UNIT
        for begin, end in edges.reshape(-1, 2):
            x0, x1 = int(left + begin) * UNIT, int(left + end) * UNIT
            pen.moveTo((x0, bottom))
            for point in ((x0, top), (x1, top), (x1, bottom)):
                pen.lineTo(point)
            pen.closePath()
    return pen.glyph()
