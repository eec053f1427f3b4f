"""What strangers do to a server's connections and folders, in short form; a good client's requests go on meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import json
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from serve.base.shared_figures import BYTES, KINDS
from serve.engine.corrections import FILE
from tests.load.client import multipart
from tests.serve.conftest import png
from tests.serve.running import ROOT, FullServer, RunningServer, until

SLOW, SILENT = 250, 3000
HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module", autouse=True)
def many_descriptors() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(scope="module")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("attacked")
    with RunningServer(folder, model, workers=1, patience_seconds=1, max_bytes=1_000_000, unsure=0) as server:
        yield server


@pytest.fixture
def fresh(model: Path, tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path, model, workers=1, unsure=0) as server:
        yield server


def connect(server: RunningServer) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), timeout=60)


def answer(connection: socket.socket) -> tuple[int, str]:
    """Status and code of the error that comes on `connection` before it ends."""
    reply = http.client.HTTPResponse(connection)
    reply.begin()
    return reply.status, json.loads(reply.read())["error"]["code"]


class GoodClient:
    """Has pictures read, each on a connection of its own, and asks for /health, for as long as the block lasts."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.answers: list[tuple[str, object]] = []

    def __enter__(self) -> GoodClient:
        self._workers = self._server.workers()
        self._thread.start()
        self.wait_for(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        assert set(self.answers) == {("ab", "ok")}
        assert self._server.workers() == self._workers, "a worker has died"

    def wait_for(self, more: int) -> None:
        """Let it have `more` answers."""
        target = len(self.answers) + more
        until(lambda: len(self.answers) >= target, 60)

    def _run(self) -> None:
        while not self._ends.is_set():
            try:
                self.answers.append((read(self._server), self._server.get("/health")["status"]))
            except (OSError, http.client.HTTPException) as error:
                self.answers.append((repr(error), ""))


def read(server: RunningServer) -> str:
    """What the server reads in a picture."""
    with connect(server) as connection:
        connection.sendall(multipart(png("ab")))
        reply = http.client.HTTPResponse(connection)
        reply.begin()
        return str(json.loads(reply.read())["text"])


@contextmanager
def connections(server: RunningServer, number: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(connect(server)) for _ in range(number)]


def test_slow_headers_and_silence_stop_nobody(server: RunningServer) -> None:
    with GoodClient(server) as good, connections(server, SLOW) as slow:
        for byte in b"POST":
            for connection in slow:
                with contextlib.suppress(OSError):  # its time was up
                    connection.sendall(bytes([byte]))
            good.wait_for(1)
        with connections(server, SILENT):
            good.wait_for(3)
        until(lambda: 'ocr_rejects_total{code="request_timeout"}' in metrics(server), 30)


def metrics(server: RunningServer) -> str:
    with urllib.request.urlopen(server.url + "/metrics") as reply:
        return str(reply.read().decode())


@pytest.mark.parametrize("begun", [b"POST /predict HT", multipart(png("ab"))[:-1], HEAD + b"Content-Length: 9\r\n\r\n"])
def test_who_stalls_is_told_so(server: RunningServer, begun: bytes) -> None:
    with GoodClient(server) as good, connections(server, 120) as stalled:  # there are 112 threads
        for connection in stalled:
            connection.sendall(begun)
        good.wait_for(3)
        assert {answer(connection) for connection in stalled} == {(408, "request_timeout")}


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: " + b"9" * 4301 + b"\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 1, 1\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"A B: c\r\n\r\n",
        b"X\x00: c\r\n\r\n",
        b"no colon\r\n\r\n",
    ],
)
def test_malformed_headers_are_bad_requests(server: RunningServer, head: bytes) -> None:
    with GoodClient(server), connect(server) as connection:
        connection.sendall(HEAD + head)
        assert answer(connection) == (400, "bad_request")


def test_a_full_worker_outlives_a_length_of_thousands_of_digits(model: Path, tmp_path: Path) -> None:
    with RunningServer(tmp_path, model, workers=1, max_pending=1) as server, FullServer(server):
        workers = server.workers()
        with connect(server) as connection:
            connection.sendall(HEAD + b"Content-Length: " + b"9" * 4301 + b"\r\n\r\n")
            assert answer(connection) == (400, "bad_request")
        assert server.get("/health")["status"] == "ok"
        assert server.workers() == workers


def test_endless_chunks_are_too_large(server: RunningServer) -> None:
    with GoodClient(server), connect(server) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(60):  # 6 MB; 2.3 MB are taken
            connection.sendall(b"186a0\r\n" + bytes(100_000) + b"\r\n")
        assert answer(connection) == (413, "too_many_bytes")


def test_an_upload_above_the_limit_is_told_so(server: RunningServer) -> None:
    with GoodClient(server):
        for _ in range(10):
            request = urllib.request.Request(server.url + "/predict", bytes(20_000_000))
            request.add_header("Content-Type", "application/json")
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request)
            with refused.value as reply:
                assert (reply.code, json.load(reply)["error"]["code"]) == (413, "too_many_bytes")


