"""What was read of a document."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from crnn.core.atomic import replacing
from crnn.core.errors import UserError
from crnn.documents.pages import SourceOptions
from crnn.documents.paragraphs import Paragraph, paragraphs_of
from crnn.page import LineReading

if TYPE_CHECKING:
    import numpy as np

SHOWN = 2000  # characters of the text that a representation shows


@dataclass(frozen=True, eq=False)
class Page:
    """One page.

    Attributes:
        number: from 1.
        size: height and width of its picture in pixels, the unit of all places on it.
        lines: in reading order, with confidence, box and characters.
        turned: degrees clockwise by which it must be turned to stand upright.
        dpi: pixels per inch of its picture, 0 if unknown.
        warnings: problems that did not keep the page from being read.
        error: why it could not be read; "" where it was.
        from_text_layer: whether the lines were taken from the PDF's own text.
        is_line: whether it was taken for the crop of one line.
    """

    number: int
    size: tuple[int, int] = (0, 0)
    lines: tuple[LineReading, ...] = ()
    turned: int = 0
    dpi: float = 0.0
    warnings: tuple[str, ...] = ()
    error: str = ""
    from_text_layer: bool = False
    is_line: bool = False

    @property
    def text(self) -> str:
        """The lines with text, one in each row."""
        return "\n".join(line.text for line in self.lines if line.text)

    @cached_property
    def paragraphs(self) -> list[Paragraph]:
        """The lines joined to paragraphs."""
        return paragraphs_of(self.lines)


@dataclass(frozen=True, eq=False)
class Result:
    """What was read of one document.

    Attributes:
        name: the path of the document, or the kind of object that it was.
        pages: in order.
        error: why the document could not be read at all; "" where it was.
        join: whether a row of `text` is a paragraph instead of a line.
        seconds: how long reading took.
        source, options: what was read and how, to make pictures and PDFs of it.
    """

    name: str
    pages: tuple[Page, ...] = ()
    error: str = ""
    join: bool = False
    seconds: float = 0.0
    source: Any = field(default=None, repr=False)
    options: SourceOptions = field(default_factory=SourceOptions, repr=False)

    @property
    def lines(self) -> list[LineReading]:
        """The lines of all pages in reading order."""
        return [line for page in self.pages for line in page.lines]

    @property
    def paragraphs(self) -> list[Paragraph]:
        """The paragraphs of all pages."""
        return [paragraph for page in self.pages for paragraph in page.paragraphs]

    @property
    def text(self) -> str:
        """The text: one row for each line or, with `join`, paragraph; a blank row between pages."""
        return self.to_text().rstrip("\n")

    @property
    def errors(self) -> list[str]:
        """What could not be read: the document, pages or lines."""
        errors = [self.error] if self.error else []
        for page in self.pages:
            prefix = f"page {page.number}: " if len(self.pages) > 1 else ""
            errors += [f"{prefix}{page.error}"] if page.error else []
            errors += [f"{prefix}a line could not be read ({line.error})" for line in page.lines if line.error]
        return errors

    @property
    def warnings(self) -> list[str]:
        """Problems that did not keep the pages from being read."""
        return [warning for page in self.pages for warning in page.warnings]

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        if self.error:
            return f"Result({self.name!r}, error={self.error!r})"
        text = self.text if len(self.text) <= SHOWN else self.text[:SHOWN] + "…"
        pages = f"{len(self.pages)} page{'s' * (len(self.pages) != 1)}"
        return f"Result({self.name!r}, {pages}, {len(self.lines)} lines)\n{text}"

    def to_text(self) -> str:
        """Plain text, see `text`."""
        from crnn.documents.text import to_text

        return to_text(self)

    def to_json(self, indent: int | None = None) -> str:
        """One JSON object: name, text, and pages with their lines, which have confidence, corners and characters."""
        from crnn.documents.json import to_json

        return to_json(self, indent)

    def to_jsonl(self) -> str:
        """The object of `to_json` in one row, with its end of line."""
        return self.to_json() + "\n"

    def to_tsv(self) -> str:
        """A table with tabs between columns: one row for each line with its page, place, confidence and text."""
        from crnn.documents.tsv import to_tsv

        return to_tsv(self)

    def to_markdown(self) -> str:
        """Markdown: headings by height, paragraphs, lists, and tables where rows and columns stand in line."""
        from crnn.documents.markdown import to_markdown

        return to_markdown(self)

    def to_hocr(self) -> str:
        """hOCR 1.2, as tesseract writes it: pages, paragraphs, lines, words."""
        from crnn.documents.hocr import to_hocr

        return to_hocr(self)

    def to_alto(self) -> str:
        """ALTO 4.4, the XML of libraries and archives."""
        from crnn.documents.alto import to_alto

        return to_alto(self)

    def to_pdf(self) -> bytes:
        """A PDF that looks like the document and can be searched: its text lies invisible on the printed one.

        Raises:
            UserError: the document is not there any more, or pypdfium2 is needed and not installed.
        """
        from crnn.documents.searchable_pdf import to_pdf

        return to_pdf(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a file in the format that its ending names, one of `FORMATS`.

        Raises:
            UserError: an unknown ending, or the file cannot be written.
        """
        path = Path(path)
        form = format_of(path)
        try:
            with replacing(path) as unfinished, open(unfinished, "wb") as file:
                self.write(file, form)
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error.strerror}") from None
        return path

    def write(self, file: BinaryIO, form: str) -> None:
        """Write to an open file in one of `FORMATS`.

        Raises:
            UserError: see `to_pdf`.
        """
        if form == "pdf":
            from crnn.documents.searchable_pdf import write_pdf

            write_pdf(self, file)
        else:
            text = WRITERS[form](self)
            file.write((text if text.endswith("\n") or not text else f"{text}\n").encode(errors="surrogateescape"))

    def plot(self, page: int = 1) -> np.ndarray:
        """The picture of a page with the lines framed, redder the less sure: uint8 (H, W, 3) RGB, for `plt.imshow`.

        Raises:
            UserError: the document is not there any more, or has no such page.
        """
        from crnn.documents.plot import plot

        return plot(self, page)


WRITERS: dict[str, Callable[[Result], str]] = {
    "text": Result.to_text,
    "json": lambda result: result.to_json(indent=2),
    "jsonl": Result.to_jsonl,
    "tsv": Result.to_tsv,
    "md": Result.to_markdown,
    "hocr": Result.to_hocr,
    "alto": Result.to_alto,
}
# Each format with the endings of its files, the one that is written first.
FORMATS: dict[str, tuple[str, ...]] = {
    "text": (".txt", ".text"),
    "json": (".json",),
    "jsonl": (".jsonl",),
    "tsv": (".tsv",),
    "md": (".md", ".markdown"),
    "hocr": (".hocr", ".html"),
    "alto": (".xml", ".alto"),
    "pdf": (".pdf",),
}


def format_of(path: Path) -> str:
    """The format that a file's ending stands for.

    Raises:
        UserError: none.
    """
    for form, endings in FORMATS.items():
        if path.suffix.lower() in endings:
            return form
    known = " ".join(endings[0] for endings in FORMATS.values())
    raise UserError(f"{path.name}: the ending must say the format, one of {known}")
