"""The queue: what is read together, in which order, and who is told what."""

import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from crnn.recognizer import Reading
from serve.base.errors import ClientGone, DeadlinePassed, NotReady, TooBusy, TooLarge
from serve.engine.batching import Line, LineQueue
from serve.engine.forecast import Forecast, Waiting
from serve.engine.patience import GRACE_SECONDS, Draining, Patience


class Reader:
    """Reads a line as its first pixel; waits at the gate before each batch and remembers the batches."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, images: Sequence[np.ndarray]) -> list[Reading]:
        self.gate.wait(10)
        values = [int(image[0, 0]) for image in images]
        self.batches.append(values)
        if 13 in values:
            raise RuntimeError("13 cannot be read")
        return [Reading(str(value), 1.0, ()) for value in values]

    def line(self, value: int, width: int = 32, patience: Patience | None = None, cost: float = 1.0) -> Line:
        """A line for this reader."""
        return Line(np.full((8, 8), value, np.uint8), self, width, patience or Patience(60), cost)


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def queue(reader: Reader) -> Iterator[LineQueue]:
    queue = LineQueue(max_batch=3, max_delay=60, max_lines=6, max_bytes=1000)
    yield queue
    reader.gate.set()
    queue.close()


def hold(queue: LineQueue, reader: Reader) -> Line:
    """A line that the reader has taken and stands with before its gate."""
    first = reader.line(0, width=999)
    queue.submit([first])
    while len(queue):
        time.sleep(0.001)
    return first


def test_a_lone_line_is_read_at_once(queue: LineQueue, reader: Reader) -> None:
    reader.gate.set()
    lone = reader.line(7)
    queue.submit([lone])
    assert lone.reading.result(10).text == "7"


def test_lines_of_one_width_are_read_together_and_the_fullest_first(queue: LineQueue, reader: Reader) -> None:
    hold(queue, reader)
    lines = [reader.line(1, 64), reader.line(2, 32), reader.line(3, 32), reader.line(4, 32), reader.line(5, 32)]
    queue.submit(lines)
    reader.gate.set()
    assert [one.reading.result(10).text for one in lines] == ["1", "2", "3", "4", "5"]
    assert reader.batches == [[0], [2, 3, 4], [5], [1]]


def test_lines_for_different_readers_are_never_read_together(queue: LineQueue, reader: Reader) -> None:
    other = Reader()
    other.gate.set()
    hold(queue, reader)
    lines = [reader.line(1), other.line(2), reader.line(3)]
    queue.submit(lines)
    reader.gate.set()
    assert [one.reading.result(10).text for one in lines] == ["1", "2", "3"]
    assert (reader.batches, other.batches) == ([[0], [1, 3]], [[2]])


def test_the_oldest_goes_first_once_it_has_waited_long_enough(reader: Reader) -> None:
    queue = LineQueue(max_batch=3, max_delay=0, max_lines=6, max_bytes=1000)
    hold(queue, reader)
    lines = [reader.line(1, 64), reader.line(2, 32), reader.line(3, 32)]
    queue.submit(lines)
    reader.gate.set()
    queue.close()
    assert reader.batches == [[0], [1], [2, 3]]


def test_a_full_queue_refuses_all_or_nothing(queue: LineQueue, reader: Reader) -> None:
    hold(queue, reader)
    queue.submit([reader.line(1) for _ in range(4)])
    with pytest.raises(TooBusy) as refusal:
        queue.submit([reader.line(2) for _ in range(3)])
    assert refusal.value.retry_after == 1
    assert len(queue) == 4


def test_an_empty_queue_takes_a_page_of_any_size(queue: LineQueue, reader: Reader) -> None:
    hold(queue, reader)
    page = [reader.line(value) for value in range(1, 10)]
    queue.submit(page)
    reader.gate.set()
    assert [one.reading.result(10).text for one in page] == [str(value) for value in range(1, 10)]


def new_queue() -> LineQueue:
    return LineQueue(max_batch=3, max_delay=60, max_lines=1000, max_bytes=1_000_000)


def slow_page(lines: int, patience: Patience) -> list[Line]:
    """A page that takes 20 ms a line."""

    def read_slowly(images: Sequence[np.ndarray]) -> list[Reading]:
        time.sleep(0.02 * len(images))
        return [Reading("read", 1.0, ()) for _ in images]

    return [Line(np.zeros((8, 8), np.uint8), read_slowly, 32, patience) for _ in range(lines)]


@pytest.fixture
def slow_queue() -> Iterator[LineQueue]:
    """A queue that knows how long slow pages take."""
    queue = new_queue()
    measured = slow_page(15, Patience(60))
    queue.submit(measured)
    assert texts(measured) == ["read"] * 15
    yield queue
    queue.close()


def texts(lines: Sequence[Line]) -> list[str]:
    """What they say, once they have been read."""
    return [line.reading.result(10).text for line in lines]


def test_a_request_that_would_be_late_or_make_another_late_is_refused_at_once(slow_queue: LineQueue) -> None:
    long = slow_page(60, Patience(2))  # takes 1.2 s, or with the margin 1.6 s
    slow_queue.submit(long)
    with pytest.raises(TooBusy) as late:  # alone it would end in time
        slow_queue.submit(slow_page(60, Patience(2)))
    assert late.value.retry_after >= 2
    with pytest.raises(TooBusy):  # it would end in time, but the first no longer
        slow_queue.submit(slow_page(60, Patience(60)))
    short = slow_page(3, Patience(2))
    slow_queue.submit(short)
    assert texts([*short, *long]) == ["read"] * 63


def test_a_request_that_is_late_anyway_keeps_nobody_out() -> None:
    queue = new_queue()
    late = slow_page(90, Patience(0.5))
    queue.submit(late)  # how long lines take is not known yet
    late[0].reading.result(10)
    patient = slow_page(6, Patience(60))
    queue.submit(patient)
    assert texts(patient) == ["read"] * 6
    queue.close()


def test_a_request_that_would_be_late_by_itself_is_too_large(slow_queue: LineQueue) -> None:
    with pytest.raises(TooLarge, match=r"about 3\.\d seconds, and [12]\.\d are left") as late:
        slow_queue.submit(slow_page(120, Patience(2)))
    assert late.value.code == "too_much_text"


def test_a_server_that_was_once_held_up_reads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    forecast, now = Forecast(), time.monotonic()
    request = Waiting(Patience(5), 1.0)
    for _ in range(4):
        forecast.learn(60, 1.0)
    forecast.check(request, ())  # so few may be those of a cold start
    forecast.learn(60, 1.0)
    with pytest.raises(TooLarge):
        forecast.check(request, ())
    patient = Waiting(Patience(50), 1.0)
    monkeypatch.setattr(time, "monotonic", lambda: now + 31)
    forecast.check(patient, ())


def test_requests_that_were_given_up_keep_nobody_out(slow_queue: LineQueue) -> None:
    given_up = slow_page(400, Patience(60))
    slow_queue.submit(given_up)
    with pytest.raises(TooBusy):
        slow_queue.submit(slow_page(20, Patience(1)))
    slow_queue.withdraw(given_up)
    assert len(slow_queue) == 0
    wanted = slow_page(20, Patience(1))
    slow_queue.submit(wanted)
    assert texts(wanted) == ["read"] * 20


def test_lines_that_were_given_up_leave_the_others_where_they_were(queue: LineQueue, reader: Reader) -> None:
    first = hold(queue, reader)
    lines = [reader.line(number) for number in range(1, 7)]
    queue.submit(lines)
    with pytest.raises(TooBusy):  # there is room for six
        queue.submit([reader.line(7)])
    queue.withdraw([first, *lines[:4]])
    queue.submit([reader.line(7)])
    reader.gate.set()
    assert texts([first, *lines[4:]]) == ["0", "5", "6"]
    queue.close()
    assert sorted(reader.batches) == [[0], [5, 6], [7]]


def test_only_the_line_at_fault_fails(queue: LineQueue, reader: Reader) -> None:
    hold(queue, reader)
    lines = [reader.line(12), reader.line(13), reader.line(14)]
    queue.submit(lines)
    reader.gate.set()
    assert (lines[0].reading.result(10).text, lines[2].reading.result(10).text) == ("12", "14")
    with pytest.raises(RuntimeError, match="13 cannot be read"):
        lines[1].reading.result(10)


def test_nobody_reads_what_nobody_waits_for(queue: LineQueue, reader: Reader) -> None:
    hold(queue, reader)
    late = reader.line(1, patience=Patience(-1))
    gone = reader.line(2, patience=Patience(60, wanted=lambda: False))
    cancelled, wanted = reader.line(3), reader.line(4)
    queue.submit([late, gone, cancelled, wanted])
    cancelled.reading.cancel()
    reader.gate.set()
    assert wanted.reading.result(10).text == "4"
    assert isinstance(late.reading.exception(10), DeadlinePassed)
    assert isinstance(gone.reading.exception(10), ClientGone)
    assert reader.batches == [[0], [4]]


def test_a_closed_queue_reads_what_waits_and_takes_no_more(queue: LineQueue, reader: Reader) -> None:
    hold(queue, reader)
    waiting = reader.line(1)
    queue.submit([waiting])
    reader.gate.set()
    queue.close()
    assert waiting.reading.result(0).text == "1"
    with pytest.raises(NotReady):
        queue.submit([reader.line(2)])


def test_a_page_of_many_lines_lets_others_have_their_turn(reader: Reader) -> None:
    queue = LineQueue(max_batch=3, max_delay=60, max_lines=100, max_bytes=100_000)
    hold(queue, reader)
    page = [reader.line(20 + number, width=number % 5) for number in range(60)]
    queue.submit(page)
    lone = reader.line(1, width=7)
    queue.submit([lone])
    reader.gate.set()
    assert lone.reading.result(10).text == "1"
    queue.close()
    assert [1] in reader.batches[:7], "it waits for its share of a round, not for the page"
    assert all(line.reading.done() for line in page)


def test_long_lines_are_not_read_together(queue: LineQueue, reader: Reader) -> None:
    hold(queue, reader)
    queue.submit([reader.line(value, cost=cost) for value, cost in ((1, 2.5), (2, 2.5), (3, 0.2), (4, 0.2))])
    reader.gate.set()
    queue.close()
    assert reader.batches == [[0], [1], [2], [3, 4]]


def test_pixels_that_wait_are_bounded(queue: LineQueue, reader: Reader) -> None:
    hold(queue, reader)
    large = np.zeros((10, 60), np.uint8)
    queue.submit([Line(large, reader, 32, Patience(60))])
    with pytest.raises(TooBusy):
        queue.submit([Line(large, reader, 32, Patience(60))])


def test_reading_stops_when_nobody_waits_any_longer(queue: LineQueue) -> None:
    begun, gone = threading.Event(), threading.Event()

    def read_piece_by_piece(images: Sequence[np.ndarray]) -> list[Reading]:
        begun.set()
        for _ in range(1000):
            time.sleep(0.01)
            queue.check()
        raise AssertionError("read to the end")

    line = Line(np.zeros((8, 8), np.uint8), read_piece_by_piece, 32, Patience(60, lambda: not gone.is_set()))
    queue.submit([line])
    assert begun.wait(10)
    gone.set()
    assert isinstance(line.reading.exception(5), ClientGone)


def test_patience_ends_with_the_deadline_the_client_or_the_server() -> None:
    draining = Draining()
    patience = Patience(60, draining=draining)
    patience.check()
    draining.set()
    patience.check()
    assert 0 < patience.left() <= GRACE_SECONDS
    draining.since -= GRACE_SECONDS
    with pytest.raises(NotReady):
        patience.check()
    with pytest.raises(DeadlinePassed):
        Patience(0).check()
    with pytest.raises(ClientGone):
        Patience(60, lambda: False).check()
