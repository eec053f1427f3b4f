"""A document as a PDF that can be searched: it looks as before, and its text lies unseen on the printed one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from crnn.core.errors import UserError
from crnn.documents.kinds import PEEK, kind_of
from crnn.documents.pages import PageImage
from crnn.documents.pdf import PDFIUM, POINTS, device_to_user, open_pdf, pdfium
from crnn.documents.pdf_pictures import picture_of
from crnn.documents.pdf_writer import PdfWriter
from crnn.documents.resolution import likely_dpi
from crnn.documents.result import Page, Result
from crnn.documents.sources import open_document
from crnn.documents.text_layer import text_layer
from crnn.page import LineReading

if TYPE_CHECKING:
    import pypdfium2

MARGIN = 0.2  # of a line's box that is left out where text of the document's own is looked for


def to_pdf(result: Result) -> bytes:
    """The PDF of `write_pdf`."""
    stream = BytesIO()
    write_pdf(result, stream)
    return stream.getvalue()


def write_pdf(result: Result, stream: BinaryIO) -> None:
    """Write the PDF of a document: of a PDF, itself with text added where it has none; of pictures, a page each.

    Raises:
        UserError: the document cannot be read again, or pypdfium2 is needed and not installed.
    """
    source = result.source
    if source is None:
        raise UserError(f"{result.name}: the document was not kept, so that no PDF can be made of it")
    if _is_pdf(source):
        _write_over(result, stream)
    else:
        _write_pictures(result, stream)


def _is_pdf(source: object) -> bool:
    try:
        return kind_of(_start_of(source)) == "pdf"
    except OSError as error:
        raise UserError(f"cannot be opened: {error.strerror}") from None


def _start_of(source: object, count: int | None = PEEK) -> bytes:
    """The first bytes of a file or of bytes, all with None; nothing of what is neither."""
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return file.read(count)
    return bytes(source[:count]) if isinstance(source, bytes | bytearray | memoryview) else b""


def _write_pictures(result: Result, stream: BinaryIO) -> None:
    pages = {page.number: page for page in result.pages}
    writer = PdfWriter(stream)
    with open_document(result.source, result.options) as document:
        data = _start_of(result.source, None) if document.count == 1 else None
        for shown in document.pages():
            if not isinstance(shown, PageImage):
                continue
            height, width = shown.image.shape[:2]
            scale = POINTS / likely_dpi(shown.dpi, (height, width))
            page = pages.get(shown.number, Page(shown.number))
            text = text_layer(page.lines, scale, height * scale, writer.codes)
            writer.add_page((width * scale, height * scale), text, picture_of(shown.image, data or None))
    writer.close()


def _write_over(result: Result, stream: BinaryIO) -> None:
    source = result.source
    source = Path(source) if isinstance(source, str | os.PathLike) else bytes(source)
    pdf = open_pdf(source, result.options.password)
    with PDFIUM:
        try:
            for page in result.pages:
                if page.lines and not page.from_text_layer:
                    _lay_over(pdf, page)
            pdf.save(stream)
        finally:
            pdf.close()


def _lay_over(pdf: pypdfium2.PdfDocument, page: Page) -> None:
    """Lay the text of a page over it as a form, a small page inside the page."""
    under = pdf[page.number - 1]
    try:
        lines = tuple(_without_text(under, page))
        if not lines:
            return
        scale = POINTS / page.dpi
        size = (page.size[1] * scale, page.size[0] * scale)
        layer = pdfium().PdfDocument(text_page(lines, scale, size))
        try:
            form = layer.page_as_xobject(0, pdf).as_pageobject()
        finally:
            layer.close()
        # From the upright page in points, begun at the bottom left, over pixels to the PDF's own places.
        to_pixels = np.array([[1 / scale, 0, 0], [0, -1 / scale, 0], [0, page.size[0], 1]])
        matrix = to_pixels @ device_to_user(under, page.size)
        form.set_matrix(pdfium().PdfMatrix(*matrix.ravel().tolist()))
        under.insert_obj(form)
        under.gen_content()
    finally:
        under.close()


def text_page(lines: tuple[LineReading, ...], scale: float, size: tuple[float, float]) -> bytes:
    stream = BytesIO()
    writer = PdfWriter(stream)
    writer.add_page(size, text_layer(lines, scale, size[1], writer.codes))
    writer.close()
    return stream.getvalue()


def _without_text(under: pypdfium2.PdfPage, page: Page) -> Iterator[LineReading]:
    """Lines in whose place the PDF has no text of its own."""
    own = under.get_textpage()
    try:
        if not own.count_chars():
            yield from page.lines
            return
        to_user = device_to_user(under, page.size)
        for line in page.lines:
            quad = line.box.quad.astype(np.float64)
            inner = quad + MARGIN * (quad.mean(axis=0) - quad)
            points = np.concatenate([inner, np.ones((4, 1))], axis=1) @ to_user
            (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
            if not own.get_text_bounded(left, bottom, right, top).strip():
                yield line
    finally:
        own.close()
