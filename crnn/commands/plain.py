"""What `crnn FILE…` prints: the text of each file, or a JSON object each, in the form that other programs know."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from crnn.core.reading import Reading
from crnn.documents.result import Page, Result
from crnn.page import LineReading


class PlainDestination:
    """Prints to standard output, nothing between files; see `Destination`."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def __enter__(self) -> PlainDestination:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def has(self, path: str, source: str) -> bool:
        return False

    def write(self, result: Result) -> None:
        if all(page.error for page in result.pages):
            return
        print(json.dumps(plain_fields(result), ensure_ascii=False) if self._as_json else result.text, flush=True)


def plain_fields(result: Result) -> dict[str, Any]:
    """The object of a file.

    A single line has `confidence`, `line_confidence` and `chars`; a page `turned` and `lines`; of several pages each
    line says itself on which `page` it stands and how that is `turned`.
    """
    if len(result.pages) == 1:
        fields = _of_page(result.pages[0])
    else:
        lines = [_on_page(line) | {"page": p.number, "turned": p.turned} for p in result.pages for line in p.lines]
        fields = {"lines": lines}
    of_file = {"pages": len(result.pages), "image": result.name, "elapsed_ms": round(result.seconds * 1000, 3)}
    return {"text": result.text} | fields | of_file


def _of_page(page: Page) -> dict[str, Any]:
    if page.is_line:
        return _of_line(page.lines[0] if page.lines else Reading.of(()))
    return {"turned": page.turned, "lines": [_on_page(line) for line in page.lines]}


def _on_page(line: LineReading) -> dict[str, Any]:
    fields = _of_line(line) | {"box": line.box.quad.tolist()}
    return fields | ({"error": line.error} if line.error else {})


def _of_line(line: Reading | LineReading) -> dict[str, Any]:
    return {
        "text": line.text,
        "confidence": line.confidence,
        "line_confidence": line.line_confidence,
        "chars": [dataclasses.asdict(char) for char in line.chars],
    }
