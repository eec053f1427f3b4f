"""Writes PDF files of pictures with unseen text on them, one page after the other (ISO 32000-1)."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from crnn import __version__
from crnn.documents import glyphless
from crnn.documents.glyphless import Codes
from crnn.documents.pdf_pictures import PdfPicture


class PdfWriter:
    """Writes to `stream` as pages are added; `close` it to have a whole file.

    Attributes:
        codes: that the text of the pages is written with.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.codes = Codes()
        self._stream = stream
        self._at = 0
        self._offsets: dict[int, int] = {}
        self._catalog, self._pages, self._font, self._next = 1, 2, 3, 4
        self._kids: list[int] = []
        self._write(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")

    def add_page(self, size: tuple[float, float], text: str, picture: PdfPicture | None = None) -> None:
        """Add a page.

        Args:
            size: width and height in points.
            text: operators that set its text, see `crnn.documents.text_layer`.
            picture: what is seen, over the whole page.
        """
        resources = f"/Font << /F1 {self._font} 0 R >>"
        content = text
        if picture is not None:
            image = self._add_picture(picture)
            resources += f" /XObject << /Im1 {image} 0 R >>"
            matrix = " ".join(f"{value:.3f}" for value in picture.matrix(size))
            content = f"q {matrix} cm /Im1 Do Q\n{text}"
        body = self._add_stream("", content.encode("ascii"))
        page = (
            f"<< /Type /Page /Parent {self._pages} 0 R /MediaBox [0 0 {size[0]:.3f} {size[1]:.3f}] "
            f"/Resources << {resources} >> /Contents {body} 0 R >>"
        )
        self._kids.append(self._add(page.encode("ascii")))

    def close(self) -> None:
        """Write what belongs to all pages, and the end."""
        self._write_font()
        kids = " ".join(f"{kid} 0 R" for kid in self._kids)
        self._put(self._pages, f"<< /Type /Pages /Kids [{kids}] /Count {len(self._kids)} >>".encode())
        self._put(self._catalog, f"<< /Type /Catalog /Pages {self._pages} 0 R >>".encode())
        info = self._add(f"<< /Producer (crnn-ocr {__version__}) >>".encode())
        start = self._at
        rows = "".join(f"{self._offsets[number]:010d} 00000 n \n" for number in range(1, self._next))
        self._write(f"xref\n0 {self._next}\n0000000000 65535 f \n{rows}".encode("ascii"))
        trailer = f"trailer\n<< /Size {self._next} /Root {self._catalog} 0 R /Info {info} 0 R >>"
        self._write(f"{trailer}\nstartxref\n{start}\n%%EOF\n".encode("ascii"))

    def _write_font(self) -> None:
        font = glyphless.font_file()
        file = self._add_stream(f"/Length1 {len(font)}", font)
        glyphs = self._add_stream("", b"\0\2" * glyphless.WIDE + b"\0\1" * (0x10000 - glyphless.WIDE))
        box = f"[0 {glyphless.DESCENT} {glyphless.UNIT} {glyphless.ASCENT}]"
        descriptor = self._add(
            f"<< /Type /FontDescriptor /FontName /{glyphless.NAME} /Flags 5 /FontBBox {box} /ItalicAngle 0 /StemV 80 "
            f"/Ascent {glyphless.ASCENT} /Descent {glyphless.DESCENT} /CapHeight {glyphless.ASCENT} "
            f"/FontFile2 {file} 0 R >>".encode()
        )
        child = self._add(
            f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{glyphless.NAME} /CIDToGIDMap {glyphs} 0 R "
            f"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
            f"/FontDescriptor {descriptor} 0 R "
            f"/DW {glyphless.UNIT} /W [0 {glyphless.WIDE - 1} {glyphless.HALF}] >>".encode()
        )
        meaning = self._add_stream("", self.codes.to_unicode())
        self._put(
            self._font,
            f"<< /Type /Font /Subtype /Type0 /BaseFont /{glyphless.NAME} /Encoding /Identity-H "
            f"/DescendantFonts [{child} 0 R] /ToUnicode {meaning} 0 R >>".encode(),
        )

    def _add_picture(self, picture: PdfPicture) -> int:
        number = self._new()
        head = f"<< /Type /XObject /Subtype /Image {picture.entries} /Length {len(picture.data)} >>"
        self._put(number, head.encode("ascii") + b"\nstream\n" + picture.data + b"\nendstream")
        return number

    def _add_stream(self, entries: str, data: bytes) -> int:
        packed = zlib.compress(data, 9)
        head = f"<< {entries} /Filter /FlateDecode /Length {len(packed)} >>\nstream\n".encode("ascii")
        return self._add(head + packed + b"\nendstream")

    def _add(self, content: bytes) -> int:
        number = self._new()
        self._put(number, content)
        return number

    def _new(self) -> int:
        self._next += 1
        return self._next - 1

    def _put(self, number: int, content: bytes) -> None:
        self._offsets[number] = self._at
        self._write(b"%d 0 obj\n%b\nendobj\n" % (number, content))

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self._at += len(data)
