"""Documents whose every page is known: lines of bars (see `tests.barcode`), a page each."""

from __future__ import annotations

import io
import itertools
import zlib
from collections.abc import Sequence

import pytest
from PIL import Image

from tests.barcode import CHARACTERS
from tests.serve.conftest import png

LETTERS = CHARACTERS.replace(" ", "")
_FONT = b"<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"


def tiff(texts: Sequence[str]) -> bytes:
    """A TIFF file with a page for each text."""
    first, *others = (Image.open(io.BytesIO(png(text))) for text in texts)
    file = io.BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=others)
    return file.getvalue()


def numbered(count: int) -> list[str]:
    """Texts no two of which are the same."""
    return ["".join(letters) for letters in itertools.islice(itertools.product(LETTERS, repeat=4), count)]


def locked(document: bytes, password: str) -> bytes:
    """A PDF that is opened with a password."""
    pikepdf = pytest.importorskip("pikepdf", reason="encrypts a PDF")
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(document)) as opened:
        opened.save(file, encryption=pikepdf.Encryption(owner=password, user=password))
    return file.getvalue()


def prose(lines: int) -> bytes:
    """The content stream of a page of A4 with so many lines of text."""
    text = b"(Every curve was still climbing steeply, so training went on for hours.) Tj 0 -20 Td "
    return b"BT /F1 12 Tf 60 780 Td " + text * lines + b"ET"


def pdf(content: bytes = b"", pages: int = 1, size: tuple[float, float] = (200, 100)) -> bytes:
    """A PDF of so many pages, each with the same content stream."""
    stream = zlib.compress(content)
    kids = " ".join(f"{4 + i} 0 R" for i in range(pages))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {pages}>>".encode(),
        b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(stream), stream),
        *[b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %g %g]/Contents 3 0 R/Resources %b>>" % (*size, _FONT)] * pages,
    ]
    file = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(file) + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table)
