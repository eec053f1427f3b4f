"""The bytes of an answer: the application's, by way of gunicorn's WSGI, or a refusal without it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from gunicorn.http import RequestParser, wsgi
from gunicorn.http.wsgi import FileWrapper
from gunicorn.util import http_date

from serve.base.errors import RequestError
from serve.process.arrival import Request

if TYPE_CHECKING:  # gunicorn's own process must not load the application
    from serve.middleware.admission import Gate
    from serve.process.connection import Connection


@dataclass(frozen=True)
class Answer:
    """What is sent to a request.

    Attributes:
        content: its bytes.
        file: what is sent behind them.
        closes: whether the connection ends with it.
    """

    content: bytes
    file: IO[bytes] | None = None
    closes: bool = True


class _Reply:
    """Stands where gunicorn's response expects a socket, and keeps what is written."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.sendall = self.parts.append

    def send(self, data: bytes) -> int:
        """Drop a "100 Continue": the body is there."""
        return len(data)


def answer(
    application: Callable[..., Iterable[bytes]], request: Request, connection: Connection, cfg: Any, keeps: bool
) -> Answer:
    """The application's answer to a request.

    Args:
        cfg: gunicorn's settings.
        keeps: whether the connection may live on.

    Raises:
        RequestError: the request is not one of HTTP/1.1.
    """
    try:
        parsed = next(RequestParser(cfg, [request.head], connection.client))
    except Exception as error:  # whatever the parser stumbles over, the request is not one
        raise RequestError(f"the request is not one of HTTP/1.1: {str(error)[:200]}") from None
    reply = _Reply()
    response, environ = wsgi.create(parsed, reply, connection.client, connection.server, cfg)
    environ["wsgi.input"] = io.BytesIO(request.body)
    environ["wsgi.multithread"] = True
    environ["gunicorn.socket"] = connection.sock  # by which the application sees whether the client is still there
    if not keeps:
        response.force_close()
    parts = application(environ, response.start_response)
    if isinstance(parts, FileWrapper) and response.response_length is not None:
        response.send_headers()
        return Answer(b"".join(reply.parts), parts.filelike, response.should_close())
    try:
        for part in parts:
            response.write(part)
        response.close()
    finally:
        if hasattr(parts, "close"):
            parts.close()
    return Answer(b"".join(reply.parts), closes=response.should_close())


def refusal(gate: Gate, error: RequestError, path: str, closes: bool) -> bytes:
    """The bytes of an answer with `error`."""
    status, headers, body = gate.refusal(error, path)
    headers += [("Date", http_date()), ("Connection", "close" if closes else "keep-alive")]
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def asks_to_close(head: bytes) -> bool:
    """Whether the connection is to end with the request that has this head."""
    lowered = head.lower()
    return b"\r\nconnection: close\r\n" in lowered or b" http/1.0\r\n" in lowered
