"""Lines wait here for the one thread of this process that reads them, and are read together with others of
their width. Knows nothing of HTTP, pictures, models or caches.

The thread never waits for company: as soon as it is free it takes what is there, so a lone line is read at
once, and batches grow by themselves while the thread is busy. Lines of one width bucket and one reader form a
batch. The fullest bucket goes first, unless the oldest line has waited for `max_delay`: then its bucket does.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from crnn.recognizer import Reading
from serve.errors import ClientGone, DeadlinePassed, NotReady, TooBusy

ReadMany = Callable[[Sequence[np.ndarray]], list[Reading]]


def _always() -> bool:
    return True


@dataclass(eq=False)
class Line:
    """One line on its way to the reader.

    Attributes:
        image: uint8 (H, W) or (H, W, 3).
        read_many: reads it, beside lines that are to be read alike; called by the queue's thread alone.
        width: lines of equal widths can be read together.
        deadline: `time.monotonic()` after which nobody waits for it.
        wanted: asked once before reading; False when the client has gone.
        reading: the result, or the error, or cancelled.
    """

    image: np.ndarray
    read_many: ReadMany
    width: int
    deadline: float
    wanted: Callable[[], bool] = _always
    queued_at: float = field(default_factory=time.monotonic)
    reading: Future[Reading] = field(default_factory=Future)


class LineQueue:
    """A bounded queue of lines and the thread that reads them.

    Args:
        max_batch: lines a batch may hold.
        max_delay: seconds after which the oldest line goes first.
        max_lines: lines that may wait.
        on_batch: told the size of each batch, the seconds its lines waited and the seconds reading took.
    """

    def __init__(
        self,
        *,
        max_batch: int,
        max_delay: float,
        max_lines: int,
        on_batch: Callable[[Sequence[float], float], None] = lambda waits, seconds: None,
    ) -> None:
        self._max_batch = max_batch
        self._max_delay = max_delay
        self._max_lines = max_lines
        self._on_batch = on_batch
        self._buckets: defaultdict[tuple[ReadMany, int], deque[Line]] = defaultdict(deque)
        self._waiting = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Lines that wait."""
        return self._waiting

    @property
    def alive(self) -> bool:
        """Whether somebody reads what is queued."""
        return self._thread.is_alive()

    def submit(self, lines: Sequence[Line]) -> None:
        """Queue all of `lines` or none.

        Raises:
            TooBusy: there is no room. An empty queue takes any number, or a large page could never be read.
            NotReady: the queue is closed.
        """
        with self._changed:
            if self._closed:
                raise NotReady("the server is shutting down", code="draining")
            if self._waiting and self._waiting + len(lines) > self._max_lines:
                raise TooBusy("the server is busy: try again in a moment")
            for line in lines:
                self._buckets[line.read_many, line.width].append(line)
            self._waiting += len(lines)
            self._changed.notify()

    def close(self) -> None:
        """Read what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._take():
            started = time.monotonic()
            self._read([line for line in batch if _still_wanted(line, started)])

    def _take(self) -> list[Line]:
        """The next batch; empty only when the queue is closed and nothing waits."""
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return []
                self._changed.wait()
            lines = self._next_bucket()
            batch = [lines.popleft() for _ in range(min(len(lines), self._max_batch))]
            if not lines:
                del self._buckets[batch[0].read_many, batch[0].width]
            self._waiting -= len(batch)
            return batch

    def _next_bucket(self) -> deque[Line]:
        oldest = min(self._buckets.values(), key=lambda lines: lines[0].queued_at)
        if time.monotonic() - oldest[0].queued_at >= self._max_delay:
            return oldest
        return max(self._buckets.values(), key=lambda lines: min(len(lines), self._max_batch))

    def _read(self, batch: list[Line]) -> None:
        if not batch:
            return
        started = time.monotonic()
        try:
            readings = batch[0].read_many([line.image for line in batch])
        except Exception as error:  # whatever it was, somebody waits to be told, and the thread must live
            if len(batch) == 1:
                batch[0].reading.set_exception(error)
            else:
                for line in batch:  # only the line at fault is to fail
                    self._read([line])
            return
        self._on_batch([started - line.queued_at for line in batch], time.monotonic() - started)
        for line, reading in zip(batch, readings, strict=True):
            line.reading.set_result(reading)


def _still_wanted(line: Line, now: float) -> bool:
    """Whether to read `line`; if not, its future is told why."""
    if not line.reading.set_running_or_notify_cancel():
        return False
    if line.deadline <= now:
        line.reading.set_exception(DeadlinePassed("the deadline passed while the line was waiting"))
        return False
    if not line.wanted():
        line.reading.set_exception(ClientGone("the client has gone"))
        return False
    return True
