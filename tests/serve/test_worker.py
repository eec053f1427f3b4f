"""What is too much is refused at the door: by the bytes that have come, and by a real gunicorn that is full."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from serve.worker import Post, whole_post
from tests.load.client import multipart
from tests.serve.running import RunningServer, until

JSON = {"Content-Type": "application/json"}
HEAD = b"POST /api/v1/ocr?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (HEAD + b"\r\nbody", Post("/api/v1/ocr", len(HEAD) + 6, closes=False)),
        (HEAD + b"\r\nbodyPOST / HTTP/1.1", Post("/api/v1/ocr", len(HEAD) + 6, closes=False)),
        (HEAD + b"connection: Close\r\n\r\nbody", Post("/api/v1/ocr", len(HEAD) + 25, closes=True)),
        (HEAD + b"\r\nbod", None),
        (HEAD, None),
        (b"", None),
        (HEAD.replace(b"POST", b"GET") + b"\r\nbody", None),
        (HEAD.replace(b"Length", b"Lengths") + b"\r\nbody", None),
        (HEAD + b"Content-Length: 5\r\n\r\nbody5", None),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nbody", None),
        (HEAD + b"Expect: 100-continue\r\n\r\nbody", None),
        (HEAD.replace(b"1.1", b"1.0") + b"\r\nbody", None),
    ],
)
def test_a_whole_post_is_told_from_everything_else(received: bytes, expected: Post | None) -> None:
    assert whole_post(received) == expected


@pytest.fixture
def full(model: Path, tmp_path: Path) -> Iterator[FullServer]:
    with RunningServer(tmp_path, model, workers=1, max_pending=1) as server, FullServer(server.url) as full:
        yield full


class FullServer:
    """A server's one place is held by a request whose body does not end until `release` is called."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self.address = (address.hostname or "", address.port or 0)

    def __enter__(self) -> FullServer:
        request = multipart(b"not a picture")
        self._holder, self._rest = socket.create_connection(self.address), request[-1:]
        self._holder.sendall(request[:-1])
        until(lambda: "ocr_pending_requests 1.0" in self.metrics())
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.close()

    @contextmanager
    def connection(self) -> Iterator[http.client.HTTPConnection]:
        with closing(http.client.HTTPConnection(*self.address)) as connection:
            yield connection

    def metrics(self) -> str:
        with self.connection() as connection:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()

    def release(self) -> None:
        """Let the request end, and see it leave."""
        self._holder.sendall(self._rest)
        until(lambda: "ocr_pending_requests 0.0" in self.metrics())


def test_a_full_worker_refuses_and_the_connection_lives_on(full: FullServer) -> None:
    with full.connection() as connection:
        for size in (10, 1_000, 200_000):  # the last one is longer than what is looked at
            connection.request("POST", "/predict", b"x" * size, JSON)
            reply = connection.getresponse()
            assert (reply.status, reply.headers["Retry-After"]) == (429, "1")
            assert json.loads(reply.read())["error"]["code"] == "queue_full"
        connection.request("POST", "/api/ocr", b"{}", JSON)
        assert json.loads(connection.getresponse().read())["code"] == 429  # in the words of Umi-OCR
        connection.request("GET", "/ready")
        assert json.loads(connection.getresponse().read())["status"] == "ready"
        assert 'ocr_rejects_total{code="queue_full"} 4.0' in full.metrics()
        full.release()

        def code() -> str:
            connection.request("POST", "/predict", b"{}", JSON)
            return str(json.loads(connection.getresponse().read())["error"]["code"])

        # A client may have its reply a moment before the thread that sent it is free.
        until(lambda: code() == "no_image")


def test_many_new_connections_are_refused_and_closed_as_they_ask(full: FullServer) -> None:
    def post(_: int) -> tuple[int, bool]:
        with full.connection() as connection:
            connection.request("POST", "/predict", b"{}", {**JSON, "Connection": "close"})
            reply = connection.getresponse()
            reply.read()
            return reply.status, reply.will_close

    with ThreadPoolExecutor(40) as pool:
        assert list(pool.map(post, range(80))) == [(429, True)] * 80


def test_a_client_that_does_not_close_its_side_holds_nobody_up(model: Path, tmp_path: Path) -> None:
    with RunningServer(tmp_path, model, workers=1) as server:
        address = urlsplit(server.url)
        lingering = []
        for _ in range(5):
            connection = socket.create_connection((address.hostname, address.port))
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
            lingering.append(connection)
        began = time.monotonic()
        assert server.get("/ready")["status"] == "ready"
        seconds = time.monotonic() - began
        for connection in lingering:
            connection.close()
        assert seconds < 2, "five waits of two seconds each would be ten"
