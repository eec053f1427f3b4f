"""gunicorn's threaded worker, which refuses at the door what it could not hold, and spends less on what it holds.

Under overload most requests are refused. Between a request's arrival and the first line of Flask's code gunicorn wakes
a thread, parses and makes an environment, five times what it costs to look at the bytes that have come and to send a
refusal kept ready. So a full worker does just that, on the thread that watches the connections.

A request that is held has its reply sent in one piece, and its thread has the connection watched again itself: gunicorn
would wake the thread that watches for it, which finds the core's caches full of a network's weights each time.
"""

from __future__ import annotations

import contextlib
import re
import select
import selectors
import socket
import time
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from gunicorn.http import wsgi
from gunicorn.http.body import LengthReader
from gunicorn.util import http_date, write
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

if TYPE_CHECKING:  # gunicorn's own process must not load the application
    from serve.gate import Gate

# A request is refused at the door if this many bytes hold it whole: then nothing of it stays in the connection, which
# lives on. What is longer, or still on its way, goes the long way and is refused by the gate.
LOOKED_AT = 65_536
# How long refusals may wait for each other. One by one they would interrupt the reader, and each would find the caches
# of its core full of a network's weights: that makes them three times as dear.
LOOK_SECONDS = 0.01

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*(?=\r\n)", re.IGNORECASE)
_OTHERWISE = re.compile(rb"\r\n(transfer-encoding|expect|upgrade):", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Post:
    """A POST request that has arrived whole: its path, its bytes in all, and whether the connection ends with it."""

    path: str
    size: int
    closes: bool


def whole_post(received: bytes) -> Post | None:
    """The POST request that `received` begins with; None for another one, or if some of it is missing."""
    if not received.startswith(b"POST /"):
        return None
    end = received.find(b"\r\n\r\n") + 2
    head = received[:end]
    length = _LENGTH.findall(head)
    if end < 2 or len(length) != 1 or _OTHERWISE.search(head):
        return None
    size = end + 2 + int(length[0])
    target, _, version = head[5 : head.index(b"\r\n")].partition(b" ")
    if version != b"HTTP/1.1" or size > len(received):
        return None
    path = target.partition(b"?")[0].decode("latin-1")
    return Post(path, size, closes=_CLOSES.search(head) is not None)


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return str(http_date(second))


class WholeResponse(wsgi.Response):
    """Sends the head together with a body that is there in one piece: the client is woken once.

    Attributes:
        constant: headers that are the same in every reply, so gunicorn need not check them each time.
    """

    constant: frozenset[tuple[str, str]] = frozenset()
    headers_sent: bool

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Check and keep the reply's headers."""
        super().process_headers([header for header in headers if header not in self.constant])
        self.headers += [header for header in headers if header in self.constant]

    def write(self, arg: bytes) -> None:
        """Send `arg`, and the head before the first of it."""
        whole = self.response_length == len(arg) and not self._omits_body and self.req.version == (1, 1)
        if self.headers_sent or self.upgrade or not whole:
            super().write(arg)
            return
        lines = [
            f"HTTP/1.1 {self.status}",
            f"Server: {self.version}",
            f"Date: {_date(int(time.time()))}",
            f"Connection: {'close' if self.should_close() else 'keep-alive'}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        self.headers_sent = True
        self.sent = len(arg)
        write(self.sock, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + arg)


def _done(result: object) -> Future[Any]:
    """What gunicorn's thread would leave behind whose handling of a connection ended with `result`."""
    future: Future[Any] = Future()
    future.set_result(result)
    return future


def _readable(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


class RefusingWorker(ThreadWorker):
    """Holds as many requests as it has places; `wsgi.extensions["ocr_gate"]` words the refusals of the others."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gate: Gate
        self._held: set[TConn] = set()  # those whose request is in a thread, or on its way to one
        self._refused: Counter[str] = Counter()  # paths, at this look; these are touched by the main thread alone
        self._answers: dict[tuple[str, bool], bytes] = {}  # to (path, whether it closes), at this look

    def load_wsgi(self) -> None:
        """Load the application, and with it the gate that knows how many are let in and what the others are told."""
        super().load_wsgi()
        wsgi.Response = WholeResponse  # gunicorn does not ask which to use
        WholeResponse.constant = frozenset(self.wsgi.extensions["ocr_headers"])
        self._gate = self.wsgi.extensions["ocr_gate"]

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for what comes; a full worker looks seldom, and then at many at once."""
        if self._is_full():
            time.sleep(LOOK_SECONDS)
        super().wait_for_and_dispatch_events(timeout)
        if self._refused:
            self._gate.note_refusals(self._refused)
            self._refused.clear()
            self._answers.clear()

    def accept(self, listener: socket.socket) -> None:
        """Take in a connection, as gunicorn does at each look; a full worker, which looks seldom, all that wait."""
        super().accept(listener)
        while self._is_full() and self.nr_conns < self.worker_connections and _readable(listener):
            super().accept(listener)

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Pass a further request of a connection to a thread, or refuse it and go on watching."""
        kept = self._refuse(conn)
        self.keepalived_conns.remove(conn)
        if kept:
            conn.set_timeout()
            self.keepalived_conns.append(conn)
            return
        self.poller.unregister(client)
        self._drop(conn) if kept is False else self._hold(conn)

    def enqueue_req(self, conn: TConn) -> None:
        """Pass a connection's request to a thread, or refuse it if it is one too many."""
        kept = self._refuse(conn)
        if kept:
            super().finish_request(conn, _done(True))
        else:
            self._drop(conn) if kept is False else self._hold(conn)

    def _drop(self, conn: TConn) -> None:
        """Close a connection: nothing unread is left in it, so the client gets its reply however quickly that is."""
        self.nr_conns -= 1
        conn.close()

    def _hold(self, conn: TConn) -> None:
        self._held.add(conn)
        self.tpool.submit(self._serve, conn)

    def _serve(self, conn: TConn) -> None:
        """Answer a request, on a thread; then have its connection watched, or looked after by the main thread."""
        result: object = False
        try:
            result = self.handle(conn)
        finally:
            self._held.discard(conn)
            if result is not True or conn.parser.unreader.buf.getvalue() or not self._watch(conn):
                self.method_queue.defer(self.finish_request, conn, _done(result))

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Whether the connection may be used again; gunicorn reads on to the end of a body, also where it is there."""
        reader = conn.parser.mesg.body.reader
        if not (keepalive and isinstance(reader, LengthReader) and reader.length == 0):
            return bool(super()._keepalive_after(conn, keepalive))
        conn.parser.mesg = None  # else the parser would look once more
        return True

    def _watch(self, conn: TConn) -> bool:
        """Wait for the connection's next request; False, and nothing is done, if the worker is about to end."""
        if not self.alive:
            return False
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.keepalived_conns.append(conn)  # where the main thread looks for it as soon as it is readable
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)
        with contextlib.suppress(KeyError, OSError, ValueError):  # the ending worker has closed one or the other
            readable = partial(self.on_client_socket_readable, conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, readable)
        return True

    def _cap_keepalive(self, deadline: float) -> None:
        """Close what is watched by `deadline`, as gunicorn does, which does not expect that threads add to it."""
        for conn in tuple(self.keepalived_conns):
            conn.timeout = min(conn.timeout, deadline)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """A thread is done with a request, and does not know what to do with the connection."""
        if fs.result() is False and self.alive:
            # gunicorn would wait here for the client to close its side, up to two seconds, and look at nobody else.
            self.nr_conns -= 1
            self.tpool.submit(conn.close, graceful=True)
        else:
            super().finish_request(conn, fs)

    def _is_full(self) -> bool:
        return len(self._held) >= self._gate.most

    def _refuse(self, conn: TConn) -> bool | None:
        """Refuse what has come if the worker is full; returns whether the connection lives on, None if the request must
        go the long way.
        """
        if not self._is_full() or not self.alive or self.cfg.is_ssl or conn.is_http2:
            return None
        try:
            post = whole_post(conn.sock.recv(LOOKED_AT, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return None
        except OSError:
            return False
        if post is None:
            return None
        conn.init()  # gunicorn's parser, for what comes next
        if conn.is_http2 or conn.parser.unreader.buf.getvalue():
            return None
        answer = self._answer(post)
        try:
            conn.sock.recv(post.size, socket.MSG_DONTWAIT)
            sent = conn.sock.send(answer, socket.MSG_DONTWAIT)
        except OSError:
            return False
        self._refused[post.path] += 1
        # A client that does not take a few hundred bytes is not listening.
        return not post.closes and sent == len(answer)

    def _answer(self, post: Post) -> bytes:
        """The bytes of the refusal of a request."""
        key = post.path, post.closes
        if key not in self._answers:
            status, headers, body = self._gate.refusal(post.path)
            headers += [("Date", http_date()), ("Connection", "close" if post.closes else "keep-alive")]
            lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
            self._answers[key] = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        return self._answers[key]
