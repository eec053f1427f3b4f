"""Who may call, from where and how often; and the headers that keep browsers safe. All of it is
configuration.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, Response, request

from serve.config import ServeConfig
from serve.errors import Forbidden, TooBusy, Unauthorized
from serve.ratelimit import RateLimit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# What anyone may see: the page (it asks for the key), its files, what the API looks like, and the probes.
OPEN = frozenset({"pages.index", "pages.docs", "static", "api.openapi", "api.health", "api.ready"})

HEADERS = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
]


def control_access(app: Flask, config: ServeConfig) -> None:
    """Apply API keys, origins and rate limit of `config` to every route of `app`."""
    limit = (
        RateLimit(config.state / "clients.sqlite", config.rate_per_minute, config.rate_burst)
        if config.rate_per_minute
        else None
    )

    @app.before_request
    def check() -> Response | None:
        environ = request.environ
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return None  # a browser's preflight carries no key
        if config.keys and request.endpoint not in OPEN and not _has_key(config.keys):
            raise Unauthorized("an API key is needed: send it as X-API-Key")
        if environ["REQUEST_METHOD"] == "POST":
            _check_origin(environ.get("HTTP_ORIGIN"), config)
            if limit is not None and (wait := limit.wait(_client(config))) > 0:
                raise TooBusy("too many requests of yours", code="rate_limited", retry_after=math.ceil(wait))
        return None

    if config.origins:
        app.after_request(partial(_let_pages_call, config.origins))
    app.wsgi_app = _with_headers(app.wsgi_app)  # type: ignore[method-assign,assignment]


def _let_pages_call(origins: frozenset[str], response: Response) -> Response:
    """Tell browsers that pages of `origins` may see the response."""
    origin = request.headers.get("Origin")
    response.headers.add("Vary", "Origin")
    if origin in origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Headers"] = "Content-Type, X-API-Key, X-Request-ID"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-ID"
    return response


def _with_headers(app: WSGIApplication) -> WSGIApplication:
    """`app`, every answer of which carries `HEADERS`; Flask would look at each of them several times on its way out."""

    def with_headers(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            return start_response(status, headers + HEADERS, *error)

        return app(environ, start)

    return with_headers


def _has_key(keys: tuple[str, ...]) -> bool:
    given = request.headers.get("X-API-Key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
    # Every key is compared, in constant time, so that timing tells nothing of them.
    return sum(hmac.compare_digest(given.encode(), key.encode()) for key in keys) > 0


def _check_origin(origin: str | None, config: ServeConfig) -> None:
    """Refuse what another site's page sends: a browser would let it post a form here without asking anyone."""
    if origin and origin not in config.origins and urlsplit(origin).netloc != request.host:
        raise Forbidden("pages of this origin may not call the server: add it to OCR_CORS_ORIGINS")


def _client(config: ServeConfig) -> str:
    """Name under which a client's requests are counted: its key, or else its address."""
    key = request.headers.get("X-API-Key") if config.keys else None
    return hashlib.sha256(key.encode()).hexdigest() if key else request.remote_addr or ""
