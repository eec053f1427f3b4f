"""Lets in as many reading requests as a worker can hold and refuses the others before their bodies are read."""

from __future__ import annotations

import threading

from flask import Flask, g, request

from serve.errors import TooBusy
from serve.metrics import Metrics

# A client that sends nothing for so long gives its place up. It is a place for one who may send very slowly, though:
# towards the Internet a reverse proxy that takes in whole requests belongs in front.
STALLED_SECONDS = 10


class Gate:
    """Counts the requests inside."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0
        self._lock = threading.Lock()

    def enter(self) -> int:
        """Count one more; the number now inside.

        Raises:
            TooBusy: it is full.
        """
        with self._lock:
            if self._inside >= self._most:
                raise TooBusy("the server is busy: try again in a moment")
            self._inside += 1
            return self._inside

    def leave(self) -> int:
        """Count one less; the number still inside."""
        with self._lock:
            self._inside -= 1
            return self._inside


def guard(app: Flask, gate: Gate, metrics: Metrics) -> None:
    """Put `gate` before every POST route."""

    @app.before_request
    def enter() -> None:
        if request.method == "POST" and request.url_rule is not None:
            metrics.held(gate.enter())
            g.inside = True
            if connection := request.environ.get("gunicorn.socket"):
                connection.settimeout(STALLED_SECONDS)

    @app.teardown_request
    def leave(error: BaseException | None) -> None:
        if g.pop("inside", False):
            metrics.held(gate.leave())
