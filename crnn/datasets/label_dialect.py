"""Finds out how a list of pictures and texts is written: separator, quotes, columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
FILE_HEADERS = frozenset({"file", "filename", "file_name", "image", "image_path", "img", "path"})
TEXT_HEADERS = frozenset({"text", "label", "transcription", "words", "ground_truth", "gt"})
CATEGORY_HEADERS = frozenset({"category", "kind", "group"})
DELIMITERS = {"\t": "tabs", ",": "commas", ";": "semicolons"}
SAMPLE = 200  # rows that show which delimiter is used
QUOTED = re.compile(r' *"((?:[^"]|"")*)" *')


@dataclass(frozen=True)
class Dialect:
    """How a list is written.

    Attributes:
        delimiter: one of `DELIMITERS`.
        quoted: whether a field may stand in quotes ("" is a quote inside); otherwise quotes belong to the text.
        header: names of the columns; empty without a header.
        file, text: numbers of the columns.
        categories: numbers of the columns; None: all behind the text.
    """

    delimiter: str
    quoted: bool
    header: tuple[str, ...] = ()
    file: int = 0
    text: int = 1
    categories: tuple[int, ...] | None = None

    def __str__(self) -> str:
        quotes = "fields may stand in quotes" if self.quoted else "quotes belong to the text"
        columns = f"header {', '.join(self.header)}" if self.header else "no header: file, then text"
        return f"separated by {DELIMITERS[self.delimiter]}, {quotes}, {columns}"


def establish(lines: list[str]) -> Dialect:
    """How the list is written, by its header or else by what stands behind the names of pictures."""
    sample = list(islice((line for line in lines if line.strip()), SAMPLE))
    for delimiter in DELIMITERS:
        dialect = _with_header(sample[0], delimiter) if sample else None
        if dialect is not None:
            break
    else:
        named = {d: sum(names_picture(line, d) for line in sample) for d in DELIMITERS}
        if not any(named.values()):
            named = {d: sum(d in line for line in sample) for d in DELIMITERS}
        delimiter = max(DELIMITERS, key=lambda d: named[d])
        dialect = Dialect(delimiter, quoted=delimiter != "\t")
    if delimiter != "\t" or not _tabs_and_quotes(lines):
        return dialect
    return Dialect(delimiter, True, dialect.header, dialect.file, dialect.text, dialect.categories)


def _with_header(line: str, delimiter: str) -> Dialect | None:
    names = tuple(cell.strip().strip('"').strip() for cell in line.split(delimiter))
    lowered = [name.lower() for name in names]
    file = next((i for i, name in enumerate(lowered) if name in FILE_HEADERS), None)
    text = next((i for i, name in enumerate(lowered) if name in TEXT_HEADERS), None)
    if file is None or text is None:
        return None
    categories = tuple(i for i, name in enumerate(lowered) if name in CATEGORY_HEADERS)
    return Dialect(delimiter, delimiter != "\t", names, file, text, categories)


def names_picture(line: str, delimiter: str) -> bool:
    first, found, _ = line.partition(delimiter)
    return bool(found) and first.strip(' "').lower().endswith(PICTURE_SUFFIXES)


def _tabs_and_quotes(lines: list[str]) -> bool:
    """Whether a tab-separated list was written by a program that quotes: all its fields, or those that hold a quote."""
    cells = [cell for line in lines if line.strip() for cell in line.split("\t")]
    holding = [cell for cell in cells if '"' in cell]
    if not holding or not all(QUOTED.fullmatch(cell) for cell in holding):
        return False
    return len(holding) == len(cells) or any('""' in cell.strip()[1:-1] for cell in holding)
