"""The server as processes: killed, told to stop, given new models, all under load, every reply checked.

The numbers are small enough for every run of the tests; PROCESS_TESTS=full gives the long form.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crnn.core.model_info import ArtifactInfo
from tests.barcode import CHARACTERS, FINDER, save_model
from tests.load.client import Report, Task, closed_loop, multipart
from tests.serve.conftest import png
from tests.serve.running import RunningServer, until

pytestmark = pytest.mark.slow

FULL = os.environ.get("PROCESS_TESTS") == "full"
ROUNDS = 20 if FULL else 3
LETTERS = CHARACTERS.replace(" ", "")


def tagged() -> Iterator[Task]:
    """Requests no two of which read alike, so a reply that belongs to another request is seen."""
    for letters in itertools.product(LETTERS, repeat=6):
        text = "".join(letters)
        yield Task(multipart(png(text)), text)


def variant(folder: Path, number: int) -> bytes:
    """The bytes of a model that differs from all others and reads the same."""
    info = ArtifactInfo(CHARACTERS, training={"run": number})
    return save_model(folder / "variant.onnx", info=info).read_bytes()


class Load:
    """Tagged requests from 8 clients in a thread of their own until stopped."""

    def __init__(self, url: str, tasks: Iterator[Task] | None = None) -> None:
        self._tasks, self._stopped = tasks or tagged(), threading.Event()
        self.answered = 0
        self.report = Report()
        self._thread = threading.Thread(target=self._run, args=(url,))
        self._thread.start()

    def _run(self, url: str) -> None:
        tasks = itertools.takewhile(lambda _: not self._stopped.is_set(), self._tasks)
        self.report = asyncio.run(closed_loop(url, tasks, clients=8, seconds=3600, on_reply=self._count))

    def _count(self, reply: object) -> None:
        self.answered += 1

    def wait_for(self, more: int) -> None:
        """Let `more` further requests be answered."""
        target = self.answered + more
        until(lambda: self.answered >= target)

    def stop(self) -> Report:
        self._stopped.set()
        self._thread.join()
        return self.report


@pytest.fixture
def start(model: Path, tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    servers: list[RunningServer] = []

    def start(**settings: object) -> RunningServer:
        own = tmp_path / f"served-{len(servers)}.onnx"
        shutil.copy(model, own)
        server = RunningServer(
            tmp_path / str(len(servers)), own, **{"workers": 2, "finder": model.with_name(FINDER), **settings}
        )
        servers.append(server)
        return server.__enter__()

    yield start
    for server in servers:
        server.stop()


def test_workers_are_pinned_to_different_cores(start: Callable[..., RunningServer]) -> None:
    cores = sorted(os.sched_getaffinity(0))
    server = start(workers=len(cores))
    until(lambda: len(server.workers()) == len(cores))
    until(lambda: sorted(min(os.sched_getaffinity(pid)) for pid in server.workers()) == cores)
    assert all(len(os.sched_getaffinity(pid)) == 1 for pid in server.workers())


def test_the_runtime_keeps_no_record_of_its_use(start: Callable[..., RunningServer]) -> None:
    (worker,) = start(workers=1).workers()
    files = [str(descriptor.readlink()) for descriptor in Path(f"/proc/{worker}/fd").iterdir()]
    assert not [file for file in files if "onnxruntime" in file]


def test_metrics_add_up_over_workers(start: Callable[..., RunningServer]) -> None:
    server = start()
    load = Load(server.url, itertools.islice(tagged(), 60))
    load._thread.join()
    with urllib.request.urlopen(server.url + "/metrics") as reply:
        text = reply.read().decode()
    assert 'ocr_requests_total{route="/api/v1/ocr",status="200"} 60.0' in text


def test_killed_workers_take_only_their_own_requests_with_them(start: Callable[..., RunningServer]) -> None:
    server = start()
    load = Load(server.url)
    for _ in range(ROUNDS):
        load.wait_for(50)
        victim = server.workers()[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda gone=victim: gone not in server.workers() and len(server.workers()) == 2)
        load.wait_for(50)
        if FULL:
            time.sleep(3)
    if FULL:
        until(lambda: load.answered >= 50_000, seconds=3600)
    report = load.stop()
    assert report.wrong == 0
    assert set(report.statuses) <= {0, 200}
    assert report.count(0) <= 8 * ROUNDS  # at most what the victim held
    assert server.get("/ready")["status"] == "ready"


def test_a_killed_worker_is_soon_replaced(start: Callable[..., RunningServer]) -> None:
    server = start(workers=1)
    began = time.monotonic()
    os.kill(server.workers()[0], signal.SIGKILL)
    assert server.get("/ready")["status"] == "ready"
    seconds = time.monotonic() - began
    print(f"ready again after {seconds:.2f} s")
    if FULL:  # else the machine may be busy with other tests
        assert seconds < 3


def test_sigterm_loses_no_accepted_request(start: Callable[..., RunningServer]) -> None:
    broken = []
    for _ in range(ROUNDS):
        server = start()
        load = Load(server.url)
        load.wait_for(40)
        exit_code = server.stop()
        report = load.stop()
        assert exit_code == 0
        assert report.wrong == 0
        assert set(report.statuses) <= {0, 200, 503}
        # Status 0 is also what a client sees that comes after the door is shut; what was accepted is in the log.
        answered = [line for line in server.log if line.get("path") == "/api/v1/ocr" and line["status"] == 200]
        broken.append(len(answered) - report.count(200))
    assert broken == [0] * ROUNDS


def test_models_change_under_load_without_a_failed_request(start: Callable[..., RunningServer], tmp_path: Path) -> None:
    server = start()
    served = tmp_path / "served-0.onnx"
    good = served.read_bytes()
    load = Load(server.url)
    for number in range(ROUNDS):
        load.wait_for(20)
        bad = number == ROUNDS // 2
        event = "model_refused" if bad else "model_accepted"
        told = len(server.events(event)) + 2  # both workers
        (tmp_path / "next.onnx").write_bytes(good[: len(good) // 2] if bad else variant(tmp_path, number))
        (tmp_path / "next.onnx").replace(served)
        if number % 2:
            server.process.send_signal(signal.SIGHUP)
        until(lambda event=event, told=told: len(server.events(event)) >= told)
    report = load.stop()
    assert report.wrong == 0
    assert set(report.statuses) == {200}
    assert server.events("model_refused")
