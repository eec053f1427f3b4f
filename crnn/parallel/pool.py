"""A pool of processes, each on a core of its own, for work that must not be lost when one of them dies.

Processes are started anew, not forked: sessions and threads must not cross a fork. They do not import the main module,
so that scripts need no guard and notebooks work.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from crnn.core.cpus import available_cpus
from crnn.core.errors import UserError
from crnn.parallel.pipes import receive, send

log = logging.getLogger("crnn.bulk")

AHEAD = 8  # items a worker that may be on their way or wait for a slower one before them
CLOSED = "the pool of worker processes is closed"
ATTEMPTS = 2  # an item that kills as many workers is given up


@dataclass(frozen=True)
class Outcome:
    """What became of one item.

    Attributes:
        index: its place among the items.
        value: what the function returned.
        error: what went wrong, in one sentence; "" where nothing did.
    """

    index: int
    value: Any = None
    error: str = ""


class WorkerPool:
    """Applies `function`, which can be pickled, to items in `jobs` processes (by default one a core).

    The processes start with the first item and stay until `close`, or the end of the `with` block. If `pinned`, each
    has a core of its own; not for where other pools share the machine.
    """

    def __init__(self, function: Callable[[Any], Any], jobs: int | None = None, pinned: bool = True) -> None:
        self.jobs = jobs or available_cpus()
        self._pinned = pinned
        self._function = pickle.dumps(function)
        self._todo: SimpleQueue[_Task | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._maps: dict[int, SimpleQueue[Outcome | UserError]] = {}  # of those that are under way
        self._closed = False

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def map(self, items: Iterable[Any], ordered: bool = True) -> Iterator[Outcome]:
        """The outcome of each item, in their order or as they are done. Items are taken as they are needed.

        Several may be under way; they share the workers.

        A worker that dies costs time: its item is given to another one, `ATTEMPTS` times at most.

        Raises:
            UserError: workers cannot be started.
        """
        done: SimpleQueue[Outcome | UserError] = SimpleQueue()
        self._start(done)
        try:
            yield from self._map(iter(items), done, ordered)
        finally:
            self._maps.pop(id(done), None)

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        with self._lock:
            self._closed = True
        for done in list(self._maps.values()):
            done.put(UserError(CLOSED))
        for _ in self._threads:
            self._todo.put(None)
        for process in list(self._processes.values()):
            with suppress(OSError):
                process.kill()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _start(self, done: SimpleQueue[Outcome | UserError]) -> None:
        with self._lock:
            if self._closed:
                raise UserError(CLOSED)
            self._maps[id(done)] = done
            for place in range(len(self._threads), self.jobs):
                thread = threading.Thread(target=self._serve, args=(place,), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _map(self, items: Iterator[Any], done: SimpleQueue[Outcome | UserError], ordered: bool) -> Iterator[Outcome]:
        waiting: dict[int, Outcome] = {}
        sent = received = yielded = 0
        cancelled = threading.Event()
        try:
            exhausted = False
            while True:
                while not exhausted and sent - yielded < AHEAD * self.jobs:
                    try:
                        item = next(items)
                    except StopIteration:
                        exhausted = True
                        break
                    self._todo.put(_Task(sent, item, done, cancelled))
                    sent += 1
                if received == sent:
                    return
                outcome = done.get()
                if isinstance(outcome, UserError):
                    raise outcome
                received += 1
                waiting[outcome.index] = outcome
                while waiting and (not ordered or yielded in waiting):
                    ready = waiting.pop(yielded if ordered else next(iter(waiting)))
                    yielded += 1
                    yield ready
        finally:
            cancelled.set()

    def _serve(self, place: int) -> None:
        """What the thread beside worker number `place` does: hand it items, wait for its answers, replace it."""
        worker: _Worker | None = None
        while (task := self._todo.get()) is not None and not self._closed:
            if task.cancelled.is_set():
                continue
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    if worker is None:
                        worker = _Worker(self._function, place if self._pinned else None)
                        self._processes[place] = worker.process
                        worker.wait_until_ready()
                    task.done.put(worker.outcome(task))
                    break
                except _Died as death:
                    worker = None
                    if self._closed:
                        return
                    log.warning("a worker has died (%s), attempt %d at its item", death, attempt)
                    if attempt == ATTEMPTS:
                        task.done.put(Outcome(task.index, error=f"the process that read it has died ({death})"))
                except UserError as error:
                    worker = None
                    task.done.put(error)
                    break
                except Exception as error:  # the item or its value cannot be sent
                    task.done.put(Outcome(task.index, error=f"{type(error).__name__}: {error}"))
                    break
        if worker is not None:
            worker.end()


@dataclass(frozen=True)
class _Task:
    index: int
    item: Any
    done: SimpleQueue[Outcome | UserError]
    cancelled: threading.Event


class _Died(Exception):
    """A worker has ended by itself; says how."""


class _Worker:
    """A process and the pipes to it."""

    def __init__(self, function: bytes, place: int | None) -> None:
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-m", "crnn.parallel.worker"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self._setup = (sys.path, cores[place % len(cores)] if cores and place is not None else None, function)

    def wait_until_ready(self) -> None:
        """Raise a `UserError` if it cannot work; `_Died` if something killed it while it started."""
        try:
            send(self._stdin, self._setup)
            problem = receive(self._stdout)
        except (EOFError, OSError):
            ending = self._ending()
            if self.process.returncode < 0:
                raise _Died(ending) from None
            raise UserError(f"worker processes cannot start ({ending}): see above") from None
        if problem:
            self.end()
            raise UserError(f"worker processes cannot start: {problem}")

    def outcome(self, task: _Task) -> Outcome:
        data = pickle.dumps(task.item, pickle.HIGHEST_PROTOCOL)  # here, where it is not mistaken for a death
        try:
            send(self._stdin, _Pickled(data))
            value, error, where = receive(self._stdout)
        except (EOFError, OSError):
            raise _Died(self._ending()) from None
        if where:
            log.error("item %d: %s", task.index, where)
        return Outcome(task.index, value, error)

    def end(self) -> None:
        """Let it end."""
        for pipe in (self._stdin, self._stdout):
            with suppress(OSError):
                pipe.close()
        self.process.wait()

    def _ending(self) -> str:
        self.end()
        code = self.process.returncode
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    @property
    def _stdin(self) -> Any:
        return self.process.stdin

    @property
    def _stdout(self) -> Any:
        return self.process.stdout


class _Pickled:
    """Sends what is pickled already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        return pickle.loads, (self._data,)
