"""Sends random pictures through the server and the command line: what each costs at most, and what is answered."""

from __future__ import annotations

import itertools
import resource
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from tests.load.client import Task, closed_loop, multipart
from tests.load.pictures import FILES, pictures
from tests.serve.running import ROOT, RunningServer, most_memory, processor_seconds

# `python -m crnn`, which says at its end how much memory it took at most: what the system counts for children includes
# what their parent held when they were started.
COMMAND = """
import sys
from crnn.__main__ import main
code = main(sys.argv[1:])
sys.stdout.flush()
print(next(row for row in open("/proc/self/status") if row.startswith("VmHWM")), end="", file=sys.stderr)
sys.exit(code)
"""
DRAWN = 44  # pictures at a time; the huge ones among them take up to 72 MB each
OPTIONS = '{"cache": false, "chars": true}'


@dataclass
class Findings:
    """What random pictures cost.

    Attributes:
        seconds: of a processor, by kind: of each request when it comes alone.
        statuses: of the answers, those of requests that came many at a time included.
        memory: MB that a worker held at most.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[int] = field(default_factory=Counter)
    memory: float = 0.0

    @property
    def worst(self) -> dict[str, float]:
        return {kind: max(of) for kind, of in self.seconds.items()}


def through_server(server: RunningServer, count: int, seed: int, clients: int = 4) -> Findings:
    """Half of `count` pictures one by one, their processor time taken, then half by several clients at a time."""
    found, workers = Findings(), server.workers()
    for kind, picture in pictures(count // 2, seed):
        before = processor_seconds(workers)
        report = uvloop.run(closed_loop(server.url, iter([_task(picture)]), 1, 60))
        found.seconds[kind].append(processor_seconds(workers) - before)
        found.statuses += report.statuses
    together = pictures(count - count // 2, seed + 1)
    # Drawn before they are sent: a client that draws meanwhile is too slow for the server, which then hangs up on it.
    while tasks := [_task(picture) for _, picture in itertools.islice(together, DRAWN)]:
        found.statuses += uvloop.run(closed_loop(server.url, iter(tasks), clients, 3600)).statuses
    assert server.workers() == workers, "a worker died"
    found.memory = max(map(most_memory, workers))
    return found


def _task(picture: bytes) -> Task:
    return Task(multipart(picture, options=OPTIONS))


@dataclass
class Command:
    """What the command line did with some pictures.

    Attributes:
        code: its exit code.
        errors: rows of its standard error.
        seconds: of a processor, for a picture.
    """

    code: int
    errors: list[str]
    seconds: float


def through_command(count: int, seed: int, at_once: int = 20) -> tuple[list[Command], float]:
    """Calls of the command line with `at_once` pictures each, and the MB that one of them held at most."""
    calls, megabytes = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, (kind, picture) in enumerate(pictures(count, seed)):
            paths.append(Path(folder) / f"{number}-{kind}.{FILES[number % len(FILES)]}")
            paths[-1].write_bytes(picture)
        for begin in range(0, count, at_once):
            some = paths[begin : begin + at_once]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(
                [sys.executable, "-c", COMMAND, "--json", *some], cwd=ROOT, capture_output=True, text=True, check=False
            )
            *errors, most = done.stderr.splitlines()
            megabytes = max(megabytes, int(most.split()[1]) / 1024)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            calls.append(Command(done.returncode, errors, used / len(some)))
    return calls, megabytes
