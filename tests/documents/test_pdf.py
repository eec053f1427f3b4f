"""PDFs in, as pictures or by the text they hold, and searchable PDFs out, looked at with poppler and PDFium."""

from __future__ import annotations

import html
import io
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest

from crnn.core.errors import UserError
from crnn.documents import glyphless
from crnn.documents.pages import BadPage, PageImage, SourceOptions
from crnn.documents.pdf import page_dpi
from crnn.documents.pdf_pictures import picture_of
from crnn.documents.pdf_writer import PdfWriter
from crnn.documents.result import Page, Result
from crnn.documents.sources import open_document
from crnn.documents.text_layer import MARGIN
from crnn.documents.words import bounds
from crnn.page import LineReading
from tests.documents.making import column, encoded, gray, line

PAGE = np.full((1000, 800), 255, np.uint8)
LINES = (
    line("合同编号 A-17 of 5", 50, 40, 30),
    line("x", 50, 100, 30),
    line("second line", 50, 160, 30),
    line("rotated text", 700, 900, 30, turned=270),
    column("竖排文字", 600, 100, 30),
    line("𠮷野家", 50, 300, 30),
)


def scan(pages: int = 1, rotation: int = 0, cropped: bool = False) -> bytes:
    """A PDF of pictures without text, upright when shown."""
    stream = io.BytesIO()
    writer = PdfWriter(stream)
    image = np.ascontiguousarray(np.rot90(PAGE, rotation // 90))
    for _ in range(pages):
        writer.add_page((image.shape[1] / 2, image.shape[0] / 2), "", picture_of(image))
    writer.close()
    document = pypdfium2.PdfDocument(stream.getvalue())
    for page in document:
        page.set_rotation(rotation)
        if cropped:
            left, bottom, right, top = page.get_mediabox()
            page.set_cropbox(left + 20, bottom + 10, right, top)
    out = io.BytesIO()
    document.save(out)
    document.close()
    return out.getvalue()


def written(pdf: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "out.pdf"
    path.write_bytes(pdf)
    if shutil.which("qpdf"):
        subprocess.run(["qpdf", "--check", path], check=True, capture_output=True)
    return path


def poppler_words(path: Path, size: tuple[int, int]) -> dict[str, tuple[float, float, float, float]]:
    """Words and their boxes in pixels of a page of `size`, as pdftotext sees them."""
    text = subprocess.run(["pdftotext", "-bbox", path, "-"], check=True, capture_output=True, text=True).stdout
    page = re.search(r'<page width="([\d.]+)" height="([\d.]+)"', text)
    assert page is not None
    scale = (size[1] / float(page[1]), size[0] / float(page[2]))
    found = re.findall(r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)</word>', text)
    return {
        html.unescape(word): tuple(float(value) * scale[i % 2] for i, value in enumerate(box))  # type: ignore[misc]
        for *box, word in found
    }


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    shared = max(0, width) * max(0, height)
    return shared / (area - shared)


def box(member: LineReading) -> tuple[float, float, float, float]:
    """Where its letters are: found boxes of lying lines are a little higher."""
    (left, top), (right, bottom) = member.box.quad.min(axis=0), member.box.quad.max(axis=0)
    free = 0.0 if member.box.vertical else MARGIN * float(bottom - top)
    return float(left), float(top) + free, float(right), float(bottom) - free


def pdfium_text(pdf: bytes) -> Iterator[str]:
    document = pypdfium2.PdfDocument(pdf)
    for page in document:
        yield page.get_textpage().get_text_range()
    document.close()


def test_pages_are_drawn_one_by_one_with_a_size_that_can_be_read() -> None:
    with open_document(scan(3), SourceOptions()) as document:
        assert document.count == 3
        shown = list(document.pages([1, 3]))
    assert [page.number for page in shown] == [1, 3]
    assert all(isinstance(page, PageImage) and abs(max(page.image.shape) - 2200) < 3 for page in shown)


@pytest.mark.parametrize(
    ("width", "height", "dpi"),
    [(595, 842, 188), (226, 800, 255), (60, 85, 400), (5000, 7000, 36)],  # A4, till slip, stamp, poster
)
def test_resolution_follows_the_size_of_the_page(width: float, height: float, dpi: float) -> None:
    assert page_dpi(width, height, None, 50_000_000) == pytest.approx(dpi, abs=1)


def test_resolution_may_be_chosen_up_to_the_most_pixels() -> None:
    assert page_dpi(595, 842, 600, 50_000_000) == 600  # A4
    assert page_dpi(595, 842, 600, 1_000_000) < 110


def test_damaged_and_encrypted_pdfs_are_refused_in_one_sentence() -> None:
    pikepdf = pytest.importorskip("pikepdf")
    stream = io.BytesIO()
    with pikepdf.open(io.BytesIO(scan())) as pdf:
        pdf.save(stream, encryption=pikepdf.Encryption(owner="b", user="secret"))
    with pytest.raises(UserError, match="encrypted: give its password"):
        open_document(stream.getvalue(), SourceOptions())
    with pytest.raises(UserError, match="the password does not open it"):
        open_document(stream.getvalue(), SourceOptions(password="wrong"))
    with open_document(stream.getvalue(), SourceOptions(password="secret")) as document:
        assert document.count == 1
    with pytest.raises(UserError, match="damaged"):
        open_document(scan()[:200], SourceOptions())


def test_a_damaged_page_leaves_the_others() -> None:
    data = scan(2).replace(b"/MediaBox", b"/MediaBux")  # without a size it is a letter's, drawn all the same
    with open_document(data, SourceOptions()) as document:
        assert not any(isinstance(page, BadPage) for page in document.pages())


def test_pdfs_need_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    data = scan()
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(UserError, match=r"PDF needs pypdfium2: pip install pypdfium2"):
        open_document(data, SourceOptions())


def test_a_picture_becomes_a_page_with_text_in_its_place(tmp_path: Path) -> None:
    result = Result("page.png", (Page(1, PAGE.shape, LINES),), source=encoded(PAGE))
    path = written(result.to_pdf(), tmp_path)
    words = poppler_words(path, PAGE.shape)
    assert {
        "合同编号",
        "A-17",
        "of",
        "5",
        "x",
        "second",
        "line",
        "rotated",
        "text",
        "竖排文字",
        "𠮷野家",
    } == words.keys()
    assert overlap(words["second"], (50, 164, 140, 186)) > 0.85
    assert overlap(words["竖排文字"], box(LINES[4])) > 0.85
    assert overlap(words["rotated"], (700, 795, 730, 900)) > 0.85
    (text,) = pdfium_text(path.read_bytes())
    for part in ("合同编号 A-17 of 5", "x", "second line", "rotated text", "竖排文字", "𠮷野家"):
        assert part in text, part


def test_the_text_of_a_page_is_not_seen() -> None:
    result = Result("page.png", (Page(1, PAGE.shape, LINES),), source=encoded(PAGE))
    document = pypdfium2.PdfDocument(result.to_pdf())
    assert (document[0].render(scale=1).to_numpy() == 255).all()
    document.close()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("cropped", [False, True])
def test_text_is_laid_over_the_pages_of_a_pdf(rotation: int, cropped: bool, tmp_path: Path) -> None:
    source = scan(2, rotation, cropped)
    with open_document(source, SourceOptions(dpi=144)) as document:
        shown = next(iter(document.pages([2])))
    assert isinstance(shown, PageImage)
    pages = (Page(2, shown.image.shape[:2], LINES, dpi=shown.dpi),)
    out = Result("scan.pdf", pages, source=source).to_pdf()
    assert len(out) < len(source) + 5000
    first, second = pdfium_text(out)
    assert first == "" and "second line" in second
    with open_document(out, SourceOptions(dpi=144, text_layer="use")) as document:
        read = [page.text for page in document.pages() if isinstance(page, PageImage)]
    assert read[0] is None and read[1] is not None
    found = {member.text: bounds([member.box.quad]) for member in read[1]}
    for member in (LINES[0], LINES[2]):
        assert overlap(found[member.text], box(member)) > 0.85, member.text
    written(out, tmp_path)


def test_text_that_a_pdf_has_is_not_set_twice() -> None:
    once = Result("page.png", (Page(1, PAGE.shape, LINES[:1]),), source=encoded(PAGE)).to_pdf()
    with open_document(once, SourceOptions()) as document:
        shown = next(iter(document.pages()))
    assert isinstance(shown, PageImage)
    scale = shown.image.shape[0] / PAGE.shape[0]
    lines = tuple(line(m.text, m.box.quad[0, 0] * scale, m.box.quad[0, 1] * scale, 30 * scale) for m in LINES[:3:2])
    twice = Result("a.pdf", (Page(1, shown.image.shape[:2], lines, dpi=shown.dpi),), source=once).to_pdf()
    (text,) = pdfium_text(twice)
    assert text.count("合同编号") == 1 and text.count("second line") == 1


def test_the_text_layer_parts_what_stands_beside_each_other() -> None:
    lines = (line("left column", 50, 100, 30), line("right column", 500, 100, 30))
    pdf = Result("p", (Page(1, PAGE.shape, lines),), source=encoded(PAGE)).to_pdf()
    with open_document(pdf, SourceOptions(text_layer="use")) as document:
        shown = next(iter(document.pages()))
    assert isinstance(shown, PageImage) and shown.text is not None
    assert [member.text for member in shown.text] == ["left column", "right column"]
    assert shown.text[0].chars[0].char == "l" and shown.text[0].confidence == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_kept_and_turned_as_it_says(orientation: int) -> None:
    from PIL import Image

    marked = np.full((60, 100, 3), 255, np.uint8)
    marked[:20, :30] = (0, 0, 255)
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(marked[:, :, ::-1]).save(stream, "jpeg", exif=exif, quality=95, dpi=(200, 200))
    pdf = Result("a.jpg", (Page(1),), source=stream.getvalue()).to_pdf()
    assert stream.getvalue() in pdf
    with open_document(stream.getvalue(), SourceOptions()) as document:
        upright = next(iter(document.pages()))
    assert isinstance(upright, PageImage) and upright.dpi == 200
    drawn = pypdfium2.PdfDocument(pdf)[0].render(scale=200 / 72).to_numpy()[:, :, :3]
    height, width = upright.image.shape[:2]
    assert drawn.shape[0] - height in (0, 1) and drawn.shape[1] - width in (0, 1)  # PDFium rounds up
    assert np.abs(drawn[:height, :width].astype(int) - upright.image).mean() < 6


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB", "RGBA"])
def test_a_png_is_kept_where_it_can_be(mode: str) -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 2, (40, 60), np.uint8).repeat(2, 0) * 255
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, "png")
    pdf = Result("a.png", (Page(1),), source=stream.getvalue()).to_pdf()
    document = pypdfium2.PdfDocument(pdf)
    assert len(pdf) < len(stream.getvalue()) + 4500
    scale = 80 / document[0].get_size()[1]
    drawn = document[0].render(scale=scale).to_numpy()[:, :, 0]
    assert drawn.shape == (80, 60) and np.abs(drawn.astype(int) - pixels).mean() < 2
    document.close()


def test_each_page_of_a_tiff_is_a_page_of_the_pdf() -> None:
    data = cv2.imencodemulti(".tif", [gray(50), gray(200, (80, 20))])[1].tobytes()
    pages = (Page(1, (40, 60), (line("one", 2, 2),)), Page(2, (80, 20), (line("zwei", 2, 2, 5),)))
    assert [*pdfium_text(Result("a.tif", pages, source=data).to_pdf())] == ["one", "zwei"]


def test_a_document_that_was_not_kept_gives_no_pdf() -> None:
    with pytest.raises(UserError, match="not kept"):
        Result("a.png", (Page(1),)).to_pdf()
    with pytest.raises(UserError, match="cannot be opened"):
        Result("a.png", (Page(1),), source="/nowhere/a.png").to_pdf()


def test_the_font_is_sound() -> None:
    from fontTools.ttLib import TTFont

    font = TTFont(io.BytesIO(glyphless.font_file()), checkChecksums=2)
    for number, width in ((1, 1000), (2, 500)):
        name = font.getGlyphName(number)
        outline = font["glyf"][name]
        assert font["hmtx"].metrics[name] == (width, 0)
        assert (outline.xMin, outline.yMin, outline.xMax, outline.yMax) == (0, -200, width, 800)


def test_codes_mean_what_was_written() -> None:
    codes = glyphless.Codes()
    assert codes.encode("A合") == "00415408" and codes.encode("𠮷") == codes.encode("𠮷") == "D800"
    assert codes.encode("\ud83d") == "FFFD"
    table = codes.to_unicode().decode()
    assert "<0000> <00FF> <0000>" in table and "<5400> <54FF> <5400>" in table and "<D800> <D842DFB7>" in table
    assert len(zlib.compress(table.encode())) < 500
