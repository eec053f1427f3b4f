"""Lets in as many reading requests as a worker can hold; refuses the others before Flask sees them.

Most of what is too much never comes so far (`serve/worker.py`); long requests and other servers' do.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from serve.errors import TooBusy
from serve.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("serve.request")

# A client that sends nothing for so long gives its place up. One who sends very slowly keeps it, though: towards the
# Internet a reverse proxy that takes in whole requests belongs in front.
STALLED_SECONDS = 10
# Bytes that are taken in of a request that is refused, since a client that is still sending when the connection closes
# may not see the reply.
DRAINED = 1_000_000


class Gate:
    """WSGI middleware before `app` that counts the POST requests inside.

    Args:
        most: requests that may be inside.
        bodies: what to refuse with, by path, where it is not the usual JSON.
    """

    def __init__(self, app: WSGIApplication, most: int, metrics: Metrics, bodies: dict[str, dict[str, object]]) -> None:
        self._app = app
        self.most = most
        self._metrics = metrics
        self._inside = 0
        self._lock = threading.Lock()
        self._refusal = TooBusy("the server is busy: try again in a moment")
        self._body = json.dumps(self._refusal.body()).encode()
        self._bodies = {path: json.dumps(body).encode() for path, body in bodies.items()}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return self._app(environ, start_response)
        if connection := environ.get("gunicorn.socket"):
            connection.settimeout(STALLED_SECONDS)
        if not self._enter():
            return self._refuse(environ, start_response)
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

    def _refuse(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with contextlib.suppress(OSError):
            environ["wsgi.input"].read(DRAINED)
        path = environ.get("PATH_INFO", "")
        self.note_refusals({path: 1})
        status, headers, body = self.refusal(path)
        start_response(status, headers)
        return [body]

    def refusal(self, path: str) -> tuple[str, list[tuple[str, str]], bytes]:
        """Status, headers and body for a request to `path` that is one too many."""
        body = self._bodies.get(path, self._body)
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Retry-After", str(self._refusal.retry_after)),
            ("X-Content-Type-Options", "nosniff"),
        ]
        return "429 Too Many Requests", headers, body

    def note_refusals(self, requests: Mapping[str, int]) -> None:
        """Count and log the refused requests to each path."""
        for path, number in requests.items():
            self._metrics.reject(self._refusal.code, number)
            line = {"path": path[:200], "method": "POST", "status": self._refusal.status, "error": self._refusal.code}
            log.info(line if number == 1 else {**line, "requests": number})
