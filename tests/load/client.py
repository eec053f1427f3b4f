"""A load generator over asyncio streams: many clients, kept-alive connections, every reply checked.

wrk knows neither what a reply should say nor what Retry-After means; this does, and costs about 0.1 ms a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import numpy as np

BOUNDARY = b"----------------line"


@dataclass(frozen=True)
class Task:
    """A request and the text its reply must hold; None if anything will do. A hostile one gets its own connection."""

    request: bytes
    expected: str | None = None
    hostile: bool = False


@dataclass(frozen=True)
class Reply:
    """What came back. Status 0: the connection broke before the reply was whole."""

    status: int
    seconds: float
    retry_after: str | None = None
    body: bytes = b""
    hostile: bool = False  # it answers such a request


@dataclass
class Report:
    """What a run found.

    Attributes:
        replies: every reply but the texts, in the order they came.
        wrong: replies that said something else than they must.
        seconds: the run's length.
        processor_seconds: what the server's workers used meanwhile, where somebody noted it.
    """

    replies: list[Reply] = field(default_factory=list)
    wrong: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0

    def count(self, status: int) -> int:
        return self.statuses[status]

    @property
    def statuses(self) -> Counter[int]:
        return Counter(reply.status for reply in self.replies)

    @property
    def rate(self) -> float:
        """Successful replies a second."""
        return self.count(200) / self.seconds

    @property
    def processor_ms(self) -> float:
        """Processor time of the server for each successful reply; the same on a busy machine as on an idle one."""
        return 1000 * self.processor_seconds / max(1, self.count(200))

    def milliseconds(self, percent: float, status: int = 200) -> float:
        """The time within which `percent` of the replies with `status` came."""
        times = [reply.seconds for reply in self.replies if reply.status == status]
        return float(np.percentile(times, percent)) * 1000 if times else float("nan")

    def add(self, task: Task, reply: Reply) -> None:
        if reply.status == 200 and task.expected is not None and json.loads(reply.body)["text"] != task.expected:
            self.wrong += 1
        self.replies.append(Reply(reply.status, reply.seconds, reply.retry_after, hostile=task.hostile))

    def of(self, hostile: bool) -> Report:
        """The replies to hostile requests alone, or those to all others."""
        return replace(self, replies=[reply for reply in self.replies if reply.hostile == hostile])


def multipart(picture: bytes, path: str = "/api/v1/ocr", options: str = '{"layout": "line"}') -> bytes:
    """The bytes of a request that sends `picture` as a form."""
    parts = (b'name="image"; filename="line.png"', picture), (b'name="options"', options.encode())
    body = b"".join(
        b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (BOUNDARY, name, value) for name, value in parts
    )
    body += b"--%s--\r\n" % BOUNDARY
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n\r\n"
    )
    return head.encode() + body


class Connection:
    """One kept-alive connection, opened anew when the server closed it."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> Reply:
        """Send `request`, wait for its reply."""
        started = time.perf_counter()
        try:
            head, body = await self._exchange(request)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            await self.close()
            return Reply(0, time.perf_counter() - started)
        return Reply(int(head[9:12]), time.perf_counter() - started, _header(head, b"retry-after"), body)

    async def _exchange(self, request: bytes) -> tuple[bytes, bytes]:
        """Head, in small letters, and body of the reply."""
        if self._streams is None:
            assert self._address.port is not None
            self._streams = await asyncio.open_connection(self._address.hostname, self._address.port)
        reader, writer = self._streams
        writer.write(request)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(_header(head, b"content-length") or ""))
        if _header(head, b"connection") == "close":
            await self.close()
        return head, body

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            with contextlib.suppress(OSError):
                await self._streams[1].wait_closed()
            self._streams = None


def _header(head: bytes, name: bytes) -> str | None:
    """The value of a header, or None; the client must cost as little as it can, since it shares the cores."""
    start = head.find(b"\r\n" + name + b": ") + len(name) + 4
    return head[start : head.index(b"\r\n", start)].decode() if start > len(name) + 3 else None


async def _send_alone(url: str, task: Task) -> Reply:
    connection = Connection(url)
    try:
        return await connection.send(task.request)
    finally:
        await connection.close()


async def closed_loop(
    url: str,
    tasks: Iterator[Task],
    clients: int,
    seconds: float,
    patient: bool = False,
    pause: float = 0.0,
    on_reply: Callable[[Reply], None] = lambda reply: None,
) -> Report:
    """`clients` that each send their next request as soon as the last is answered, until the time or the tasks end.

    Args:
        patient: a client that is refused waits for as long as Retry-After says.
        pause: seconds a client waits before it sends its next request.
    """
    report, end, started = Report(), time.perf_counter() + seconds, time.perf_counter()

    async def client() -> None:
        connection = Connection(url)
        while time.perf_counter() < end and (task := next(tasks, None)) is not None:
            reply = await (_send_alone(url, task) if task.hostile else connection.send(task.request))
            report.add(task, reply)
            on_reply(reply)
            if reply.status == 0:
                await asyncio.sleep(0.05)
            elif reply.retry_after is not None and patient:
                await asyncio.sleep(float(reply.retry_after))
            await asyncio.sleep(pause)
        await connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    report.seconds = time.perf_counter() - started
    return report


async def open_loop(url: str, tasks: Iterator[Task], rate: float, seconds: float, connections: int) -> Report:
    """`rate` requests a second whatever the server does, over at most `connections` connections.

    A request for which no connection is free is late; its time counts from when it was due, so that a slow server
    cannot slow its own measurement (coordinated omission).
    """
    report, started = Report(), time.perf_counter()
    requests = ((next(tasks), started + number / rate) for number in range(int(rate * seconds)))

    async def client() -> None:
        connection = Connection(url)
        for task, due in requests:  # shared: whoever is free takes the next
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            waited = time.perf_counter() - due
            reply = await connection.send(task.request)
            report.add(task, Reply(reply.status, reply.seconds + waited, reply.retry_after, reply.body))
        await connection.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    report.seconds = time.perf_counter() - started
    return report
