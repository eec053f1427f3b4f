"""Lines wait here for the one thread of this process that reads them, and are read together with others of their width.

The thread never waits for company: as soon as it is free it takes what is there, so a lone line is read at once, and
batches grow by themselves while the thread is busy.

Requests take turns. The lines of each are dealt into rounds, a batch's worth in each, and round after round is read: a
page of hundreds of lines delays others by its share of a round or two. Within a round, lines of one width bucket and
one reader form a batch. The fullest bucket goes first, unless the oldest line has waited for `max_delay`: then its
bucket does.

A request that could not be read in time, or would keep another from it, is refused as it comes (see `forecast`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from crnn.recognizer import Reading
from serve.base.errors import BUSY, NotReady, RequestError, TooBusy
from serve.engine.forecast import Forecast, Waiting
from serve.engine.patience import Patience

ReadMany = Callable[[Sequence[np.ndarray]], list[Reading]]


class Abandoned(Exception):
    """Nobody waits any longer for any of the lines that are being read."""


@dataclass(eq=False)
class Line:
    """One line on its way to the reader.

    Attributes:
        image: uint8 (H, W) or (H, W, 3).
        read_many: reads it, beside lines that are to be read alike; called by the queue's thread alone.
        width: lines of equal widths can be read together.
        patience: how long it is waited for.
        cost: of reading it, in lines of the usual width.
        reading: the result, or the error, or cancelled.
    """

    image: np.ndarray
    read_many: ReadMany
    width: int
    patience: Patience
    cost: float = 1.0
    queued_at: float = field(default_factory=time.monotonic)
    reading: Future[Reading] = field(default_factory=Future)


Buckets = dict[tuple[ReadMany, int], deque[Line]]


class LineQueue:
    """A bounded queue of lines and the thread that reads them.

    Args:
        max_batch: lines a batch may hold; also what it may cost, so that long lines are read by themselves.
        max_delay: seconds after which the oldest line goes first.
        max_lines: lines that may wait.
        max_bytes: of pixels that may wait.
        on_batch: told the size of each batch, the seconds its lines waited and the seconds reading took.
    """

    def __init__(
        self,
        *,
        max_batch: int,
        max_delay: float,
        max_lines: int,
        max_bytes: int,
        on_batch: Callable[[Sequence[float], float], None] = lambda waits, seconds: None,
    ) -> None:
        self._max_batch = max_batch
        self._max_delay = max_delay
        self._max_lines = max_lines
        self._max_bytes = max_bytes
        self._on_batch = on_batch
        self._rounds: dict[int, Buckets] = {}
        self._requests: dict[Line, Waiting] = {}  # of each line that waits
        self._forecast = Forecast()
        self._round = 0  # the last one that was read of
        self._waiting = 0
        self._bytes = 0  # of the pixels of those that wait
        self._in_hand: list[Line] = []  # those that are being read
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
        """Queue all of `lines`, which are one request's and share its patience, or none.

        Raises:
            TooBusy: there is no room, or no time. An empty queue takes any number, or a large page could never be read.
            TooLarge: there would be no time even if nothing else waited.
            NotReady: the queue is closed.
        """
        size = sum(line.image.nbytes for line in lines)
        with self._changed:
            if self._closed:
                raise NotReady("the server is shutting down", code="draining")
            full = self._waiting + len(lines) > self._max_lines or self._bytes + size > self._max_bytes
            if self._waiting and full:
                raise TooBusy(BUSY)
            if not lines:
                return
            request = Waiting(lines[0].patience, sum(line.cost for line in lines))
            self._forecast.check(request, set(self._requests.values()))
            cost = 0.0
            for line in sorted(lines, key=lambda line: line.width):  # so that a round holds lines of few widths
                turn = self._round + 1 + int(cost // self._max_batch)
                self._rounds.setdefault(turn, {}).setdefault((line.read_many, line.width), deque()).append(line)
                self._requests[line] = request
                cost += line.cost
            self._waiting += len(lines)
            self._bytes += size
            self._changed.notify()

    def withdraw(self, lines: Sequence[Line]) -> None:
        """Make room for others: nobody waits any longer for those of `lines` that have not been read yet."""
        gone = {line for line in lines if line.reading.cancel()}
        if not gone:
            return
        with self._changed:
            gone &= self._requests.keys()
            for turn, buckets in list(self._rounds.items()):
                kept = {key: deque(line for line in bucket if line not in gone) for key, bucket in buckets.items()}
                self._rounds[turn] = {key: bucket for key, bucket in kept.items() if bucket}
                if not self._rounds[turn]:
                    del self._rounds[turn]
            self._leave(gone)

    def close(self) -> None:
        """Read what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def check(self) -> None:
        """To be called while lines are read, by what reads them.

        Raises:
            Abandoned: nobody waits for them any longer.
        """
        if self._in_hand and all(_refusal(line) for line in self._in_hand):
            raise Abandoned

    def _run(self) -> None:
        while batch := self._take():
            self._read([line for line in batch if _still_wanted(line)])

    def _take(self) -> list[Line]:
        """The next batch; empty only when the queue is closed and nothing waits."""
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return []
                self._changed.wait()
            self._round = min(self._rounds)
            buckets = self._rounds[self._round]
            lines = self._next_bucket(buckets)
            batch = [lines.popleft()]
            room = self._max_batch - batch[0].cost
            while lines and len(batch) < self._max_batch and lines[0].cost <= room:
                batch.append(lines.popleft())
                room -= batch[-1].cost
            if not lines:
                del buckets[batch[0].read_many, batch[0].width]
            if not buckets:
                del self._rounds[self._round]
            self._leave(batch)
            return batch

    def _leave(self, lines: Collection[Line]) -> None:
        """`lines` wait no longer."""
        for line in lines:
            self._requests.pop(line).cost -= line.cost
        self._waiting -= len(lines)
        self._bytes -= sum(line.image.nbytes for line in lines)

    def _next_bucket(self, buckets: Buckets) -> deque[Line]:
        oldest = min(buckets.values(), key=lambda lines: lines[0].queued_at)
        if time.monotonic() - oldest[0].queued_at >= self._max_delay:
            return oldest
        return max(buckets.values(), key=lambda lines: min(len(lines), self._max_batch))

    def _read(self, batch: list[Line]) -> None:
        if not batch:
            return
        started = time.monotonic()
        self._in_hand = batch
        try:
            readings = batch[0].read_many([line.image for line in batch])
        except Abandoned:
            for line in batch:
                line.reading.set_exception(_refusal(line) or Abandoned())
            return
        except Exception as error:  # whatever it was, somebody waits to be told, and the thread must live
            if len(batch) == 1:
                batch[0].reading.set_exception(error)
            else:
                for line in batch:  # only the line at fault is to fail
                    self._read([line])
            return
        finally:
            self._in_hand = []
        took = time.monotonic() - started
        self._on_batch([started - line.queued_at for line in batch], took)
        with self._changed:
            self._forecast.learn(took, sum(line.cost for line in batch))
        for line, reading in zip(batch, readings, strict=True):
            line.reading.set_result(reading)


def _still_wanted(line: Line) -> bool:
    """Whether to read `line`; if not, its future is told why."""
    if not line.reading.set_running_or_notify_cancel():
        return False
    refusal = _refusal(line)
    if refusal is not None:
        line.reading.set_exception(refusal)
    return refusal is None


def _refusal(line: Line) -> RequestError | None:
    """Why `line` need not be read any longer; None if it must."""
    try:
        line.patience.check()
    except RequestError as error:
        return error
    return None
