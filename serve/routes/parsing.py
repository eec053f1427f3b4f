"""What a Flask request holds: pictures, options, and whether its client is still there."""

from __future__ import annotations

import base64
import json
import re
import select
import socket
from collections.abc import Callable
from typing import Any

from flask import Request

from serve.base.errors import BadOptions, RequestError, TooLarge
from serve.engine.options import OPTIONS, TEXTS
from serve.routes.multipart import Form, form_of

_KEPT = "ocr.json"  # where a request's environment keeps its JSON
FILE_FIELDS = ("file", "image", "image_file")
_DATA_URI = re.compile(rb"data:[\w.+-]+/[\w.+-]+(;[\w=.+-]+)*;base64,")
_LONGEST_URI_PREFIX = 200
# JSON is made of strings that hold pictures, and of little else. Parsed as it comes, 90 MB of it may take 2.5 GB.
LONG_STRING = 65_536  # bytes; longer ones are taken out before the rest is parsed
MOST_JSON = 4_000_000  # bytes of the rest: as many shorter ones as a batch may have
MOST_JSON_VALUES = 100_000  # numbers, texts, lists and objects in it
MOST_ESCAPES = 20_000  # and a twentieth of the bytes: base64 in lines has one or two in 76
_PLACE = "\0picture "  # stands where a long string was


def picture_of(request: Request) -> bytes:
    """The one picture of a request, sent as multipart or as JSON with `image_base64`.

    Raises:
        RequestError: there is none, or it is not base64.
        UnsupportedType: the body is neither multipart nor JSON.
    """
    form = form_of(request)
    if form is None:
        return from_base64(json_object(request).get("image_base64"), "image_base64")
    return file_of(form)[0]


def file_of(form: Form) -> tuple[bytes, str]:
    """The one file of a form, and its name.

    Raises:
        RequestError: there is none, or several.
    """
    named = zip(form.files, form.file_names, strict=True)
    pictures = [(data, file_name) for (name, data), file_name in named if name in FILE_FIELDS]
    if len(pictures) != 1:
        names = ", ".join(FILE_FIELDS)
        others = ", ".join([name[:40] for name, _ in form.files if name not in FILE_FIELDS][:5])
        hint = f"; the form has files in {others}" if others else ""
        raise RequestError(f"send one file in the field {names}; found {len(pictures)}{hint}", code="no_image")
    return pictures[0]


def pictures_in(form: Form) -> list[bytes]:
    """All pictures of a form, in order, under whichever of the field names."""
    return [data for name, data in form.files if name in FILE_FIELDS]


def options_of(request: Request) -> object:
    """The options of a request as decoded JSON: the member, or the form field, `options`, and whatever fields of the
    form and of the query have an option's name; None if there are none.

    Raises:
        BadOptions: one is not JSON.
    """
    form = form_of(request) if request.method == "POST" and not is_raw(request) else None
    if form is None and request.is_json:
        given = json_object(request).get("options")
    else:
        given = _parsed(form.fields.get("options", "null") if form is not None else "null", "options")
    single = {**(form.fields if form is not None else {}), **(request.args if request.query_string else {})}
    named = {name: text if name in TEXTS else _parsed(text, name) for name, text in single.items() if name in OPTIONS}
    if not named or not isinstance(given, dict | None):
        return given
    return {**(given or {}), **named}


