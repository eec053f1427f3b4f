"""Runs `crnn bulk` as a program on either engine, and kills parts of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).parent.parent.parent
TIMEOUT = 180  # seconds


@dataclass
class Engine:
    """One of the engines, and what its programs need in their environment."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    cluster: Any = None  # ray.cluster_utils.Cluster

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start the command with two workers."""
        command = [sys.executable, "-m", "crnn", "bulk", *map(str, arguments), "--engine", self.name, "--jobs", "2"]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        environment = {**os.environ, **self.environment, "PYTHONPATH": path}
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)

    def run(self, *arguments: object) -> tuple[int, str]:
        """Exit code, and what was said on standard error."""
        process = self.start(*arguments)
        err = process.communicate(timeout=TIMEOUT)[1]
        return process.returncode, err

    def workers(self, program: int) -> list[int]:
        """Processes that a `program` reads in: its own children, or actors of the cluster that is a child of ours."""
        if self.name == "pool":
            return [pid for pid, line in descendants(program) if b"crnn.parallel.worker" in line]
        return [pid for pid, line in descendants(os.getpid()) if line.startswith(b"ray::") and b"ReadShard" in line]


def descendants(of: int) -> Iterator[tuple[int, bytes]]:
    """Number and command line of the processes that stem from one (Linux)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            line = stat.with_name("cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if parent == of:
            pid = int(stat.parent.name)
            yield pid, line
            yield from descendants(pid)


def draw(folder: Path, count: int, damaged: tuple[int, ...] = ()) -> Path:
    """Small pictures with a number on each, some of them cut short."""
    folder.mkdir()
    for number in range(count):
        image = np.full((120, 320, 3), 255, np.uint8)
        cv2.putText(image, f"number {number}", (20, 70), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
        data = cv2.imencode(".png", image)[1].tobytes()
        (folder / f"{number:03}.png").write_bytes(data[: len(data) // 3] if number in damaged else data)
    return folder


def read_table(folder: Path) -> list[dict[str, Any]]:
    """The rows of a table, by path and page."""
    import pyarrow.parquet

    rows = [row for file in folder.glob("*.parquet") for row in pyarrow.parquet.read_table(file).to_pylist()]
    return sorted(rows, key=lambda row: (row["path"], row["page"]))


def check(rows: list[dict[str, Any]], folder: Path, damaged: tuple[int, ...]) -> None:
    """Each picture has one row, with its number or its error."""
    assert Counter(row["path"] for row in rows) == Counter(map(str, folder.iterdir()))
    for number, row in enumerate(rows):
        if number in damaged:
            assert (row["page"], row["text"]) == (0, "") and "cut short" in row["error"]
        else:
            assert (row["page"], row["text"], row["error"]) == (1, f"number {number}", "")
            assert [line["text"] for line in json.loads(row["lines"])] == [row["text"]] and row["confidence"] > 0.8


def wait_for(condition: Any, what: str) -> Any:
    """What `condition` gives when it is true."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come about")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
