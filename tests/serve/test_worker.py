"""What is too much is refused by a real gunicorn that is full, and nobody is kept waiting by another's connection."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.serve.running import FullServer, RunningServer, until

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def full(model: Path, tmp_path: Path) -> Iterator[FullServer]:
    with RunningServer(tmp_path, model, workers=1, max_pending=1) as server, FullServer(server) as full:
        yield full


def test_a_full_worker_refuses_and_the_connection_lives_on(full: FullServer) -> None:
    with full.connection() as connection:
        for size in (10, 1_000, 200_000):
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


def test_a_full_worker_lets_nobody_begin_to_send_who_asks_first(full: FullServer) -> None:
    with socket.create_connection(full.address) as asking:
        asking.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 999999\r\n\r\n")
        assert asking.recv(1000).startswith(b"HTTP/1.1 429 ")


def test_requests_in_a_row_are_answered_in_their_order(model: Path, tmp_path: Path) -> None:
    with RunningServer(tmp_path, model, workers=1) as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port)) as connection:
            paths = ["/health", "/ready", "/nothing"] * 30
            requests = [f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in paths]
            requests[-1] = requests[-1].replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
            connection.sendall("".join(requests).encode())
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
        assert statuses == [b"200", b"200", b"404"] * 30


def test_an_answer_that_is_not_taken_holds_no_thread(model: Path, tmp_path: Path) -> None:
    with RunningServer(tmp_path, model, workers=1, max_pending=1, patience_seconds=1) as server:
        address = urlsplit(server.url)
        deaf = []
        for _ in range(40):  # there are 17 threads
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            connection.connect((address.hostname, address.port))
            connection.sendall(b"GET /static/page.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 300)
            deaf.append(connection)
        began = time.monotonic()
        assert server.get("/ready")["status"] == "ready"
        assert time.monotonic() - began < 10
        for connection in deaf:
            connection.close()


def test_a_client_that_does_not_close_its_side_holds_nobody_up(model: Path, tmp_path: Path) -> None:
    with RunningServer(tmp_path, model, workers=1) as server:
        address = urlsplit(server.url)
        lingering = []
        for _ in range(5):
            connection = socket.create_connection((address.hostname, address.port))
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
            lingering.append(connection)
        began = time.monotonic()
        assert server.get("/ready")["status"] == "ready"
        seconds = time.monotonic() - began
        for connection in lingering:
            connection.close()
        assert seconds < 2, "five waits of two seconds each would be ten"


def test_heads_and_versions_are_answered_as_http_asks(model: Path, tmp_path: Path) -> None:
    with RunningServer(tmp_path, model, workers=1) as server:
        address = urlsplit(server.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port)
        connection.request("HEAD", "/health")
        reply = connection.getresponse()
        assert (reply.status, reply.read(), reply.will_close) == (200, b"", False)
        connection.close()
        with socket.create_connection((address.hostname, address.port)) as old:
            old.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            received = b"".join(iter(lambda: old.recv(65536), b""))
        assert b"200 OK" in received
        assert received.endswith(b'{"status":"ok"}\n')


def test_connections_are_shared_by_the_workers(model: Path, tmp_path: Path) -> None:
    def sockets(pid: int) -> int:
        return sum(str(link.readlink()).startswith("socket:") for link in Path(f"/proc/{pid}/fd").iterdir())

    with RunningServer(tmp_path, model, workers=2) as server:
        address = urlsplit(server.url)
        workers = server.workers()
        before = [sockets(pid) for pid in workers]
        with ExitStack() as opened:
            for _ in range(8):
                opened.enter_context(socket.create_connection((address.hostname or "", address.port or 0)))
            until(lambda: sum(map(sockets, workers)) == sum(before) + 8)
            assert min(sockets(pid) - had for pid, had in zip(workers, before, strict=True)) >= 3