def _parsed(text: str, name: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadOptions(f"the field {name} is not JSON") from None


def is_raw(request: Request) -> bool:
    """Whether the body is a file as it is, neither a form nor JSON."""
    return request.mimetype != "multipart/form-data" and not request.is_json


def json_object(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body; its long strings as memoryviews, for `from_base64`.

    Raises:
        RequestError: not JSON, or not an object.
        TooLarge: it has more than pictures and options need.
    """
    kept: dict[str, Any] | None = request.environ.get(_KEPT)
    if kept is None:
        kept = request.environ[_KEPT] = _json_object(request.get_data(cache=False))
    return kept


def _json_object(data: bytes) -> dict[str, Any]:
    if data.count(b'"') > MOST_JSON_VALUES or data.count(b"\\") > len(data) // 20 + MOST_ESCAPES:
        raise TooLarge("the body has more JSON than pictures and options need", code="too_much_json")
    rest, pictures = _without_long_strings(data) if len(data) > LONG_STRING else (data, [])
    values = rest.count(b",") + rest.count(b"[") + rest.count(b"{")
    if len(rest) > MOST_JSON or values > MOST_JSON_VALUES:
        raise TooLarge("the body has more JSON than pictures and options need", code="too_much_json")
    try:
        body = json.loads(rest)
        body = _with_pictures(body, pictures) if pictures else body
    except (ValueError, RecursionError):
        raise RequestError("the body is not valid JSON", code="bad_json") from None
    if not isinstance(body, dict):
        raise RequestError("the body must be a JSON object", code="bad_json")
    return body


def _without_long_strings(data: bytes) -> tuple[bytes, list[memoryview]]:
    """JSON in which places stand for its long strings, and these, still as JSON writes them."""
    parts: list[bytes] = []
    pictures: list[memoryview] = []
    kept = done = 0  # bytes that stay, of the bytes looked at
    start = data.find(b'"')
    while start >= 0 and kept <= MOST_JSON:
        end = _string_end(data, start)
        if end - start > LONG_STRING:
            parts += [data[done:start], json.dumps(f"{_PLACE}{len(pictures)}").encode()]
            kept += start - done
            pictures.append(memoryview(data)[start + 1 : end])
            done = end + 1
        elif end - done > MOST_JSON:
            break
        start = data.find(b'"', end + 1)
    return b"".join([*parts, data[done:]]), pictures


def _string_end(data: bytes, start: int) -> int:
    """Where the quotation mark is that ends the string that begins at `start`; the data's end without one."""
    end = data.find(b'"', start + 1)
    while end >= 0:
        escapes = end
        while data[escapes - 1] == ord("\\"):
            escapes -= 1
        if (end - escapes) % 2 == 0:
            return end
        end = data.find(b'"', end + 1)
    return len(data)


def _with_pictures(value: object, pictures: list[memoryview]) -> object:
    """`value` with the long strings where their places are; they stand near its root."""
    if isinstance(value, dict):
        return {name: _with_pictures(member, pictures) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_pictures(member, pictures) for member in value]
    if isinstance(value, str) and value.startswith(_PLACE):
        # Of what a client wrote so itself there may be no picture.
        return dict(zip(map(str, range(len(pictures))), pictures, strict=True)).get(value.removeprefix(_PLACE), value)
    return value


def from_base64(text: object, name: str) -> bytes:
    """Bytes of base64 text; a data-URI prefix and line breaks are tolerated.

    Args:
        text: as decoded, or a memoryview of what JSON writes (see `json_object`).

    Raises:
        RequestError: absent, not a string, or not base64.
    """
    if text is None:
        raise RequestError(f"{name} is missing: send the picture in base64", code="no_image")
    if not isinstance(text, str | memoryview):
        raise RequestError(f"{name} must be a string", code="bad_base64")
    try:
        data = text.encode("ascii") if isinstance(text, str) else _unescaped(bytes(text))
        if prefix := _DATA_URI.match(data[:_LONGEST_URI_PREFIX]):
            data = data[prefix.end() :]
        return base64.b64decode(b"".join(data.split()), validate=True)
    except ValueError:  # also binascii.Error and UnicodeError
        raise RequestError(f"{name} is not valid base64", code="bad_base64") from None


def _unescaped(text: bytes) -> bytes:
    """What JSON writes as `text`, if it is base64; other escapes stay, and are none of its characters."""
    if b"\\" not in text:
        return text
    for escape, meant in ((b"\\n", b"\n"), (b"\\r", b"\r"), (b"\\t", b"\t"), (b"\\/", b"/")):
        text = text.replace(escape, meant)
    return text


def client_probe(request: Request) -> Callable[[], bool]:
    """A function that tells whether the client still waits; outside gunicorn it always says so.

    A closed connection reads as end of file. Peeking takes nothing from a client that sends its next
    request early.
    """
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        return lambda: True

    def still_there() -> bool:
        try:
            poll = select.poll()
            poll.register(connection, select.POLLIN)
            return not poll.poll(0) or connection.recv(1, socket.MSG_PEEK) != b""
        except (OSError, ValueError):  # closed on our side, which leaves no descriptor to ask
            return False

    return still_there
