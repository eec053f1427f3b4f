"""Collects the bytes of one HTTP/1.1 request until it is whole, and says what is wrong with it as early as that shows.

Only what decides where a request ends is looked at here; the rest of the head is left to gunicorn's parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from serve.base.errors import RequestError, TooLarge

LONGEST_HEAD = 32_768  # bytes; gunicorn's parser has limits of its own for the line and for each header
MOST_CHUNKS = 100_000  # of one body: a body of single bytes would cost more to put together than to read
LONGEST_CHUNK_LINE = 1024  # bytes, of a chunk's size and extensions, or of one trailer

_FRAMING = re.compile(
    rb"\r\n(content-length|transfer-encoding|expect)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE
)
_LENGTH = re.compile(rb"[0-9]{1,15}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")


@dataclass(frozen=True)
class Request:
    """A request that has arrived whole.

    Attributes:
        head: its first line and headers, with the empty line after them; a chunked body has got a length instead.
        method: in capitals.
        path: without the query.
        body: without chunks.
    """

    head: bytes
    method: str
    path: str
    body: bytes


class Arrival:
    """The bytes of one connection's requests, one request after the other.

    Args:
        most: the most bytes that the body of a request to a path may have.
    """

    def __init__(self, most: Callable[[str], int]) -> None:
        self._most = most
        self._received = bytearray()
        self._restart()

    def _restart(self) -> None:
        self._head_end = 0  # 0 until the head is whole
        self._length: int | None = None  # of the body; None for a chunked one
        self.method = self.path = ""
        self._body = bytearray()  # of the chunks so far
        self._chunks = 0
        self._position = 0  # in what was received: the next chunk begins here
        self._last_chunk = False
        self.expects = False

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return len(self._received) + len(self._body)

    @property
    def in_body(self) -> bool:
        """Whether the head is whole, so that `method` and `path` are known."""
        return self._head_end > 0

    def feed(self, data: bytes | memoryview) -> None:
        """Take in what has come."""
        self._received += data

    def take(self) -> Request | None:
        """The next request if it is whole.

        Raises:
            RequestError: it is none, or it is too large; where the next one would begin is then unknown.
        """
        if not self._head_end and not self._read_head():
            return None
        if self._length is None:
            return self._take_chunked()
        end = self._head_end + self._length
        if len(self._received) < end:
            return None
        request = Request(
            bytes(self._received[: self._head_end]),
            self.method,
            self.path,
            bytes(memoryview(self._received)[self._head_end : end]),
        )
        self._received = self._received[end:]
        self._restart()
        return request

    def _read_head(self) -> bool:
        if self._received.startswith(b"\r\n"):  # which old clients send after a body
            del self._received[:2]
        end = self._received.find(b"\r\n\r\n", 0, LONGEST_HEAD)
        if end < 0:
            if len(self._received) >= LONGEST_HEAD:
                raise _error(431, "header_too_large", f"the headers take more than {LONGEST_HEAD} bytes")
            return False
        head = bytes(self._received[: end + 2])
        line = head[: head.index(b"\r\n")].split(b" ")
        if len(line) != 3:
            raise _error(400, "bad_request", "the request line is not one of HTTP/1.1")
        self.method = line[0].decode("latin-1")
        self.path = line[1].partition(b"?")[0].decode("latin-1")
        framing = [(name.lower(), value) for name, value in _FRAMING.findall(head)]
        lengths = [value for name, value in framing if name == b"content-length"]
        codings = [value for name, value in framing if name == b"transfer-encoding"]
        self.expects = any(name == b"expect" for name, _ in framing)
        if codings:
            if lengths or [coding.lower() for coding in codings] != [b"chunked"]:
                raise _error(400, "bad_request", "of transfer codings only chunked is known, and it excludes a length")
            self._length = None
        elif not lengths:
            self._length = 0
        elif len(lengths) == 1 and _LENGTH.fullmatch(lengths[0]):
            self._length = int(lengths[0])
            self._check(self._length)
        else:
            raise _error(400, "bad_request", "Content-Length is not one number of bytes")
        self._head_end = self._position = end + 4
        return True

    def _take_chunked(self) -> Request | None:
        while not self._last_chunk:
            if (line := self._line()) is None:
                return None
            size = _CHUNK.fullmatch(line)
            if size is None:
                raise _error(400, "bad_request", "the size of a chunk is not a hexadecimal number")
            length = int(size[1], 16)
            self._check(len(self._body) + length)
            begin = self._position + len(line) + 2
            end = begin + length
            if length == 0:
                self._last_chunk, self._position = True, begin
                break
            if len(self._received) < end + 2:
                return None
            if self._received[end : end + 2] != b"\r\n":
                raise _error(400, "bad_request", "a chunk is longer than it says")
            self._chunks += 1
            if self._chunks > MOST_CHUNKS:
                raise TooLarge(f"the body comes in more than {MOST_CHUNKS} chunks", code="too_many_chunks")
            self._body += memoryview(self._received)[begin:end]
            self._position = end + 2
        self._forget_chunks()
        for _ in range(MOST_CHUNKS):
            if (line := self._line()) is None:
                return None
            self._position += len(line) + 2
            if not line:
                break
        head = _FRAMING.sub(self._as_length, bytes(self._received[: self._head_end - 2])) + b"\r\n"
        request = Request(head, self.method, self.path, bytes(self._body))
        self._received = self._received[self._position :]
        self._restart()
        return request

    def _as_length(self, header: re.Match[bytes]) -> bytes:
        if header[1].lower() == b"transfer-encoding":
            return b"\r\nContent-Length: %d" % len(self._body)
        return header[0]

    def _forget_chunks(self) -> None:
        """Let go of what is in the body already."""
        del self._received[self._head_end : self._position]
        self._position = self._head_end

    def _line(self) -> bytes | None:
        """What stands before the next line break; None if it has not come."""
        end = self._received.find(b"\r\n", self._position, self._position + LONGEST_CHUNK_LINE)
        if end < 0:
            if len(self._received) - self._position >= LONGEST_CHUNK_LINE:
                raise _error(400, "bad_request", "a chunk or a trailer begins with too long a line")
            # What has been put together need not be kept twice while the rest is on its way.
            self._forget_chunks()
            return None
        return bytes(self._received[self._position : end])

    def _check(self, length: int) -> None:
        most = self._most(self.path)
        if length > most:
            raise TooLarge(f"the request is too large: it may have {most} bytes", code="too_many_bytes")


def _error(status: int, code: str, message: str) -> RequestError:
    error = RequestError(message, code=code)
    error.status = status
    return error
