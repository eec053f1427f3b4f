"""gunicorn's worker: one thread takes in whole requests and refuses what is too much, others answer what is let in.

A thread never waits for the network, so however slowly others send, whoever has sent a request is answered. What a
connection may take is bounded: its time (for the head, for the rest), its bytes, the number of all. Answers that do not
fit into the socket at once are sent on by the watching thread.

Under overload most requests are refused. From the bytes alone, on the thread that has them, that costs a fraction of
what gunicorn's threads, its parser and Flask would take for it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import select
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from gunicorn.workers.base import Worker

from serve.base.errors import BUSY, RequestError, TooBusy
from serve.process.answer import answer, asks_to_close, refusal
from serve.process.arrival import Arrival, Request
from serve.process.connection import Connection, State

if TYPE_CHECKING:  # gunicorn's own process must not load the application
    from serve.middleware.admission import Gate

SLOWEST = 10_000  # bytes a second on average that a body must come with
LINGER_SECONDS, LINGER_BYTES = 10.0, 200_000_000  # taken in, unread, from who is still sending what was refused
GOODBYE_SECONDS = 2.0  # a worker that ends still answers what comes on connections it has promised to keep
LARGEST_READ = 262_144
MOST_BYTES = 128_000_000  # of requests, in a worker: those on their way and those that are being answered
SPARE_DESCRIPTORS = 256  # for files, the model and the libraries
EVICTED = 32  # connections that make room at once
# How long refusals may wait for each other. One by one they would interrupt the reader, and each would find the caches
# of its core full of a network's weights: that makes them three times as dear.
LOOK_SECONDS = 0.01
ACCEPTED = 64  # connections taken in at a look, so that those that are there have their turn
# A worker leaves a new connection to the others for so long for each it has, or one would get seven of eight: whoever
# wakes first takes all that are there.
LEFT_SECONDS, MOST_LEFT = 0.0002, 10

_ONCE = select.EPOLLONESHOT
_READ = select.EPOLLIN | select.EPOLLRDHUP | _ONCE


class WholeRequestWorker(Worker):
    """Holds as many requests as the gate has places (`wsgi.extensions["ocr_gate"]`), which words the refusals too."""

    alive: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gate: Gate
        self._patience: float  # seconds: of a request's headers, of a pause in its body, or in taking the answer
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}  # by descriptor; all but the held are the watching thread's
        self._held: set[Connection] = set()  # whose POST is in a thread, or on its way to one
        self._done: list[Connection] = []  # which their threads give back
        self._buffer = bytearray(
            LARGEST_READ
        )  # one for all: to allocate as much at each read takes longer than to read
        self._bytes, self._counting = 0, threading.Lock()
        self._refused: Counter[str] = Counter()  # paths, at this look
        self._answers: dict[tuple[str, bool], bytes] = {}  # to (path, whether it closes), at this look
        self._deaf_until = self._next_look = 0.0

    def init_process(self) -> None:
        """Make what a fork must not be crossed with, then load the application and run."""
        self._threads = ThreadPoolExecutor(self.cfg.threads)
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most = max(8, min(self.cfg.worker_connections, descriptors - min(SPARE_DESCRIPTORS, descriptors // 2)))
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application, and with it the gate that knows how many are let in and what the others are told."""
        super().load_wsgi()
        self._gate = self.wsgi.extensions["ocr_gate"]
        self._patience = self.wsgi.extensions["ocr"].config.patience_seconds
        self._most_bytes = max(MOST_BYTES, self._gate.largest_body + LARGEST_READ)

    def run(self) -> None:
        """Watch until told to end; then until what was accepted is answered."""
        self._epoll.register(self.PIPE[0], select.EPOLLIN)
        for listener in self.sockets:
            listener.setblocking(False)
            self._epoll.register(listener.fileno(), select.EPOLLIN)
        while self.alive and self.ppid == os.getppid():
            self._turn()
        for listener in self.sockets:
            with contextlib.suppress(OSError):  # it may be paused
                self._epoll.unregister(listener.fileno())
            listener.close()
        self.alive = False
        goodbye = time.monotonic() + GOODBYE_SECONDS
        ends = time.monotonic() + self.cfg.graceful_timeout
        while self._connections and time.monotonic() < ends:
            for connection in list(self._connections.values()):
                if connection.state in (State.IDLE, State.LINGERING):
                    connection.deadline = min(connection.deadline, goodbye)
            self._turn()
        self._threads.shutdown(wait=False)

    def _turn(self) -> None:
        """Look once at what has happened; no connection's failure is another's."""
        self.notify()
        if self._is_full():
            time.sleep(LOOK_SECONDS)
        listeners = {listener.fileno(): listener for listener in self.sockets} if self.alive else {}
        for descriptor, _ in self._epoll.poll(0.2 if self._deaf_until or not self.alive else 1.0):
            if descriptor in listeners:
                self._accept(listeners[descriptor])
            elif connection := self._connections.get(descriptor):
                self._guarded(connection)
            else:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.PIPE[0], 4096)
        while self._done:
            self._send(self._done.pop())
        if self._refused:
            for path, number in self._refused.items():
                self._gate.note(TooBusy(BUSY), path, number)
            self._refused.clear()
            self._answers.clear()
        self._look_at_the_clock()

    def _guarded(self, connection: Connection) -> None:
        try:
            self._on_event(connection)
        except Exception:
            self.log.exception("a connection from %s failed", connection.client)
            self._close(connection)

    # ---- connections -----------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        """Take in a connection at each look, so that the other workers get theirs; a full worker, all that wait."""
        full = self._is_full()
        if self.cfg.workers > 1 and not full:
            time.sleep(LEFT_SECONDS * min(len(self._connections), MOST_LEFT))
        for _ in range(ACCEPTED if full else 1):
            if len(self._connections) >= self._most:
                self._make_room()
            try:
                sock, client = listener.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS):
                    self._pause()
                return
            sock.setblocking(False)
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, client, listener.getsockname(), self._gate, self.cfg.keepalive)
            self._connections[sock.fileno()] = connection
            try:
                self._epoll.register(sock.fileno(), _READ)
            except OSError:
                self._close(connection)

    def _make_room(self) -> None:
        """Close those that have kept us waiting for longest; whoever has sent a request stays."""
        waiting = [c for c in list(self._connections.values()) if c.state in (State.IDLE, State.LINGERING)]
        waiting = waiting or [c for c in list(self._connections.values()) if c.state is not State.HELD]
        for connection in sorted(waiting, key=lambda c: c.begun)[:EVICTED]:
            self._close(connection)

    def _pause(self) -> None:
        """The process has no descriptor left: let go of some, and of new connections for a moment."""
        self._make_room()
        if not self._deaf_until:
            self.log.warning("no file descriptors are left: %d connections", len(self._connections))
            for listener in self.sockets:
                self._epoll.unregister(listener.fileno())
        self._deaf_until = time.monotonic() + 0.2

    def _close(self, connection: Connection) -> None:
        self._held.discard(connection)
        if self._connections.pop(connection.sock.fileno(), None) is not None:
            self._count(connection, 0)
            connection.sock.close()
            if connection.file is not None:
                connection.file.close()

    def _count(self, connection: Connection, size: int) -> None:
        with self._counting:
            self._bytes += size - connection.counted
            connection.counted = size

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        if self._deaf_until and now > self._deaf_until:
            self._deaf_until = 0.0
            for listener in self.sockets if self.alive else ():
                self._epoll.register(listener.fileno(), select.EPOLLIN)
        if now < self._next_look:
            return
        self._next_look = now + 0.5
        for connection in list(self._connections.values()):
            if connection.state is State.HELD or now < connection.deadline:
                continue
            if connection.state is State.ARRIVING:
                late = RequestError("the request did not arrive in time", code="request_timeout")
                late.status = 408
                self._turn_away(connection, late)
            else:
                self._close(connection)

    # ---- what comes ------------------------------------------------------------------------------------------

    def _on_event(self, connection: Connection) -> None:
        if connection.state is State.SENDING:
            self._send(connection)
            return
        try:
            count = connection.sock.recv_into(self._buffer)
        except BlockingIOError:
            self._watch(connection)
            return
        except OSError:
            count = 0
        if not count:
            self._close(connection)
        elif connection.state is State.LINGERING:
            connection.discarded += count
            self._close(connection) if connection.discarded > LINGER_BYTES else self._watch(connection)
        else:
            if connection.state is State.IDLE:
                self._begin(connection)
            connection.arrival.feed(memoryview(self._buffer)[:count])
            self._advance(connection)

    def _begin(self, connection: Connection) -> None:
        connection.state = State.ARRIVING
        connection.begun = time.monotonic()
        connection.deadline = connection.begun + self._patience

    def _advance(self, connection: Connection) -> None:
        """See whether the request is whole, and what becomes of it."""
        arrival = connection.arrival
        in_body = arrival.in_body
        try:
            request = arrival.take()
        except RequestError as error:
            self._turn_away(connection, error)
            return
        if request is not None:
            self._count(connection, len(request.body))
            self._admit(connection, request)
            return
        self._count(connection, arrival.size)
        if self._bytes > self._most_bytes:
            self._turn_away(connection, TooBusy(BUSY))
            return
        if arrival.in_body:
            slowest = connection.begun + 2 * self._patience + arrival.size / SLOWEST
            connection.deadline = min(time.monotonic() + self._patience, slowest)
            if arrival.expects and not in_body:
                if arrival.method == "POST" and self._is_full():
                    self._turn_away(connection, TooBusy(BUSY))
                    return
                with contextlib.suppress(OSError):
                    connection.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._watch(connection)

    def _admit(self, connection: Connection, request: Request) -> None:
        """Pass a request to a thread, or refuse it if it is one too many."""
        if request.method != "POST" or not self._is_full() or not self.alive:
            connection.state = State.HELD
            if request.method == "POST":
                self._held.add(connection)
            self._threads.submit(self._serve, connection, request)
            return
        self._refused[request.path] += 1
        connection.closes = asks_to_close(request.head)
        key = request.path, connection.closes
        if key not in self._answers:
            self._answers[key] = refusal(self._gate, TooBusy(BUSY), *key)
        connection.answer = self._answers[key]
        self._send(connection)

    def _turn_away(self, connection: Connection, error: RequestError) -> None:
        """Answer what cannot become a request; what the client still sends is taken in for a while, or it might never
        see the answer.
        """
        self._gate.note(error, connection.arrival.path)
        self._count(connection, 0)
        words = refusal(self._gate, error, connection.arrival.path, closes=True)
        connection.arrival = Arrival(self._gate.most_bytes)
        connection.state = State.LINGERING
        connection.begun = time.monotonic()
        connection.deadline = connection.begun + LINGER_SECONDS
        try:
            connection.sock.send(words)
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(connection)
        else:
            self._watch(connection)

    def _is_full(self) -> bool:
        return len(self._held) >= self._gate.most

    # ---- what leaves -----------------------------------------------------------------------------------------

    def _serve(self, connection: Connection, request: Request) -> None:
        """Answer a request, on a thread; then have the connection watched, or looked after by the watching thread."""
        try:
            ready = answer(self.wsgi, request, connection, self.cfg, self.alive)
            connection.answer, connection.file, connection.closes = ready.content, ready.file, ready.closes
        except RequestError as error:
            self._gate.note(error, request.path)
            connection.answer, connection.closes = refusal(self._gate, error, request.path, closes=True), True
        except Exception:
            self.log.exception("a request from %s failed", connection.client)
            connection.answer, connection.closes = b"", True
        self._held.discard(connection)
        with contextlib.suppress(OSError):
            sent = connection.sock.send(connection.answer)
            connection.answer = connection.answer[sent:]
        if connection.answer or connection.file or connection.closes or connection.arrival.size or not self.alive:
            self._done.append(connection)
            with contextlib.suppress(BlockingIOError):  # it is full of such signs
                os.write(self.PIPE[1], b".")
        else:
            self._rest(connection)

    def _send(self, connection: Connection) -> None:
        """Send what is left of an answer, then go on with what came after the request."""
        if not connection.answer:
            self._read_on(connection)
        if connection.answer:
            try:
                sent = connection.sock.send(connection.answer)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._close(connection)
                return
            connection.answer = connection.answer[sent:]
            if connection.answer or connection.file:
                if sent or connection.state is not State.SENDING:
                    connection.deadline = time.monotonic() + self._patience
                connection.state = State.SENDING
                self._watch(connection, select.EPOLLOUT | _ONCE)
                return
        if connection.closes:
            # Nothing unread is left in it, as a rule, so the client gets its answer however quickly it is closed.
            self._close(connection)
        elif connection.state is not State.IDLE and connection.arrival.size:
            connection.state = State.IDLE
            self._done.append(connection)  # not at once: thousands of requests may stand there in a row
        elif connection.arrival.size:
            self._begin(connection)
            self._advance(connection)
        else:
            self._rest(connection)

    def _read_on(self, connection: Connection) -> None:
        """The next piece of the file that is being sent, if one is; a file that breaks off ends the connection."""
        if connection.file is None:
            return
        try:
            connection.answer = connection.file.read(LARGEST_READ)
        except OSError:
            connection.closes = True
        if not connection.answer:
            connection.file.close()
            connection.file = None

    def _rest(self, connection: Connection) -> None:
        """Wait for the connection's next request."""
        self._count(connection, 0)
        connection.begun = time.monotonic()
        connection.deadline = connection.begun + self.cfg.keepalive
        connection.state = State.IDLE
        self._watch(connection)

    def _watch(self, connection: Connection, events: int = _READ) -> None:
        with contextlib.suppress(OSError, ValueError):  # closed meanwhile
            self._epoll.modify(connection.sock.fileno(), events)
