"""What a Flask request holds: pictures, options, and whether its client is still there. Knows nothing of
reading.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import select
import socket
from collections.abc import Callable
from typing import Any

from flask import Request

from serve.errors import BadOptions, RequestError
from serve.forms import Form, form_of

FILE_FIELDS = ("file", "image", "image_file")
_DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+(;[\w=.+-]+)*;base64,", re.ASCII)
_LONGEST_URI_PREFIX = 200


def picture_of(request: Request) -> bytes:
    """The one picture of a request, sent as multipart or as JSON with `image_base64`.

    Raises:
        RequestError: there is none, or it is not base64.
        UnsupportedType: the body is neither multipart nor JSON.
    """
    form = form_of(request)
    if form is None:
        return from_base64(json_object(request).get("image_base64"), "image_base64")
    pictures = pictures_in(form)
    if len(pictures) != 1:
        names = ", ".join(FILE_FIELDS)
        raise RequestError(f"send one picture in the field {names}; found {len(pictures)}", code="no_image")
    return pictures[0]


def pictures_in(form: Form) -> list[bytes]:
    """All pictures of a form, in order, under whichever of the field names."""
    return [data for name, data in form.files if name in FILE_FIELDS]


def options_of(request: Request) -> object:
    """The options of a request as decoded JSON: the member, or the form field, `options`; None if absent.

    Raises:
        BadOptions: the form field is not JSON.
    """
    form = form_of(request)
    if form is None:
        return json_object(request).get("options")
    text = form.fields.get("options")
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadOptions("the field options is not JSON") from None


def json_object(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body.

    Raises:
        RequestError: not JSON, or not an object.
    """
    try:
        body = json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise RequestError("the body is not valid JSON", code="bad_json") from None
    if not isinstance(body, dict):
        raise RequestError("the body must be a JSON object", code="bad_json")
    return body


def from_base64(text: object, name: str) -> bytes:
    """Bytes of base64 text; a data-URI prefix and line breaks are tolerated.

    Raises:
        RequestError: absent, not a string, or not base64.
    """
    if text is None:
        raise RequestError(f"{name} is missing: send the picture in base64", code="no_image")
    if not isinstance(text, str):
        raise RequestError(f"{name} must be a string", code="bad_base64")
    if prefix := _DATA_URI.match(text[:_LONGEST_URI_PREFIX]):
        text = text[prefix.end() :]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise RequestError(f"{name} is not valid base64", code="bad_base64") from None


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
