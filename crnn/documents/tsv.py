"""A result as a table, one row a line of text."""

from __future__ import annotations

from crnn.documents.result import Result
from crnn.documents.words import bounds

COLUMNS = ("file", "page", "line", "left", "top", "width", "height", "confidence", "text")
BREAKS = str.maketrans("\t\r\n\v\f\x85\u2028\u2029", "        ")  # what would end a cell or a row


def to_tsv(result: Result, header: bool = True) -> str:
    """The table, with its header or without; lines are numbered by page, places are in pixels."""
    rows = ["\t".join(COLUMNS)] if header else []
    name = result.name.translate(BREAKS)
    for page in result.pages:
        for number, line in enumerate(page.lines, start=1):
            left, top, right, bottom = bounds([line.box.quad])
            place = (page.number, number, left, top, right - left, bottom - top, f"{line.confidence:.4f}")
            rows.append("\t".join([name, *map(str, place), line.text.translate(BREAKS)]))
    return "\n".join(rows) + "\n" if rows else ""
