"""The pages of a PDF as pictures, drawn by PDFium, or as the text that they hold already."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from crnn.core.errors import UserError
from crnn.core.reading import CharReading
from crnn.documents.pages import BadPage, PageImage, SourceOptions
from crnn.finder.boxes import LineBox
from crnn.finder.direction import Way
from crnn.finder.reading_order import page_order
from crnn.page import LineReading

if TYPE_CHECKING:
    import pypdfium2

POINTS = 72.0  # an inch
LONG_SIDE = 2200  # px that the longer side of a page is drawn with: 188 dpi for A4, print of 6 points is 16 px high
SHORT_SIDE = 800  # px that the shorter one has at least, for till slips
LEAST_DPI, MOST_DPI = 36.0, 400.0
LEAST_TEXT = 8  # visible characters from which a page counts as one with text
APART = 1.2  # of a line's height: a gap as wide parts two lines that stand beside each other
Char = tuple[str, tuple[float, float, float, float]]  # with its left, top, right and bottom, pixels
PDFIUM = threading.RLock()  # PDFium may be used by one thread at a time, in the whole process


class LockedPdf(UserError):
    """A PDF that no password was given for, or (`tried`) not the right one."""

    def __init__(self, tried: bool) -> None:
        wrong = "the password does not open it" if tried else "give its password, or save it without"
        super().__init__(f"the PDF is encrypted: {wrong}")
        self.tried = tried


def pdfium() -> ModuleType:
    """The module pypdfium2.

    Raises:
        UserError: it is not installed.
    """
    try:
        import pypdfium2
    except ImportError:
        raise UserError("PDF needs pypdfium2: pip install pypdfium2") from None
    module: ModuleType = pypdfium2
    return module


def page_dpi(width: float, height: float, dpi: float | None, max_pixels: int) -> float:
    """At how many pixels an inch a page of `width` × `height` points is drawn: `dpi`, or as its size demands."""
    long, short = max(width, height) / POINTS, min(width, height) / POINTS
    chosen = dpi or min(max(LONG_SIDE / long, SHORT_SIDE / short, LEAST_DPI), MOST_DPI)
    most = (0.99 * max_pixels / (long * short)) ** 0.5  # the sides are rounded up
    return min(chosen, most)


class PdfDocument:
    """A PDF, by its path or its bytes.

    Raises:
        UserError: pypdfium2 is not installed, or the file is damaged or encrypted.
    """

    warning = ""

    def __init__(self, source: Path | bytes, options: SourceOptions) -> None:
        self._options = options
        self._pdf = open_pdf(source, options.password)
        with PDFIUM:
            self.count = len(self._pdf)
        if not self.count:
            self.__exit__()
            raise UserError("the PDF is damaged: it has no pages")

    def __enter__(self) -> PdfDocument:
        return self

    def __exit__(self, *_: object) -> None:
        with PDFIUM:
            self._pdf.close()

    def pages(self, numbers: Sequence[int] | None = None) -> Iterator[PageImage | BadPage]:
        for number in numbers if numbers is not None else range(1, self.count + 1):
            with PDFIUM:
                page = self._page(number)
            yield page

    def _page(self, number: int) -> PageImage | BadPage:
        try:
            page = self._pdf[number - 1]
        except pdfium().PdfiumError:
            return BadPage(number, "the PDF is damaged: this page cannot be loaded")
        try:
            width, height = page.get_size()
            if not (width > 0 and height > 0):
                return BadPage(number, "the PDF is damaged: this page has no size")
            dpi = page_dpi(width, height, self._options.dpi, self._options.max_pixels)
            image = _draw(page, dpi)
            text = _text_lines(page, image.shape[:2]) if self._options.text_layer == "use" else None
            return PageImage(number, image, dpi, text)
        except pdfium().PdfiumError as error:
            return BadPage(number, f"the PDF is damaged: this page cannot be drawn ({error})")
        finally:
            page.close()


def open_pdf(source: Path | bytes, password: str | None) -> pypdfium2.PdfDocument:
    """PDFium's document; close it, holding `PDFIUM`.

    Raises:
        LockedPdf: it is encrypted, and not with this password.
        UserError: pypdfium2 is not installed, or the file is damaged.
    """
    module = pdfium()
    try:
        with PDFIUM:
            document: pypdfium2.PdfDocument = module.PdfDocument(source, password=password)
            if document.get_formtype():
                document.init_forms()  # what was filled in is drawn too
            return document
    except module.PdfiumError as error:
        if "password" in str(error).lower():
            raise LockedPdf(tried=bool(password)) from None
        raise UserError("the PDF is damaged: it cannot be opened") from None
    except OSError as error:
        raise UserError(f"cannot be opened: {error.strerror or error}") from None


def without_password(source: Path | bytes, password: str) -> bytes | None:
    """A copy of a PDF that needs no password; None if it never did.

    Raises:
        UserError: see `open_pdf`.
    """
    raw, copy = pdfium().raw, BytesIO()
    pdf = open_pdf(source, password)
    with PDFIUM:
        try:
            if raw.FPDF_GetSecurityHandlerRevision(pdf) < 0:
                return None
            pdf.save(copy, flags=raw.FPDF_REMOVE_SECURITY)
            return copy.getvalue()
        finally:
            pdf.close()


def _draw(page: pypdfium2.PdfPage, dpi: float) -> np.ndarray:
    """uint8 (H, W, 3) BGR, or (H, W) where the page has no color."""
    bitmap = page.render(scale=dpi / POINTS)
    image: np.ndarray = bitmap.to_numpy()[:, :, :3].copy()
    bitmap.close()
    if (image[:, :, 0] == image[:, :, 1]).all() and (image[:, :, 1] == image[:, :, 2]).all():
        return np.ascontiguousarray(image[:, :, 0])  # a third of the memory
    return image


def _text_lines(page: pypdfium2.PdfPage, size: tuple[int, int]) -> tuple[LineReading, ...] | None:
    """The lines of text that a page holds, in pixels of its picture of `size` (H, W); None if there is too little."""
    textpage = page.get_textpage()
    try:
        chars = _text_chars(page, textpage, size)
    finally:
        textpage.close()
    if sum(char.strip() != "" for char, _ in chars) < LEAST_TEXT:
        return None
    lines = [line for part in _parted(chars) if (line := _line(part))]
    order = page_order([line.box for line in lines], Way.RIGHT)
    return tuple(lines[i] for i in order)


def _parted(chars: list[Char]) -> Iterator[list[Char]]:
    """The characters of each line: PDFium tells where one ends, but not that two stand beside each other."""
    part: list[Char] = []
    right = height = 0.0
    for char, box in chars:
        ends = char in "\r\n"
        if part and (ends or (char.strip() and not -APART * height < box[0] - right < APART * height)):
            yield part
            part = []
        if ends or not (part or char.strip()):
            continue
        part.append((char, box))
        if char.strip():
            right, height = box[2], box[3] - box[1]
    yield part


def _text_chars(page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage, size: tuple[int, int]) -> list[Char]:
    """Each character with its left, top, right and bottom in pixels."""
    text = textpage.get_text_range()
    if len(text) != textpage.count_chars():  # characters beyond the first plane are two for PDFium
        text = "".join(textpage.get_text_range(i, 1) or "\ufffd" for i in range(textpage.count_chars()))
    to_pixels = user_to_device(page, size)
    chars = []
    for index, char in enumerate(text):
        left, bottom, right, top = textpage.get_charbox(index, loose=True)
        corners = np.array([[left, top, 1], [right, bottom, 1]]) @ to_pixels
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        chars.append((char, (float(x0), float(y0), float(x1), float(y1))))
    return chars


def device_to_user(page: pypdfium2.PdfPage, size: tuple[int, int]) -> np.ndarray:
    """float64 (3, 2): (x, y, 1) in pixels of the page drawn with `size` (H, W), times it, is (x, y) in its PDF."""
    import ctypes

    raw = pdfium().raw
    height, width = size
    points = []
    for x, y in ((0, 0), (width, 0), (0, height)):
        at_x, at_y = ctypes.c_double(), ctypes.c_double()
        raw.FPDF_DeviceToPage(page, 0, 0, width, height, 0, x, y, at_x, at_y)
        points.append((at_x.value, at_y.value))
    origin, right, down = np.array(points)
    return np.stack([(right - origin) / width, (down - origin) / height, origin])


def user_to_device(page: pypdfium2.PdfPage, size: tuple[int, int]) -> np.ndarray:
    """float64 (3, 2), the other way round than `device_to_user`."""
    forth = np.eye(3)
    forth[:, :2] = device_to_user(page, size)
    back: np.ndarray = np.linalg.inv(forth)[:, :2]
    return back


def _line(chars: list[Char]) -> LineReading | None:
    """The line of these characters, without the spaces at its ends."""
    while chars and not chars[0][0].strip():
        chars.pop(0)
    while chars and not chars[-1][0].strip():
        chars.pop()
    if not chars:
        return None
    boxes = np.array([box for char, box in chars if char.strip()])
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = boxes[:, 2:].max(axis=0)
    quad = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    readings = tuple(CharReading(c, 1.0, (x0 + x1) / 2, (y0 + y1) / 2) for c, (x0, y0, x1, y1) in chars)
    return LineReading("".join(c for c, _ in chars), 1.0, 1.0, LineBox(quad), readings)
