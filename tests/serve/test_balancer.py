"""Three servers behind HAProxy: one is killed, one replaced; no request fails but those the killed one was reading."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.serve.running import RunningServer, until
from tests.serve.test_process import Load, tagged

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="HAProxy is not installed"),
]
CLIENTS = 8
# A server is left at the first failed connection, and asked again by itself when it is ready. A request that got no
# answer from one is sent to another: to read a picture twice does no harm.
CONFIGURATION = """
global
    log stderr format raw local0 warning
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    retries 3
    retry-on conn-failure empty-response 503
    option redispatch 1
    default-server check inter 200ms fall 2 rise 1 observe layer4 error-limit 1 on-error mark-down
frontend ocr
    bind 127.0.0.1:{port}
    default_backend servers
backend servers
    balance leastconn
    option httpchk GET /ready
    http-reuse never
{servers}
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def started(folder: Path, model: Path, port: int) -> RunningServer:
    folder.mkdir(exist_ok=True)
    return RunningServer(folder, model, port=port, workers=1).__enter__()


@pytest.fixture
def servers(model: Path, tmp_path: Path) -> Iterator[list[RunningServer]]:
    running = [started(tmp_path / str(number), model, free_port()) for number in range(3)]
    yield running
    for server in running:
        server.stop()


def test_no_request_fails_but_those_in_flight(servers: list[RunningServer], model: Path, tmp_path: Path) -> None:
    port = free_port()
    lines = [f"    server s{number} {urlsplit(server.url).netloc}" for number, server in enumerate(servers)]
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(CONFIGURATION.format(port=port, servers="\n".join(lines)))
    balancer = subprocess.Popen(["haproxy", "-db", "-f", str(configuration)])
    try:
        until(lambda: answers(port))
        load = Load(f"http://127.0.0.1:{port}", tagged())
        load.wait_for(60)
        # Killed with its worker: what it was reading is lost, of the rest nothing.
        workers = servers[0].workers()
        servers[0].stop(signal.SIGKILL)
        until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
        load.wait_for(60)
        servers[0] = started(tmp_path / "0", model, urlsplit(servers[0].url).port or 0)
        load.wait_for(60)
        # Replaced in good order: it answers what it has taken, and nothing is lost.
        assert servers[1].stop() == 0
        load.wait_for(60)
        servers[1] = started(tmp_path / "1", model, urlsplit(servers[1].url).port or 0)
        load.wait_for(60)
        report = load.stop()
    finally:
        balancer.terminate()
        balancer.wait(30)
    print(f"{load.answered} answers: {dict(report.statuses)}")
    assert report.wrong == 0
    failed = sum(count for status, count in report.statuses.items() if status != 200)
    assert failed <= CLIENTS
