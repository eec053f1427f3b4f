"""Documents that a process of their own opens, draws and reads: see `serve.engine.drawing_process`.

PDFium may be used by one thread of a process at a time, draws without a deadline, and may crash: none of which is then
a matter of the worker that reads lines.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from crnn.documents.pages import BadPage, PageImage
from crnn.documents.result import Page, Result
from serve.base.errors import BadOptions, NotFound, NotReady, RequestError, StorageFull
from serve.engine.drawing_process import row_of
from serve.engine.options import Options
from serve.engine.patience import Patience

LOOK_SECONDS = 0.25  # how often somebody who waits is asked whether he still does
PIPE_BYTES = 1_048_576
BROKEN = "the document is damaged, or takes too long or too much memory"


class Ended(Exception):
    """The drawing process has ended in the middle of a question."""


class Drawer:
    """One drawing process, started when it is needed. Safe for threads: documents take turns.

    Args:
        max_pixels: of a page; pages of PDFs are drawn smaller, other pictures refused.
        nice: how much the process gives way to others.
    """

    def __init__(self, max_pixels: int, nice: int = 0) -> None:
        self._max_pixels = max_pixels
        self._command = [sys.executable, "-m", "serve.engine.drawing_process", "--nice", str(nice)]
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def opened(self, source: Path | bytes, patience: Patience, password: str = "") -> Iterator[Drawing]:
        """A document for as long as it is needed; others wait.

        Raises:
            RequestError: it cannot be opened, or its turn does not come in time.
        """
        with self._turn(patience):
            try:
                yield Drawing(self, source, patience, password)
            finally:
                with contextlib.suppress(Ended, RequestError):
                    self.ask({"do": "close"}, (), patience)

    def unlocked(self, document: bytes, password: str, patience: Patience) -> bytes:
        """A document without its password; the same where it has none.

        Raises:
            RequestError: it cannot be opened, or its turn does not come in time.
        """
        with self._turn(patience):
            try:
                asked = {"do": "unlock", "password": password}
                return bytes(self._ask_afresh(asked, [document], patience)[1]) or document
            except Ended:
                raise RequestError(BROKEN, code="bad_document") from None

    @contextmanager
    def _turn(self, patience: Patience) -> Iterator[None]:
        while not self._lock.acquire(timeout=min(LOOK_SECONDS, patience.left())):
            patience.check()
        try:
            yield
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._kill()

    def open(self, source: Path | bytes, patience: Patience, password: str) -> dict[str, Any]:
        """Have the process open a document."""
        path = str(source) if isinstance(source, Path) else ""
        asked = {"do": "open", "path": path, "max_pixels": self._max_pixels, "password": password}
        return self._ask_afresh(asked, [source] if isinstance(source, bytes) else [], patience)[0]

    def _ask_afresh(
        self, asked: dict[str, Any], content: list[bytes], patience: Patience
    ) -> tuple[dict[str, Any], bytearray]:
        """As `ask`; asked again where the process had just gone to rest."""
        try:
            return self.ask(asked, content, patience)
        except Ended as ended:
            if ended.args != (0,):
                raise
            return self.ask(asked, content, patience)

    def ask(
        self, asked: dict[str, Any], content: Iterable[bytes], patience: Patience
    ) -> tuple[dict[str, Any], bytearray]:
        """The answer to a question, and the bytes behind it.

        Raises:
            Ended: with the exit status, the process ends instead.
            RequestError: it refuses, or nobody waits any longer.
        """
        process = self._started()
        content = list(content)
        row = json.dumps({**asked, "bytes": sum(map(len, content))}).encode() + b"\n"
        try:
            header, rest = self._exchange(process, [row, *content], patience)
        except BaseException:
            self._kill()  # it is in the middle of an answer
            raise
        if "refused" in header:
            if header.get("full"):
                raise StorageFull(header["refused"])
            if header.get("later"):
                raise NotReady(header["refused"])
            if "code" in header:
                raise BadOptions(header["refused"], code=header["code"])
            raise RequestError(header["refused"], code="bad_document")
        return header, rest

    def _exchange(
        self, process: subprocess.Popen[bytes], parts: list[bytes], patience: Patience
    ) -> tuple[dict[str, Any], bytearray]:
        assert process.stdin is not None and process.stdout is not None
        source, sink = process.stdout.fileno(), process.stdin.fileno()
        poll = select.poll()
        poll.register(source, select.POLLIN)
        poll.register(sink, select.POLLOUT)
        waiting = [memoryview(part) for part in reversed(parts)]
        received, header = bytearray(), None
        while header is None or len(received) < header["bytes"]:
            patience.check()
            for descriptor, _ in poll.poll(LOOK_SECONDS * 1000):
                if descriptor == source:
                    chunk = os.read(source, PIPE_BYTES)
                    if not chunk:
                        raise Ended(process.wait())
                    received += chunk
                elif not waiting:
                    poll.unregister(sink)
                else:
                    with contextlib.suppress(BrokenPipeError, BlockingIOError):  # the end shows on the other side
                        waiting[-1] = waiting[-1][os.write(sink, waiting[-1]) :]
                    if not waiting[-1]:
                        waiting.pop()
            if header is None and (end := received.find(b"\n")) >= 0:
                header = json.loads(received[:end])
                del received[: end + 1]
        return header, received

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._kill()
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
                with contextlib.suppress(OSError):  # the system lets us have no more
                    fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return self._process

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


class Drawing:
    """A document that is open.

    Attributes:
        count: how many pages it has.
        warning: what a user should know of it, else "".
    """

    def __init__(self, drawer: Drawer, source: Path | bytes, patience: Patience, password: str = "") -> None:
        self._drawer, self._source, self._password = drawer, source, password
        self._is_open = True
        try:
            answer = drawer.open(source, patience, password)
        except Ended:
            raise RequestError(BROKEN, code="bad_document") from None
        self.count: int = answer["count"]
        self.warning: str = answer["warning"]

    def page(self, number: int, patience: Patience) -> PageImage | BadPage:
        """A page, drawn.

        Raises:
            RequestError: nobody waits for it any longer.
        """
        try:
            if not self._is_open:
                self._drawer.open(self._source, patience, self._password)
                self._is_open = True
            answer, pixels = self._drawer.ask({"do": "draw", "number": number}, (), patience)
        except Ended:
            self._is_open = False
            return BadPage(number, "the page is damaged, or takes too long or too much memory to be drawn")
        except RequestError as error:
            if error.code != "bad_document":
                raise
            return BadPage(number, error.message)
        if "error" in answer:
            return BadPage(number, answer["error"])
        return PageImage(number, np.frombuffer(pixels, np.uint8).reshape(answer["shape"]), answer["dpi"])

    def picture(self, number: int, side: int, patience: Patience) -> bytes:
        """JPEG of a page, its longer side of `side` pixels at most.

        Raises:
            NotFound: there is none, since the page cannot be drawn.
            RequestError: nobody waits for it any longer.
        """
        try:
            answer, jpeg = self._drawer.ask({"do": "picture", "number": number, "side": side}, (), patience)
        except Ended:
            self._is_open = False
            raise NotFound(f"page {number} cannot be drawn: {BROKEN}", code="no_picture") from None
        if "error" in answer:
            raise NotFound(f"page {number} cannot be drawn: {answer['error']}", code="no_picture")
        return bytes(jpeg)

    def read(self, number: int, options: Options, model: dict[str, Any], most: int, patience: Patience) -> bytes:
        """JSON of a page that the process itself reads, with a model of its own.

        Raises:
            RequestError: nobody waits for it any longer, or it cannot be read at present.
        """
        asked = {"do": "read", "number": number, "options": asdict(options), "model": model, "most": most}
        try:
            return bytes(self._drawer.ask(asked, (), patience)[1])
        except Ended:
            self._is_open = False
            return row_of(Page(number, error="the page is damaged, or takes too long or too much memory to be read"))

    def write(
        self,
        result: Result,
        form: str,
        rows: Path | Iterable[bytes],
        patience: Patience,
        *,
        extra: dict[str, Any],
        chars: bool = True,
        path: Path | None = None,
    ) -> tuple[int, bytes]:
        """Write what was read of the document in one of the formats, to a file or to bytes; their number, and these.

        Args:
            result: without its pages.
            rows: JSON of each page, or a file with one in each row.
            extra, chars: see `serve.engine.drawing_process.write`.

        Raises:
            RequestError: it cannot be written, or nobody waits for it any longer.
        """
        asked = {"do": "write", "form": form, "name": result.name, "join": result.join, "seconds": result.seconds}
        asked |= {"extra": extra, "chars": chars, "path": str(path) if path else ""}
        asked["rows"] = str(rows) if isinstance(rows, Path) else ""
        content = () if isinstance(rows, Path) else [row + b"\n" for row in rows]
        try:
            answer, written = self._drawer.ask(asked, content, patience)
        except Ended:
            self._is_open = False
            too_large = RequestError("the result takes too long or too much memory to be written", code="too_large")
            too_large.status = 413
            raise too_large from None
        return answer.get("size", len(written)), bytes(written)
