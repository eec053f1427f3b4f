"""In which format a result leaves the server: by `?format=`, or by what the client accepts."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from flask import Request, Response

from crnn.documents.json import page_of_json
from crnn.documents.result import FORMATS
from crnn.documents.result import Result as DocumentResult
from serve.base.errors import BadOptions
from serve.engine.service import Result

TYPES = {
    "json": "application/json",
    "text": "text/plain",
    "md": "text/markdown",
    "hocr": "text/html",
    "pdf": "application/pdf",
    "alto": "application/xml",
    "tsv": "text/tab-separated-values",
    "jsonl": "application/jsonl",
}
WARNING = "X-OCR-Warning"  # the header with what could not be read, since most formats have no place for it
LONGEST_WARNING = 1000
WITH_ERRORS = ("json", "jsonl")  # formats in which pages say so themselves
ALSO = {"text/xml": "alto", "application/x-ndjson": "jsonl", "application/alto+xml": "alto"}


def format_of(request: Request) -> str:
    """The format that a request asks for; JSON where it accepts none, or anything.

    Raises:
        BadOptions: `?format=` names none.
    """
    if (named := request.args.get("format")) is not None:
        if named not in TYPES:
            raise BadOptions(f"unknown format {named[:40]!r}: the formats are {', '.join(TYPES)}")
        return named
    if not request.headers.get("Accept"):
        return "json"
    known = {kind: form for form, kind in TYPES.items()} | ALSO
    return known[request.accept_mimetypes.best_match(known, "application/json")]


def content_type(form: str) -> str:
    """The `Content-Type` of a format."""
    kind = TYPES[form]
    return kind if form in ("json", "jsonl", "pdf") else f"{kind}; charset=utf-8"


def send(content: bytes, form: str, name: str, problems: Sequence[str] = ()) -> Response:
    """The response with a result that was written, and with what could not be read."""
    return labeled(Response(content, content_type=content_type(form)), form, name, problems)


def labeled(response: Response, form: str, name: str, problems: Sequence[str] = ()) -> Response:
    """The same response, with what a browser should know of it, and with what could not be read."""
    if problems:
        text = " ".join("; ".join(problems).split())
        response.headers[WARNING] = text.encode("ascii", "replace").decode()[:LONGEST_WARNING]
    response.headers.add("Vary", "Accept")
    if form not in ("json", "jsonl", "text"):
        stem = (name.rpartition(".")[0] or name or "document") + FORMATS[form][0]
        response.headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(stem)}"
    return response


def document_of(result: Result, source: bytes, paragraphs: bool) -> DocumentResult:
    """What was read of a picture, as of a document of one page."""
    height, width = result.size
    lines = [
        {
            "chars": [],
            **line,
            "quad": line["box"],
            "vertical": line.get("vertical", False),
            "error": line.get("error", {}).get("message", ""),
        }
        for line in result.lines
    ]
    page = {"page": 1, "width": width, "height": height, "turned": result.turned, "dpi": 0.0, "lines": lines}
    return DocumentResult("", (page_of_json(page),), join=paragraphs, source=source)
