"""Lets in as many reading requests as a worker can hold; refuses the others before Flask or their bodies are touched.

Under overload most requests are refused, so a refusal must cost little: this one takes a tenth of what it takes Flask
to answer at all.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from serve.errors import TooBusy
from serve.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("serve.request")

# A client that sends nothing for so long gives its place up. One who sends very slowly keeps it, though: towards the
# Internet a reverse proxy that takes in whole requests belongs in front.
STALLED_SECONDS = 10


class Gate:
    """WSGI middleware before `app` that counts the POST requests inside.

    Args:
        most: requests that may be inside.
        bodies: what to refuse with, by path, where it is not the usual JSON.
    """

    def __init__(self, app: WSGIApplication, most: int, metrics: Metrics, bodies: dict[str, dict[str, object]]) -> None:
        self._app = app
        self._most = most
        self._metrics = metrics
        self._inside = 0
        self._lock = threading.Lock()
        self._refusal = TooBusy("the server is busy: try again in a moment")
        self._body = json.dumps(self._refusal.body()).encode()
        self._bodies = {path: json.dumps(body).encode() for path, body in bodies.items()}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return self._app(environ, start_response)
        if not self._enter():
            return self._refuse(environ, start_response)
        try:
            if connection := environ.get("gunicorn.socket"):
                connection.settimeout(STALLED_SECONDS)
            return self._app(environ, start_response)  # no answer is streamed: the work ends with this call
        finally:
            self._leave()

    def _enter(self) -> bool:
        with self._lock:
            if self._inside >= self._most:
                return False
            self._inside += 1
            self._metrics.held(self._inside)
            return True

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            self._metrics.held(self._inside)

    def _refuse(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, status = environ.get("PATH_INFO", ""), self._refusal.status
        self._metrics.reject(self._refusal.code)
        log.info({"path": path[:200], "method": "POST", "status": status, "error": self._refusal.code})
        body = self._bodies.get(path, self._body)
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Retry-After", str(self._refusal.retry_after)),
            ("X-Content-Type-Options", "nosniff"),
        ]
        start_response("429 Too Many Requests", headers)
        return [body]
