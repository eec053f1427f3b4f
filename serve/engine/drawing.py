"""Documents that a process of their own opens, draws and reads: see `serve.engine.drawing_process`.

PDFium may be used by one thread of a process at a time, draws without a deadline, and may crash: none of which is then
a matter of the worker that reads lines.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from crnn.documents.pages import BadPage, PageImage
from crnn.documents.result import Page, Result
from serve.base.errors import NotFound, RequestError
from serve.engine.drawing_child import DrawingChild, Ended
from serve.engine.drawing_process import row_of
from serve.engine.options import Options
from serve.engine.patience import ASK_SECONDS, Patience

BROKEN = "the document is damaged, or takes too long or too much memory"


class Drawer:
    """One drawing process, started when it is needed. Safe for threads: documents take turns.

    Args:
        max_pixels: of a page; pages of PDFs are drawn smaller, other pictures refused.
        nice: how much the process gives way to others.
    """

    def __init__(self, max_pixels: int, nice: int = 0) -> None:
        self._max_pixels = max_pixels
        self._child = DrawingChild(nice)
        self._lock = threading.Lock()

    @contextmanager
    def opened(self, source: Path | bytes, patience: Patience, password: str = "") -> Iterator[Drawing]:
        """A document for as long as it is needed; others wait.

        Raises:
            RequestError: it cannot be opened, or its turn does not come in time.
        """
        with self._turn(patience):
            try:
                yield Drawing(self._child, source, self._max_pixels, patience, password)
            finally:
                with contextlib.suppress(Ended, RequestError):
                    self._child.ask({"do": "close"}, (), patience)

    def unlocked(self, document: bytes, password: str, patience: Patience) -> bytes:
        """A document without its password; the same where it has none.

        Raises:
            RequestError: it cannot be opened, or its turn does not come in time.
        """
        with self._turn(patience):
            try:
                asked = {"do": "unlock", "password": password}
                return bytes(self._child.ask_afresh(asked, [document], patience)[1]) or document
            except Ended:
                raise RequestError(BROKEN, code="bad_document") from None

    @contextmanager
    def _turn(self, patience: Patience) -> Iterator[None]:
        while not self._lock.acquire(timeout=min(ASK_SECONDS, patience.left())):
            patience.check()
        try:
            yield
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._child.end()


class Drawing:
    """A document that is open.

    Attributes:
        count: how many pages it has.
        warning: what a user should know of it, else "".
    """

    def __init__(
        self, child: DrawingChild, source: Path | bytes, max_pixels: int, patience: Patience, password: str = ""
    ) -> None:
        self._child, self._source = child, source
        path = str(source) if isinstance(source, Path) else ""
        self._asked = {"do": "open", "path": path, "max_pixels": max_pixels, "password": password}
        self._is_open = True
        try:
            answer = self._open(patience)
        except Ended:
            raise RequestError(BROKEN, code="bad_document") from None
        self.count: int = answer["count"]
        self.warning: str = answer["warning"]

    def _open(self, patience: Patience) -> dict[str, Any]:
        content = [self._source] if isinstance(self._source, bytes) else []
        return self._child.ask_afresh(self._asked, content, patience)[0]

    def page(self, number: int, patience: Patience) -> PageImage | BadPage:
        """A page, drawn.

        Raises:
            RequestError: nobody waits for it any longer.
        """
        try:
            if not self._is_open:
                self._open(patience)
                self._is_open = True
            answer, pixels = self._child.ask({"do": "draw", "number": number}, (), patience)
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
            answer, jpeg = self._child.ask({"do": "picture", "number": number, "side": side}, (), patience)
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
            return bytes(self._child.ask(asked, (), patience)[1])
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
            answer, written = self._child.ask(asked, content, patience)
        except Ended:
            self._is_open = False
            too_large = RequestError("the result takes too long or too much memory to be written", code="too_large")
            too_large.status = 413
            raise too_large from None
        return answer.get("size", len(written)), bytes(written)
