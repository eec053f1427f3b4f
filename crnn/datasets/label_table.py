"""Reads a list of pictures and their texts: `file<TAB>text[<TAB>category...]`, or separated by commas or semicolons.

Import and evaluation read lists here. How a list is written is found out once, for the whole file, and can be said.
Each row then comes out as it was meant, or as a `BadRow` with its line number: no label is cut, none swallows others.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from crnn.core.errors import UserError
from crnn.datasets.label_dialect import QUOTED, Dialect, establish, names_picture

LONGEST_TEXT = 10  # lines a text in quotes is followed over, to leave it out as a whole
BOM = "\ufeff"


@dataclass(frozen=True)
class Row:
    """One picture and its text; `number` is the line of the list, from 1. `/` separates the folders of `file`."""

    number: int
    file: str
    text: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class BadRow:
    """A line of the list that cannot be understood, and why."""

    number: int
    content: str
    why: str


@dataclass(frozen=True)
class LabelTable:
    """A list: how it is written, its rows in order, and how many of their texts held commas without quotes."""

    dialect: Dialect
    rows: tuple[Row | BadRow, ...]
    restored: int = 0

    def describe(self) -> str:
        """What was found out about the list, for people."""
        restored = f"; {self.restored} texts held the separator without quotes and are whole" if self.restored else ""
        return f"{self.dialect}{restored}"


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """The text of a file, without byte order marks: also inside, where files were joined.

    Raises:
        UserError: a folder, unreadable, an unknown encoding, or not in this one.
    """
    try:
        data = path.read_bytes()
        utf16 = encoding == "utf-8" and data.startswith((b"\xff\xfe", b"\xfe\xff"))  # "Unicode text" of spreadsheets
        text = data.decode("utf-16" if utf16 else encoding)
    except IsADirectoryError:
        raise UserError(f"{path} is a folder: give the list file in it") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except LookupError:
        raise UserError(f"unknown encoding {encoding!r}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not {encoding} ({error.reason}): say its encoding=, e.g. gb18030") from None
    return re.sub("\r\n?", "\n", text).removeprefix(BOM).replace("\n" + BOM, "\n")


def read_table(path: Path, encoding: str = "utf-8") -> LabelTable:
    """Read the list at `path`.

    Raises:
        UserError: see `read_text`; a bad row raises nothing.
    """
    lines = read_text(path, encoding).split("\n")
    dialect = establish(lines)
    rows: list[Row | BadRow] = []
    restored = left_out_to = 0
    for number, line in enumerate(lines, start=1):
        if number <= left_out_to or not line.strip():
            continue
        try:
            cells = _split(line, dialect)
        except ValueError:
            left_out_to = _end_of_quotes(lines, number, dialect)
            why = "a quote is opened and not closed before the separator or the end of the line"
            if left_out_to > number:
                why = f"the quotes around this text end in line {left_out_to}: one line of text is wanted"
            rows += [BadRow(i, lines[i - 1], why) for i in range(number, left_out_to + 1) if lines[i - 1].strip()]
            continue
        if not any(cell.strip() for cell in cells) or tuple(map(str.strip, cells)) == dialect.header:
            continue
        whole = _restored(line, cells, dialect)
        restored += whole is not cells
        rows += _rows(number, line, whole, dialect)
    return LabelTable(dialect, tuple(rows), restored)


def _split(line: str, dialect: Dialect) -> list[str]:
    """The fields of a line, as they were meant.

    Raises:
        ValueError: quotes are opened but not closed at the end of their field.
    """
    if not dialect.quoted:
        return line.split(dialect.delimiter)
    cells, start = [], 0
    while True:
        quoted = QUOTED.match(line, start)
        if quoted and (quoted.end() == len(line) or line[quoted.end()] == dialect.delimiter):
            cells.append(quoted[1].replace('""', '"'))
            end = quoted.end()
        elif line[start:].lstrip(" ").startswith('"'):
            raise ValueError(line)
        else:
            end = line.find(dialect.delimiter, start)
            end = len(line) if end < 0 else end
            cells.append(line[start:end])
        if end == len(line):
            return cells
        start = end + 1


def _end_of_quotes(lines: list[str], number: int, dialect: Dialect) -> int:
    """Number of the line in which the quotes opened in line `number` end; the same if they were a slip.

    They were a slip if a whole row follows before they end.
    """
    for last in range(number + 1, min(number + LONGEST_TEXT, len(lines) + 1)):
        line = lines[last - 1]
        if '"' not in line and names_picture(line, dialect.delimiter) and dialect.file == 0:
            return number
        with suppress(ValueError):
            _split("\n".join(lines[number - 1 : last]), dialect)
            return last
    return number


def _restored(line: str, cells: list[str], dialect: Dialect) -> list[str]:
    """`cells`, the text put together again that an unquoted separator has cut: only where it must end the line."""
    columns = len(dialect.header)
    if not columns or len(cells) <= columns or dialect.text != columns - 1 or dialect.delimiter == "\t":
        return cells
    rest = cells[dialect.text :]
    text = dialect.delimiter.join(rest)
    if not all(cell.strip() for cell in rest) or not line.endswith(text):  # a cell stood in quotes, or was empty
        return cells
    return [*cells[: dialect.text], text]


def _rows(number: int, line: str, cells: list[str], dialect: Dialect) -> list[Row | BadRow]:
    """The rows of a line: several where PaddleOCR lists several pictures of one text."""
    columns = len(dialect.header) or (0 if dialect.delimiter == "\t" else 2)
    if len(cells) <= max(dialect.file, dialect.text):
        why = "no text beside the file" if len(cells) == 1 else f"{len(cells)} columns, too few for file and text"
        return [BadRow(number, line, f"one column only, {why}" if len(cells) == 1 else why)]
    if not cells[dialect.file].strip():
        return [BadRow(number, line, "no file beside the text")]
    if columns and len(cells) > columns:
        why = f"{len(cells)} columns where {columns} are expected: put a text that holds the separator into quotes"
        return [BadRow(number, line, why if dialect.header else f"{why}, or name the columns in a first line")]
    places = range(2, len(cells)) if dialect.categories is None else dialect.categories
    categories = tuple(cells[i].strip() for i in places if i < len(cells) and cells[i].strip())
    return [Row(number, file, cells[dialect.text], categories) for file in _files(cells[dialect.file].strip())]


def _files(cell: str) -> list[str]:
    r"""The files of a cell: one, or PaddleOCR's JSON list of several; `\` of Windows as `/`."""
    if cell.startswith('["') and cell.endswith('"]'):
        with suppress(ValueError):  # else it is the name of a file, however odd
            return [str(name) for name in json.loads(cell)]
    return [cell.replace("\\", "/")]
