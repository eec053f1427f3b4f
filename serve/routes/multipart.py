"""The form in a request's body.

Nearly all forms are written alike, by browsers, curl and the libraries of programs. `read_plainly` understands those in
a tenth of the time of Werkzeug's parser, which takes a third of what Flask and we take for a request. Whatever looks
the least bit different is left to Werkzeug's parser, which here takes file names in any encoding.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import IO

from flask import Request
from werkzeug.datastructures import Headers
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from serve.base.errors import RequestError, UnsupportedType

MOST_BYTES = 500_000  # of a body that is split by `read_plainly`
READ_BYTES = 65_536  # of a longer one at a time
MOST_PARTS = 100

_KEPT = "ocr.form"  # where a request's environment keeps its form
_TYPE = re.compile(r"multipart/form-data; ?boundary=([\w-]{1,70})", re.ASCII)
_HEAD = re.compile(
    rb'\r\nContent-Disposition: form-data; name="([\w.-]+)"'
    rb'(?:; filename="([\w .()-]*)"(?:\r\nContent-Type: [\w/+.-]+)?)?\r\n\r\n'
)
_FILE_NAME = re.compile(rb'filename="[^\r\n]*"')


@dataclass(frozen=True)
class Form:
    """What a form holds.

    Attributes:
        files: names of fields and bytes, in order.
        fields: texts; of several under one name the first.
        file_names: what the client calls each file.
    """

    files: list[tuple[str, bytes]]
    fields: dict[str, str]
    file_names: list[str] = field(default_factory=list)


def form_of(request: Request) -> Form | None:
    """The form in the body of `request`; None if the body is JSON.

    Raises:
        RequestError: it is damaged, or its client stopped sending in the middle of it.
        UnsupportedType: it is neither.
    """
    kept: Form | None = request.environ.get(_KEPT)
    if kept is None and (kept := _plain_form(request) or _any_form(request)) is not None:
        request.environ[_KEPT] = kept
    return kept


def _any_form(request: Request) -> Form | None:
    if request.mimetype == "multipart/form-data":
        stream = request.stream  # refused here if it is too long
        boundary = request.mimetype_params.get("boundary", "")
        if not boundary:
            raise RequestError("the form's Content-Type has no boundary", code="bad_form")
        try:
            return _read_fully(stream, boundary.encode("latin-1"), request.max_form_memory_size)
        except ValueError as error:  # also UnicodeError
            raise RequestError(f"the form is damaged or cut short: {error}", code="bad_form") from None
    if request.is_json:
        return None
    raise UnsupportedType("send multipart/form-data or application/json")


def _read_fully(stream: IO[bytes], boundary: bytes, longest: int | None) -> Form:
    """The form in `stream` by Werkzeug's rules; a part may have `longest` bytes before its content.

    Raises:
        ValueError: it breaks them, or ends too early.
    """
    decoder = _Decoder(boundary, longest, max_parts=MOST_PARTS)
    form = Form([], {})
    name, file_name, content = "", None, bytearray()
    while True:
        event = decoder.next_event()
        if isinstance(event, NeedData):
            decoder.receive_data(stream.read(READ_BYTES) or None)
        elif isinstance(event, Epilogue):
            return form
        elif isinstance(event, File | Field):
            name, file_name, content = event.name, event.filename if isinstance(event, File) else None, bytearray()
        elif isinstance(event, Data):
            content += event.data
            if not event.more_data and file_name is not None:
                form.files.append((name, bytes(content)))
                form.file_names.append(file_name)
            elif not event.more_data:
                form.fields.setdefault(name, content.decode(errors="replace"))


class _Decoder(MultipartDecoder):
    """Takes heads of parts in any encoding: only file names are ever other than ASCII, and one that is not UTF-8 is
    none."""

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        try:
            data.decode()
        except UnicodeDecodeError:
            # In Shift-JIS a byte may also look like a backslash, and hide the quotation mark behind it.
            data = _FILE_NAME.sub(b'filename="file"', bytes(data))
        return super()._parse_headers(data)


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
        if head[2] is not None:
            form.files.append((name, content))
            form.file_names.append(head[2].decode())
        else:
            form.fields.setdefault(name, content.decode(errors="replace"))
    return form
