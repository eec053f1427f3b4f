"""A request's id, its one line in the log and its figures."""

from __future__ import annotations

import logging
import random
import re
import time

from flask import Flask, Request, Response, g, request

from serve.base.metrics import Metrics

log = logging.getLogger("serve.request")

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def observe(app: Flask, metrics: Metrics) -> None:
    """Give every request an id (the client's own if it is well formed), log it and count it."""

    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()
        given = request.environ.get("HTTP_X_REQUEST_ID", "")
        g.request_id = given if _ID.fullmatch(given) else f"{random.getrandbits(128):032x}"

    @app.after_request
    def end(response: Response) -> Response:
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # looked up once, not seven times
        seconds = time.perf_counter() - g.started
        route = asked.url_rule.rule if asked.url_rule else "unknown"
        metrics.request(route, response.status_code, seconds)
        response.headers["X-Request-ID"] = g.request_id
        log.info(
            {
                "request_id": g.request_id,
                "client": asked.remote_addr,
                "method": asked.method,
                "path": asked.path[:200],
                "status": response.status_code,
                "error": g.get("error_code"),
                "ms": round(seconds * 1000, 2),
                "bytes_in": asked.content_length,
                "bytes_out": response.content_length,
            }
        )
        return response
