"""What people made of lines that were read, so that files for download say it too."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from crnn.documents.json import page_of_json
from crnn.documents.result import Page
from crnn.page import LineReading
from serve.base.errors import BadOptions, Conflict
from serve.engine.drawing_process import row_of

MOST_EDITS = 20_000
LONGEST_LINE = 400  # characters, as of a correction
_NAMES = {"page": int, "line": int, "read": str, "text": str}


@dataclass(frozen=True)
class Edit:
    """A line that read `read` and is to say `text`."""

    read: str
    text: str


@dataclass(frozen=True)
class Edits:
    """Changed lines: of each page number those by their place in the page, from 0."""

    pages: Mapping[int, Mapping[int, Edit]]

    def __bool__(self) -> bool:
        return bool(self.pages)

    @classmethod
    def parse(cls, raw: object) -> Edits:
        """Edits from decoded JSON, a list of {page, line, read, text}; None for none.

        Raises:
            BadOptions: it is something else.
        """
        rows = [] if raw is None else raw
        if not isinstance(rows, list) or len(rows) > MOST_EDITS or not all(map(_is_edit, rows)):
            raise BadOptions(
                f"edits must be a list of at most {MOST_EDITS} objects of page, line (from 0), read and text, "
                f"this a line of at most {LONGEST_LINE} characters"
            )
        pages: dict[int, dict[int, Edit]] = {}
        for row in rows:
            pages.setdefault(row["page"], {})[row["line"]] = Edit(row["read"], row["text"])
        return cls(pages)

    @property
    def digest(self) -> str:
        """A name for exactly these."""
        rows = [[page, line, e.read, e.text] for page, lines in sorted(self.pages.items()) for line, e in lines.items()]
        return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()[:24]

    def page(self, page: Page) -> Page:
        """The page with its changed lines.

        Raises:
            Conflict: one of them reads otherwise than when it was changed.
        """
        if not (changed := self.pages.get(page.number)):
            return page
        lines = list(page.lines)
        for at, edit in changed.items():
            if at >= len(lines) or lines[at].text != edit.read:
                raise Conflict(
                    f"line {at} of page {page.number} reads otherwise than when it was changed", code="read_otherwise"
                )
            lines[at] = _edited(lines[at], edit.text)
        return replace(page, lines=tuple(lines))

    def row(self, number: int, row: bytes) -> bytes:
        """The same of the JSON of page `number`."""
        return row_of(self.page(page_of_json(json.loads(row)))) if number in self.pages else row


def _edited(line: LineReading, text: str) -> LineReading:
    """Characters keep their places where there are as many as before; elsewhere widths tell where they stand."""
    chars = tuple(replace(char, char=new, confidence=1.0) for char, new in zip(line.chars, text, strict=False))
    return LineReading(text, 1.0, 1.0, line.box, chars if len(line.chars) == len(text) else ())


def _is_edit(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and row.keys() == _NAMES.keys()
        and all(type(row[name]) is kind for name, kind in _NAMES.items())
        and row["line"] >= 0
        and len(row["text"]) <= LONGEST_LINE
        and not any(unicodedata.category(char) in ("Cc", "Cs") for char in row["text"])
    )
