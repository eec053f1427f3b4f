"""Flask without what this server never asks of it: coroutines, sessions, replies that are still to be encoded."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Any

from flask import Flask, Request, Response
from flask.json.provider import DefaultJSONProvider
from flask.sessions import NullSession, SessionInterface, SessionMixin

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class _JsonReply(Response):
    """A reply whose bytes and headers are ready: Werkzeug need not look for what is missing, or relative."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        return [self.get_data()]


class _Json(DefaultJSONProvider):
    """Compact JSON in UTF-8, in the order in which it was made; the encoder is made once."""

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self._encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=self.default)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """The reply that says what `jsonify` was given."""
        value = self._prepare_response_obj(args, kwargs)
        return _JsonReply(self._encoder.encode(value) + "\n", mimetype=self.mimetype)


class _NoSessions(SessionInterface):
    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        return self._none


class _Request(Request):
    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        """A form's file stays in memory, where the whole body is already: a disk may be full, or not to be written."""
        return io.BytesIO()


class App(Flask):
    """The application's class."""

    request_class = _Request
    json_provider_class = _Json
    session_interface = _NoSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """None of our functions is a coroutine; Flask would look into each of them at each request."""
        return func
