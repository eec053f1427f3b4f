"""The process that opens, draws and reads documents, as its parent sees it: questions go in, answers come out."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from serve.base.errors import BadOptions, NotReady, RequestError, StorageFull
from serve.engine.patience import ASK_SECONDS, Patience

PIPE_BYTES = 1_048_576


class Ended(Exception):
    """The drawing process has ended in the middle of a question."""


class DrawingChild:
    """Runs `serve.engine.drawing_process`, started when it is needed; one thread at a time may ask it.

    Args:
        nice: how much the process gives way to others.
    """

    def __init__(self, nice: int = 0) -> None:
        self._command = [sys.executable, "-m", "serve.engine.drawing_process", "--nice", str(nice)]
        self._process: subprocess.Popen[bytes] | None = None

    def ask_afresh(
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
            self.end()  # it is in the middle of an answer
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
            for descriptor, _ in poll.poll(ASK_SECONDS * 1000):
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
            self.end()
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
                with contextlib.suppress(OSError):  # the system lets us have no more
                    fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return self._process

    def end(self) -> None:
        """End the process; the next question starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
