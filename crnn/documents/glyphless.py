"""A font without shapes for text that is searched and copied but not seen: every character, of two widths.

The idea is Ken Sharp's and Jeff Breidenbach's, of tesseract's PDF output: a composite font whose characters all lead
to a glyph that covers nothing, and a table that tells what each code means. ISO 32000-1, sections 9.7 and 9.10;
OpenType 1.9.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

NAME = "GlyphLess"
UNIT = 1000  # of the em; characters are as wide, those before `WIDE` half as wide
HALF = 500
WIDE = 0x2E80  # from here on characters are Chinese, or their punctuation
ASCENT, DESCENT = 800, -200  # between which a line of text stands
BEYOND = 0xD800  # codes from here stand for characters beyond the first plane: no character has them itself
MOST_BEYOND = 0x800
REPLACEMENT = 0xFFFD
RANGES = 100  # at most in one section of a table, as its rules have it

MAP_HEAD = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
"""
MAP_TAIL = """endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


def _outline(width: int) -> bytes:
    """A glyph of a cell of `width`: from corner to corner and back.

    It covers nothing, yet has a size, without which PDFium leaves out words of one character.
    """
    head = (1, 0, DESCENT, width, ASCENT, 2, 0)  # contours, box, last point, instructions
    points = (0, width, -width, DESCENT, ASCENT - DESCENT, DESCENT - ASCENT)  # x, then y, each from the one before
    return struct.pack(">hhhhhHH3B6hx", *head, 1, 1, 1, *points)


def width(text: str) -> float:
    """Of a text, in em."""
    return sum(HALF if ord(char) < WIDE else UNIT for char in text) / UNIT


class Codes:
    """The codes that a document's text is written with, and what they mean."""

    def __init__(self) -> None:
        self._rows: set[int] = set()  # of 256 characters that are used
        self._beyond: dict[int, int] = {}

    def encode(self, text: str) -> str:
        """`text` as hexadecimal digits, four a character."""
        return "".join(f"{self._code(ord(char)):04X}" for char in text)

    def _code(self, point: int) -> int:
        if point > 0xFFFF:
            if point not in self._beyond and len(self._beyond) < MOST_BEYOND:
                self._beyond[point] = BEYOND + len(self._beyond)
            if point in self._beyond:
                return self._beyond[point]
        if point > 0xFFFF or 0xD800 <= point <= 0xDFFF:
            point = REPLACEMENT
        self._rows.add(point >> 8)
        return point

    def to_unicode(self) -> bytes:
        """The table that a PDF keeps it in."""
        rows = [f"<{row:02X}00> <{row:02X}FF> <{row:02X}00>\n" for row in sorted(self._rows)]
        chars = [f"<{code:04X}> <{chr(p).encode('utf-16-be').hex().upper()}>\n" for p, code in self._beyond.items()]
        return (MAP_HEAD + _sections(rows, "bfrange") + _sections(chars, "bfchar") + MAP_TAIL).encode("ascii")


def _sections(entries: list[str], kind: str) -> str:
    parts = [entries[start : start + RANGES] for start in range(0, len(entries), RANGES)]
    return "".join(f"{len(part)} begin{kind}\n{''.join(part)}end{kind}\n" for part in parts)


def font_file() -> bytes:
    """The font: a TrueType file of glyph 1, as wide as high, and glyph 2, half as wide."""
    outlines = [_outline(UNIT), _outline(HALF)]
    tables = {
        b"cmap": struct.pack(">HH", 0, 0),
        b"glyf": b"".join(outlines),
        b"head": struct.pack(
            ">IIIIHHQQhhhhHHhhh",
            *(0x10000, 0x10000, 0, 0x5F0F3CF5, 3, UNIT, 0, 0),
            *(0, DESCENT, UNIT, ASCENT, 0, 8, 2, 0, 0),
        ),
        b"hhea": struct.pack(">IhhhHhhhhhhhhhhhH", 0x10000, ASCENT, DESCENT, 0, UNIT, *[0] * 2, UNIT, 1, *[0] * 7, 3),
        b"hmtx": struct.pack(">HhHhHh", UNIT, 0, UNIT, 0, HALF, 0),
        b"loca": struct.pack(">HHHH", 0, 0, *(len(outlines[0]) // 2 * i for i in (1, 2))),
        b"maxp": struct.pack(">IH13H", 0x10000, 3, 3, 1, *[0] * 2, 1, *[0] * 8),
        b"post": struct.pack(">IIhhIIIII", 0x30000, 0, 0, 0, 1, *[0] * 4),
    }
    offset = 12 + 16 * len(tables)
    directory, body = struct.pack(">IHHHH", 0x10000, len(tables), 128, 3, 0), b""
    for tag, table in tables.items():
        padded = table + b"\0" * (-len(table) % 4)
        directory += struct.pack(">4sIII", tag, _sum(padded), offset + len(body), len(table))
        body += padded
    font = bytearray(directory + body)
    at = font.index(b"\x5f\x0f\x3c\xf5") - 4
    font[at : at + 4] = struct.pack(">I", (0xB1B0AFBA - _sum(font)) & 0xFFFFFFFF)  # of head: makes the whole sum right
    return bytes(font)


def _sum(data: bytes | bytearray) -> int:
    words: Iterable[tuple[int]] = struct.iter_unpack(">I", data)
    return sum(word for (word,) in words) & 0xFFFFFFFF
