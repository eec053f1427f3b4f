"""A real server in processes of its own, on a free port of this machine."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from serve.engine.corrections import FILE
from tests.barcode import FINDER
from tests.serve.conftest import png

ROOT = Path(__file__).parents[2]
PATIENCE = 240  # seconds; the machine may be busy with other work


class RunningServer:
    """`python -m serve` until the end of the `with` block; a finder of bars beside the model is used with it.

    Attributes:
        url: where it answers.
        state: its state folder.
    """

    def __init__(self, folder: Path, model: Path, folder_of_code: Path = ROOT, **settings: object) -> None:
        self.state = folder / "state"
        finder = model.with_name(FINDER)
        beside = {"finder": finder} if finder.is_file() else {}
        variables = {"model": model, **beside, "state_dir": self.state, "port": 0, "watch_seconds": 0.2, **settings}
        environment = {f"OCR_{name.upper()}": str(value) for name, value in variables.items()}
        self._json_lines: list[str] = []
        self.other_output: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "serve"],
            cwd=folder_of_code,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_output)
        self._reader.start()

    def __enter__(self) -> RunningServer:
        try:
            until(lambda: self.events("ready") or self.process.poll() is not None)
            ready = self.events("ready")[0]
            self.url = ready["address"]
            # A client that came before the last worker would stay with the first for as long as its connection lives.
            until(lambda: len(self.events("worker_ready")) >= ready["workers"] or self.process.poll() is not None)
        except (AssertionError, IndexError):
            self.stop()
            raise AssertionError("the server did not start: " + "".join(self.other_output)) from None
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                if line.startswith("{"):
                    self._json_lines.append(line)  # parsed when asked for: load tests share the cores with us
                else:
                    self.other_output.append(line)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The JSON lines it wrote."""
        return [json.loads(line) for line in list(self._json_lines)]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's lines of event `name`."""
        lines = [json.loads(line) for line in list(self._json_lines) if '"event"' in line]
        return [line for line in lines if line.get("event") == name]

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        return children(self.process.pid)

    def get(self, path: str) -> Any:
        """The JSON at `path`."""
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as reply:
            return json.load(reply)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask the server to end, wait for it, and give its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._reader.join()


class FullServer:
    """A server's one place is held by a correction that waits for the file of corrections until `release`."""

    def __init__(self, server: RunningServer) -> None:
        address = urlsplit(server.url)
        self.address = (address.hostname or "", address.port or 0)
        self._file = server.state / FILE

    def __enter__(self) -> FullServer:
        self._lock = sqlite3.connect(self._file, isolation_level=None)
        self._lock.execute("PRAGMA journal_mode = WAL")
        self._lock.execute("BEGIN IMMEDIATE")
        body = json.dumps({"image_base64": base64.b64encode(png("ab")).decode(), "text": "ab"})
        self._holder = http.client.HTTPConnection(*self.address)
        self._holder.request("POST", "/api/v1/corrections", body, {"Content-Type": "application/json"})
        until(lambda: "ocr_pending_requests 1.0" in self.metrics())
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()
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
        self._lock.execute("ROLLBACK")
        assert self._holder.getresponse().status == 201
        until(lambda: "ocr_pending_requests 0.0" in self.metrics())


def children(pid: int) -> list[int]:
    """Process ids of what `pid` started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processor_seconds(pids: list[int]) -> float:
    """Processor time that the processes have used."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(user) + int(system) for user, system in (each[11:13] for each in fields)) / os.sysconf("SC_CLK_TCK")


def memory(pids: list[int]) -> float:
    """Megabytes that the processes hold for themselves alone (proportional set size)."""
    kilobytes = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024


def most_memory(pid: int) -> float:
    """Megabytes that the process held at most, what it shares with others included."""
    (kilobytes,) = (row.split()[1] for row in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in row)
    return int(kilobytes) / 1024


def open_files(pids: list[int]) -> int:
    """File descriptors that the processes hold."""
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
