"""How many reading requests a worker holds, how large they may be, and what the others are told."""

from __future__ import annotations

import http
import json
import logging
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from serve.base.errors import BUSY, RequestError, TooBusy
from serve.base.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("serve.request")


class Gate:
    """WSGI middleware before `app` that counts the POST requests inside and refuses those that are too many.

    Our worker asks it before it lets a request in, so that nothing is refused here; under another server it is.

    Args:
        most: requests that may be inside.
        body: the most bytes of a request's body.
        bodies: the same by path, where more is taken.
        busy: what to refuse with, by path, where it is not the usual JSON.
    """

    def __init__(
        self,
        app: WSGIApplication,
        most: int,
        metrics: Metrics,
        *,
        body: int,
        bodies: Mapping[str, int],
        busy: Mapping[str, Mapping[str, object]],
    ) -> None:
        self._app = app
        self.most = most
        self._metrics = metrics
        self._body, self._bodies = body, bodies
        self._busy = busy
        self._inside = 0
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return self._app(environ, start_response)
        if not self._enter():
            path, error = environ.get("PATH_INFO", ""), TooBusy(BUSY)
            self.note(error, path)
            status, headers, body = self.refusal(error, path)
            start_response(status, headers)
            return [body]
        try:
            return self._app(environ, start_response)  # no answer is streamed: the work ends with this call
        finally:
            self._leave()

    def _enter(self) -> bool:
        with self._lock:
            if self._inside >= self.most:
                return False
            self._inside += 1
            self._metrics.held(self._inside)
            return True

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            self._metrics.held(self._inside)

    def most_bytes(self, path: str) -> int:
        """The most bytes of a request to `path`, its headers aside."""
        return self._bodies.get(path, self._body)

    @property
    def largest_body(self) -> int:
        """The most bytes that any request may have."""
        return max([self._body, *self._bodies.values()])

    def refusal(self, error: RequestError, path: str) -> tuple[str, list[tuple[str, str]], bytes]:
        """Status, headers and body of the answer with `error` to a request to `path`."""
        busy = self._busy.get(path) if isinstance(error, TooBusy) else None
        body = json.dumps(busy or error.body()).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if error.retry_after is not None:
            headers.append(("Retry-After", str(error.retry_after)))
        return f"{error.status} {http.HTTPStatus(error.status).phrase}", headers, body

    def note(self, error: RequestError, path: str, requests: int = 1) -> None:
        """Count and log what was answered with `error` without the application."""
        self._metrics.reject(error.code, requests)
        line = {"path": path[:200], "status": error.status, "error": error.code}
        log.info(line if requests == 1 else {**line, "requests": requests})
