"""The form in a request's body. Knows nothing of pictures.

Nearly all forms are written alike, by browsers, curl and the libraries of programs. `read_plainly` understands those in
a tenth of the time of Werkzeug's parser, which takes a third of what Flask and we take for a request. Whatever looks
the least bit different is left to Werkzeug.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from flask import Request

from serve.errors import UnsupportedType

MOST_BYTES = 500_000  # of a body that is split in memory; Werkzeug's parser keeps longer files on the disk
MOST_PARTS = 100

_KEPT = "ocr.form"  # where a request's environment keeps its form
_TYPE = re.compile(r"multipart/form-data; ?boundary=([\w-]{1,70})", re.ASCII)
_HEAD = re.compile(
    rb'\r\nContent-Disposition: form-data; name="([\w.-]+)"'
    rb'(?:; (filename)="[\w .()-]*"(?:\r\nContent-Type: [\w/+.-]+)?)?\r\n\r\n'
)


@dataclass(frozen=True)
class Form:
    """What a form holds.

    Attributes:
        files: names of fields and bytes, in order.
        fields: texts; of several under one name the first.
    """

    files: list[tuple[str, bytes]]
    fields: dict[str, str]


def form_of(request: Request) -> Form | None:
    """The form in the body of `request`; None if the body is JSON.

    Raises:
        UnsupportedType: it is neither.
    """
    kept: Form | None = request.environ.get(_KEPT)
    if kept is None and (kept := _plain_form(request) or _any_form(request)) is not None:
        request.environ[_KEPT] = kept
    return kept


def _any_form(request: Request) -> Form | None:
    if request.mimetype == "multipart/form-data":
        files = [(name, file.read()) for name, file in request.files.items(multi=True)]
        return Form(files, request.form.to_dict())
    if request.is_json:
        return None
    raise UnsupportedType("send multipart/form-data or application/json")


def _plain_form(request: Request) -> Form | None:
    environ = request.environ
    kind = _TYPE.fullmatch(environ.get("CONTENT_TYPE", ""))
    length = request.content_length
    if kind is None or not length or length > MOST_BYTES or "form" in vars(request):  # the last: it is parsed already
        return None
    body = environ["wsgi.input"].read(length)
    form = read_plainly(body, kind[1].encode()) if len(body) == length else None
    if form is None:
        environ["wsgi.input"] = io.BytesIO(body)  # for Werkzeug
    return form


def read_plainly(body: bytes, boundary: bytes) -> Form | None:
    """The form in `body` if it is written as nearly all are, else None."""
    start, *parts = body.split(b"--" + boundary, MOST_PARTS)
    if start or not parts or parts.pop() not in (b"--\r\n", b"--"):
        return None
    form = Form([], {})
    for part in parts:
        head = _HEAD.match(part)
        if head is None or not part.endswith(b"\r\n", head.end()):
            return None
        name, content = head[1].decode(), part[head.end() : -2]
        if head[2]:
            form.files.append((name, content))
        else:
            form.fields.setdefault(name, content.decode(errors="replace"))
    return form
