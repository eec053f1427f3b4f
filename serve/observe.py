"""A request's id, its one line in the log and its figures. Knows nothing of what the request asked for."""

from __future__ import annotations

import logging
import re
import time
import uuid

from flask import Flask, Response, g, request

from serve.metrics import Metrics

log = logging.getLogger("serve.request")

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def observe(app: Flask, metrics: Metrics) -> None:
    """Give every request an id (the client's own if it is well formed), log it and count it."""

    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex

    @app.after_request
    def end(response: Response) -> Response:
        seconds = time.perf_counter() - g.started
        route = request.url_rule.rule if request.url_rule else "unknown"
        metrics.request(route, response.status_code, seconds)
        response.headers["X-Request-ID"] = g.request_id
        log.info(
            {
                "request_id": g.request_id,
                "client": request.remote_addr,
                "method": request.method,
                "path": request.path[:200],
                "status": response.status_code,
                "error": g.get("error_code"),
                "ms": round(seconds * 1000, 2),
                "bytes_in": request.content_length,
                "bytes_out": response.content_length,
            }
        )
        return response
