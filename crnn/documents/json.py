"""A result as JSON.

{"name", "text", "pages": [{"page", "width", "height", "turned", "dpi", "text", "lines": [{"text", "confidence",
"line_confidence", "quad", "vertical", "chars": [{"char", "confidence", "x", "y"}]}]}], "seconds"}; documents, pages and
lines that could not be read have an "error".
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from crnn.core.reading import CharReading
from crnn.documents.result import Page, Result
from crnn.finder.boxes import LineBox
from crnn.page import LineReading


def to_json(result: Result, indent: int | None = None) -> str:
    """The object described above."""
    return json.dumps(as_object(result), ensure_ascii=False, indent=indent)


def as_object(result: Result) -> dict[str, Any]:
    """The same before it is written."""
    fields: dict[str, Any] = {"name": result.name, "text": result.text}
    if result.join:
        fields["paragraphs"] = [paragraph.text for paragraph in result.paragraphs]
    fields |= {"pages": [page_as_json(page) for page in result.pages], "seconds": round(result.seconds, 4)}
    return fields | _error(result.error)


def page_as_json(page: Page) -> dict[str, Any]:
    """The object of a page."""
    height, width = page.size
    fields: dict[str, Any] = {"page": page.number, "width": width, "height": height, "turned": page.turned}
    fields |= {"dpi": round(page.dpi, 2), "text": page.text, "lines": lines_as_json(page)}
    if page.from_text_layer:
        fields["from_text_layer"] = True
    if page.warnings:
        fields["warnings"] = list(page.warnings)
    return fields | _error(page.error)


def lines_as_json(page: Page) -> list[dict[str, Any]]:
    """The objects of a page's lines."""
    return [_line(line) for line in page.lines]


def page_of_json(fields: dict[str, Any]) -> Page:
    """The page of which `page_as_json` made `fields`, but for what was rounded, and for `is_line`."""
    return Page(
        fields["page"],
        (fields["height"], fields["width"]),
        tuple(_line_of(line) for line in fields["lines"]),
        fields["turned"],
        fields["dpi"],
        tuple(fields.get("warnings", ())),
        fields.get("error", ""),
        fields.get("from_text_layer", False),
    )


def _line_of(fields: dict[str, Any]) -> LineReading:
    box = LineBox(np.array(fields["quad"], np.float32), vertical=fields["vertical"])
    chars = tuple(CharReading(**char) for char in fields["chars"])
    confidences = fields["confidence"], fields["line_confidence"]
    return LineReading(fields["text"], *confidences, box, chars, fields.get("error", ""))


def _line(line: LineReading) -> dict[str, Any]:
    return {
        "text": line.text,
        "confidence": round(line.confidence, 5),
        "line_confidence": round(line.line_confidence, 5),
        "quad": [[round(float(x), 1), round(float(y), 1)] for x, y in line.box.quad],
        "vertical": line.box.vertical,
        "chars": [
            {"char": c.char, "confidence": round(c.confidence, 5), "x": round(c.x, 1), "y": round(c.y, 1)}
            for c in line.chars
        ],
    } | _error(line.error)


def _error(error: str) -> dict[str, str]:
    return {"error": error} if error else {}
