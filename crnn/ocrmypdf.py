"""A plugin that makes OCRmyPDF read with this package: `ocrmypdf --plugin crnn.ocrmypdf in.pdf out.pdf`.

OCRmyPDF 17 draws each page, asks for its text, and lays that over or under what is seen. It wants Tesseract installed
whichever engine reads.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ocrmypdf import hookimpl
from ocrmypdf.exceptions import InputFileError, MissingDependencyError
from ocrmypdf.pluginspec import OcrEngine, OrientationConfidence

from crnn import __version__
from crnn.core.errors import UserError
from crnn.documents.pages import SourceOptions
from crnn.documents.pdf import POINTS
from crnn.documents.reader import DocumentReader, ReadOptions
from crnn.documents.resolution import likely_dpi
from crnn.documents.result import Result
from crnn.documents.searchable_pdf import text_page
from crnn.finder.boxes import LineBox
from crnn.image.decode import decode_image

if TYPE_CHECKING:
    from ocrmypdf._options import OcrOptions

LANGUAGES = frozenset({"eng", "chi_sim", "chi_tra"})  # by Tesseract's names, as OCRmyPDF's users know them
PROBES = 5  # lines that tell how sure the way up of a page is
CONFIDENCE = 20  # for text read without a doubt; OCRmyPDF turns a page from 14 on, which then stands for .7


@cache
def reader() -> DocumentReader:
    """The reader that all pages share: OCRmyPDF reads them in threads, and limits their size itself."""
    return DocumentReader(ReadOptions(layout="page", source=SourceOptions(max_pixels=sys.maxsize)))


class CrnnEngine(OcrEngine):  # type: ignore[misc,unused-ignore]  # of no type where OCRmyPDF is not installed
    """See `ocrmypdf.pluginspec.OcrEngine`."""

    @staticmethod
    def version() -> str:
        return __version__

    @staticmethod
    def creator_tag(options: OcrOptions) -> str:
        return f"crnn-ocr {__version__}"

    def __str__(self) -> str:
        return f"crnn-ocr {__version__}"

    @staticmethod
    def languages(options: OcrOptions) -> frozenset[str]:
        """All that the model reads, always together."""
        return LANGUAGES

    @staticmethod
    def get_orientation(input_file: Path, options: OcrOptions) -> OrientationConfidence:
        """Degrees clockwise by which the page stands wrong, as sure as its longest lines read when turned back.

        OCRmyPDF's own words have it the other way round; this is what it does with what Tesseract tells it.
        """
        pages, _ = reader().models()
        found = pages.find(decode_image(input_file.read_bytes()), "page")
        longest = sorted((line.crop for line in found.lines), key=lambda crop: -crop.shape[1] / crop.shape[0])[:PROBES]
        readings = pages.recognizer.read_many(longest, "greedy")
        mean = sum(reading.confidence for reading in readings) / len(readings) if readings else 0.0
        return OrientationConfidence(-found.turned % 360, CONFIDENCE * mean)

    @staticmethod
    def get_deskew(input_file: Path, options: OcrOptions) -> float:
        """Degrees counter-clockwise that make the lines level."""
        pages, _ = reader().models()
        return tilt(pages.finder.find(decode_image(input_file.read_bytes())))

    @staticmethod
    def generate_hocr(input_file: Path, output_hocr: Path, output_text: Path, options: OcrOptions) -> None:
        """For `--pdf-renderer fpdf2`."""
        result = _read(input_file)
        output_hocr.write_text(result.to_hocr(), encoding="utf-8")
        output_text.write_text(result.to_text(), encoding="utf-8")

    @staticmethod
    def generate_pdf(input_file: Path, output_pdf: Path, output_text: Path, options: OcrOptions) -> None:
        """A page of unseen text as large as the picture."""
        result = _read(input_file)
        (page,) = result.pages
        scale = POINTS / likely_dpi(page.dpi, page.size)
        height, width = page.size
        output_pdf.write_bytes(text_page(page.lines, scale, (width * scale, height * scale)))
        output_text.write_text(result.to_text(), encoding="utf-8")


def tilt(boxes: Sequence[LineBox]) -> float:
    """Degrees clockwise by which lines depart from level or upright, in [-45, 45]; long ones count for more."""
    sides = np.array([box.quad[1] - box.quad[0] for box in boxes], np.float64).reshape(-1, 2)
    lengths, angles = np.hypot(*sides.T), np.arctan2(sides[:, 1], sides[:, 0])
    return float(np.degrees(np.angle(np.sum(lengths * np.exp(4j * angles))) / 4))


def _read(path: Path) -> Result:
    result = reader().read(path, path.name)
    if result.pages[0].error:
        raise InputFileError(f"a page could not be read: {result.pages[0].error}")
    return result


@hookimpl
def check_options(options: OcrOptions) -> None:
    """Load the models before the first page, and have their text set by this package's writer."""
    if options.ocr_engine != "auto":
        return
    try:
        reader().models()
    except UserError as error:
        raise MissingDependencyError(str(error)) from error
    if options.pdf_renderer == "auto":
        options.pdf_renderer = "sandwich"


@hookimpl
def get_ocr_engine(options: OcrOptions | None) -> OcrEngine | None:
    """This engine, unless another is asked for by name."""
    return CrnnEngine() if options is None or options.ocr_engine == "auto" else None
