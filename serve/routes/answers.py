"""How an error leaves the server: its status, its headers, its place in the log and in the figures."""

from __future__ import annotations

from typing import Any, cast

from flask import Response, current_app, g, jsonify

from serve.base.errors import RequestError
from serve.base.metrics import Metrics


def send_error(error: RequestError, body: dict[str, Any] | None = None) -> Response:
    """The response to a request that failed with `error`; `body` replaces the usual JSON."""
    g.error_code = error.code
    cast(Metrics, current_app.extensions["ocr_metrics"]).reject(error.code)
    response = jsonify(body or error.body())
    response.status_code = error.status
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
