"""Who may call, from where and how often; and the headers that keep browsers safe. All of it is
configuration.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, Response, request

from serve.base.config import ServeConfig
from serve.base.errors import Forbidden, TooBusy, Unauthorized
from serve.middleware.ratelimit import RateLimit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# What anyone may see: the page (it asks for the key), its files, what the API looks like, and the probes.
OPEN = frozenset({"pages.index", "pages.docs", "static", "api.openapi", "api.health", "api.ready"})

PROBES = frozenset({"api.health", "api.ready"})  # what starts and watches servers calls them by whatever name
THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "[::1]"})

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

    hosts = _allowed_hosts(config)

    @app.before_request
    def check() -> Response | None:
        environ = request.environ
        if hosts and request.endpoint not in PROBES and _host_name(request.host) not in hosts:
            raise Forbidden("the server is not known by this name: add it to OCR_ALLOWED_HOSTS")
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return None  # a browser's preflight carries no key
        if config.keys and request.endpoint not in OPEN and not _has_key(config.keys):
            raise Unauthorized("an API key is needed: send it as X-API-Key")
        if environ["REQUEST_METHOD"] in ("POST", "DELETE"):
            _check_origin(environ.get("HTTP_ORIGIN"), config)
            if environ["REQUEST_METHOD"] == "POST" and limit is not None and (wait := limit.wait(_client(config))) > 0:
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
        response.headers["Access-Control-Allow-Headers"] = "Content-Type, Prefer, X-API-Key, X-Request-ID"
        response.headers["Access-Control-Allow-Methods"] = "DELETE, GET, POST"
        response.headers["Access-Control-Expose-Headers"] = "Location, Retry-After, X-Request-ID"
    return response


def _with_headers(app: WSGIApplication) -> WSGIApplication:
    """`app`, every answer of which carries `HEADERS`; Flask would look at each of them several times on its way out."""

    def with_headers(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            return start_response(status, headers + HEADERS, *error)

        return app(environ, start)

    return with_headers


def _given_key() -> str:
    """The key that the request shows, in whichever of the two headers; "" without one."""
    given: str = request.headers.get("X-API-Key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
    return given


def owner_of(config: ServeConfig) -> str:
    """Whose a request's job is: a name made of the key; "" where none is needed."""
    return hashlib.sha256(_given_key().encode()).hexdigest() if config.keys else ""


def _has_key(keys: tuple[str, ...]) -> bool:
    given = _given_key()
    # Every key is compared, in constant time, so that timing tells nothing of them.
    return sum(hmac.compare_digest(given.encode(), key.encode()) for key in keys) > 0


def _allowed_hosts(config: ServeConfig) -> frozenset[str]:
    """Names by which the server may be addressed; none for any.

    Another site's page may point a name of its own to this machine, and then calls the server as if it were of one
    origin with it (DNS rebinding). Who listens on this machine alone has no other names than these.
    """
    if config.hosts or config.trusted_proxies or not config.is_loopback:
        return config.hosts
    return THIS_MACHINE


def _host_name(host: str) -> str:
    """Host of a `Host` header, without the port and in small letters."""
    return re.sub(r":\d*$", "", host).lower().rstrip(".")


def _check_origin(origin: str | None, config: ServeConfig) -> None:
    """Refuse what another site's page sends: a browser would let it post a form here without asking anyone."""
    if origin and origin not in config.origins and _netloc(origin) != request.host:
        raise Forbidden("pages of this origin may not call the server: add it to OCR_CORS_ORIGINS")


def _netloc(origin: str) -> str | None:
    """Host and port of an origin; None if it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _client(config: ServeConfig) -> str:
    """Name under which a client's requests are counted: its key, or else its address."""
    key = _given_key() if config.keys else None
    return hashlib.sha256(key.encode()).hexdigest() if key else request.remote_addr or ""