def test_bodies_together_do_not_outgrow_memory(model: Path, tmp_path: Path) -> None:
    with (
        RunningServer(tmp_path, model, workers=1, unsure=0) as server,
        GoodClient(server) as good,
        connections(server, 9) as large,
    ):
        for connection in large:  # nine of 20 MB each, of which 128 MB may be there
            connection.sendall(HEAD + b"Content-Length: 20000001\r\n\r\n" + bytes(20_000_000))
        assert answer(large[-1]) == (429, "queue_full")
        (worker,) = server.workers()
        status = Path(f"/proc/{worker}/status").read_text()
        assert int(status.partition("VmRSS:")[2].split()[0]) < 500_000  # kB
        for connection in large:
            connection.close()
        good.wait_for(3)


def test_few_file_descriptors_end_no_worker(fresh: RunningServer) -> None:
    (worker,) = fresh.workers()
    used = len(list(Path(f"/proc/{worker}/fd").iterdir()))
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + 12, used + 12))
    with connections(fresh, 60):
        until(lambda: any("no file descriptors" in line for line in fresh.other_output))
        assert read(fresh) == "ab"
    with GoodClient(fresh) as good:
        good.wait_for(3)
    assert fresh.workers() == [worker]


def test_figures_are_in_reserved_shared_memory_and_gone_at_the_end(model: Path, tmp_path: Path) -> None:
    with RunningServer(tmp_path, model, workers=1) as server:
        (worker,) = server.workers()
        maps = Path(f"/proc/{worker}/maps").read_text().splitlines()
        files = {Path(line.split()[-1]) for line in maps if line.endswith(f"_{worker}.db")}
        assert len(files) == len(KINDS)
        assert all(file.stat().st_blocks * 512 >= BYTES for file in files)
        assert not any(server.state in file.parents for file in files)
    assert not any(file.parent.exists() for file in files)


def test_what_is_not_ours_stays(model: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "state/metrics/theirs.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("years of work")
    with RunningServer(tmp_path, model, workers=1) as server:
        assert read(server) == "ab"
    assert theirs.read_text() == "years of work"


@pytest.mark.slow  # gunicorn tries for five seconds
def test_a_second_start_on_the_port_leaves_the_first_alone(fresh: RunningServer, model: Path) -> None:
    read(fresh)
    settings = {"OCR_MODEL": model, "OCR_STATE_DIR": fresh.state, "OCR_PORT": urlsplit(fresh.url).port}
    second = subprocess.run(
        [sys.executable, "-m", "serve"], cwd=ROOT, env={name: str(value) for name, value in settings.items()}
    )
    assert second.returncode != 0
    assert 'ocr_requests_total{route="/api/v1/ocr",status="200"} 1.0' in metrics(fresh)
    assert read(fresh) == "ab"


def test_damaged_files_keep_nobody_from_reading(model: Path, tmp_path: Path) -> None:
    for name in (FILE, "clients.sqlite", "cache.sqlite"):
        (tmp_path / "state").mkdir(exist_ok=True)
        (tmp_path / "state" / name).write_bytes(b"rubbish" * 1000)
    with RunningServer(tmp_path, model, workers=1, rate_per_minute=10_000, rate_burst=100, unsure=0) as server:
        assert read(server) == "ab"
        assert correction(server) == (503, "corrections_unavailable")
    assert (tmp_path / "state" / FILE).read_bytes() == b"rubbish" * 1000  # somebody may still save what is in it


def test_a_state_folder_that_cannot_be_written_is_a_warning(model: Path, tmp_path: Path) -> None:
    with RunningServer(tmp_path, model, workers=1, state_dir="/proc/fs", rate_per_minute=10_000, unsure=0) as server:
        assert read(server) == "ab"
        assert correction(server) == (503, "corrections_unavailable")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: server.events("reload_failed"))
        assert read(server) == "ab"
    warnings = [line for line in server.other_output if "OCR_STATE_DIR" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: ")
    assert not any("Traceback" in line for line in server.other_output)


def test_a_reload_without_the_state_folder(fresh: RunningServer) -> None:
    shutil.rmtree(fresh.state)
    fresh.process.send_signal(signal.SIGHUP)
    until(lambda: fresh.events("model_accepted"))
    assert read(fresh) == "ab"


def correction(server: RunningServer) -> tuple[int, str]:
    """How a correction is refused."""
    body = multipart(png("ab"), "/api/v1/corrections", options="ab").replace(b'name="options"', b'name="text"')
    length = len(body.partition(b"\r\n\r\n")[2])
    body = b"\r\n".join(
        b"Content-Length: %d" % length if line.startswith(b"Content-Length") else line for line in body.split(b"\r\n")
    )
    with connect(server) as connection:
        connection.sendall(body)
        return answer(connection)
