"""The process that opens documents, draws or reads their pages and writes results: `python -m
serve.engine.drawing_process`.

Strangers' PDFs, TIFFs and HEICs are opened here and nowhere else in the server: what crashes, hangs or fills the memory
ends this process, and a page could not be drawn. It answers one question at a time, a row of JSON each way with bytes
behind it:

| asked | with | answered |
| --- | --- | --- |
| open | a path, or the document's bytes; max_pixels, password | count, warning |
| unlock | the document's bytes; password | a copy without password; nothing where it has none |
| draw | number | number, shape, dpi, and the pixels; or number, error |
| picture | number, side | JPEG of the page, its longer side of so many pixels at most; or error |
| read | number, options, model, most lines | JSON of the page |
| write | form, name, join, seconds, extra, chars, path; a row of JSON a page, or a file of them | bytes written |

An answer with `refused` says why nothing can be done.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import io
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from crnn.core.errors import UserError
from crnn.documents.json import as_object, page_as_json, page_of_json
from crnn.documents.kinds import PEEK, kind_of
from crnn.documents.pages import BadPage, Document, PageImage, SourceOptions
from crnn.documents.pdf import LockedPdf, without_password
from crnn.documents.result import Page, Result
from crnn.documents.sources import open_document
from serve.base.errors import NotReady, RequestError
from serve.engine.loaded_model import LoadedModel, load
from serve.engine.options import Options
from serve.engine.page_picture import small_jpeg

READING_SECONDS = 120.0
IDLE_SECONDS = 60.0  # without a question, after which the process ends by itself
DRAWING_SECONDS = 20.0  # of processor time, for anything but reading and writing
WRITING_SECONDS = 300.0
PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>
MOST_MEMORY = 1_500_000_000  # bytes of data; a page of 25 million pixels in color takes 300 million at most

Answer = tuple[dict[str, Any], bytes | memoryview]


class Desk:
    """Holds the one document that is open, and does what is asked of it."""

    def __init__(self) -> None:
        self._source: Path | bytes = b""
        self._options = SourceOptions()
        self._document: Document | None = None
        self._model: LoadedModel | None = None

    def open(self, asked: dict[str, Any], content: bytes) -> Answer:
        self._close()
        self._source = Path(asked["path"]) if asked.get("path") else content
        self._options = SourceOptions(max_pixels=asked["max_pixels"], password=asked.get("password") or None)
        self._document = open_document(self._source, self._options).__enter__()
        return {"count": self._document.count, "warning": self._document.warning}, b""

    def unlock(self, asked: dict[str, Any], content: bytes) -> Answer:
        copy = without_password(content, asked["password"]) if kind_of(content[:PEEK]) == "pdf" else None
        return {}, copy or b""

    def draw(self, asked: dict[str, Any], content: bytes) -> Answer:
        number = asked["number"]
        page = self._page(number)
        if isinstance(page, BadPage):
            return {"number": number, "error": page.error}, b""
        return {"number": number, "shape": page.image.shape, "dpi": page.dpi}, np.ascontiguousarray(
            page.image
        ).data.cast("B")

    def picture(self, asked: dict[str, Any], content: bytes) -> Answer:
        page = self._page(asked["number"])
        if isinstance(page, BadPage):
            return {"error": page.error}, b""
        return {}, small_jpeg(page.image, asked["side"])

    def read(self, asked: dict[str, Any], content: bytes) -> Answer:
        model, options, number = self._model_of(asked["model"]), Options(**asked["options"]), asked["number"]
        page = self._page(number)
        if isinstance(page, BadPage):
            return {}, row_of(Page(number, error=page.error))
        height, width = page.image.shape[:2]
        read = Page(number, (height, width), dpi=page.dpi)
        decode = model.decoder(options) if options.choose_decoder else None
        try:
            found = model.pages.read(
                page.image, decode, options.layout, options.min_confidence, most=asked["most"], turn=options.degrees
            )
        except UserError as error:
            return {}, row_of(replace(read, error=str(error)))
        return {}, row_of(replace(read, lines=found.lines, turned=found.turned))

    def _model_of(self, asked: dict[str, Any]) -> LoadedModel:
        """The model in service, loaded once.

        Raises:
            NotReady: its file has just been replaced.
        """
        if self._model is None or self._model.digests != asked["digests"]:
            self._model = None
            language_model = Path(asked["language_model"]) if asked["language_model"] else None
            for path in asked["paths"]:
                with contextlib.suppress(UserError, OSError):
                    model = load(Path(path), asked["max_batch"], language_model, asked["unsure"], Path(asked["finder"]))
                    if model.digests == asked["digests"]:
                        self._model = model
                        return model
            raise NotReady("the model in service has been replaced in the meantime")
        return self._model

    def write(self, asked: dict[str, Any], content: bytes) -> Answer:
        with open(asked["rows"], "rb") if asked["rows"] else io.BytesIO(content) as rows:
            pages = tuple(page_of_json(json.loads(row)) for row in rows)
        result = Result(
            asked["name"],
            pages,
            join=asked["join"],
            seconds=asked["seconds"],
            source=self._source,
            options=self._options,
        )
        if not asked.get("path"):
            stream = io.BytesIO()
            write(result, stream, asked["form"], asked["extra"], asked["chars"])
            return {}, stream.getvalue()
        with open(asked["path"], "wb") as file:
            write(result, file, asked["form"], asked["extra"], asked["chars"])
            return {"size": file.tell()}, b""

    def close(self, asked: dict[str, Any], content: bytes) -> Answer:
        self._close()
        return {}, b""

    def _page(self, number: int) -> PageImage | BadPage:
        assert self._document is not None
        return next(iter(self._document.pages([number])), BadPage(number, "the document has no such page"))

    def _close(self) -> None:
        if self._document is not None:
            self._document.__exit__(None, None, None)
        self._document, self._source = None, b""


def row_of(page: Page) -> bytes:
    """JSON of a page."""
    return json.dumps(page_as_json(page), ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def write(result: Result, stream: IO[bytes], form: str, extra: dict[str, Any], chars: bool) -> None:
    """Write a result in one of the formats of `crnn.documents.result`; as JSON it has `extra` members too."""
    if form in ("json", "jsonl"):
        fields = {"status": "success"} | as_object(result) | extra
        if not chars:
            for line in (line for page in fields["pages"] for line in page["lines"]):
                del line["chars"]
        stream.write(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n")
    else:
        result.write(stream, form)  # type: ignore[arg-type]


def answer(desk: Desk, asked: dict[str, Any], content: bytes) -> Answer:
    """What the desk says, or why it cannot."""
    kinds: dict[str, Callable[[dict[str, Any], bytes], Answer]] = {
        "open": desk.open, "unlock": desk.unlock, "draw": desk.draw, "picture": desk.picture, "read": desk.read,
        "write": desk.write, "close": desk.close,
    }  # fmt: skip
    try:
        return kinds[asked["do"]](asked, content)
    except LockedPdf as error:
        return {"refused": str(error), "code": "password_wrong" if error.tried else "password_needed"}, b""
    except UserError as error:
        return {"refused": str(error)}, b""
    except RequestError as error:
        return {"refused": error.message, "later": isinstance(error, NotReady)}, b""
    except MemoryError:
        return {"refused": "the document takes too much memory"}, b""
    except OSError as error:
        return {"refused": f"the disk refuses: {error.strerror}", "full": True}, b""
    except Exception as error:  # whatever a document holds, the next one is to be answered
        return {"refused": f"the document cannot be read ({type(error).__name__})"}, b""


def main() -> None:
    """Answer until the other side has gone, or is silent for long."""
    parser = argparse.ArgumentParser(description="Draws pages for the server, which starts it.")
    parser.add_argument("--nice", type=int, default=0, help="how much this process gives way to others")
    os.nice(parser.parse_args().nice)
    # A worker that is killed takes this process with it, also while it stands still and could not see that.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(OSError):  # if there is no memory left, it is this process that goes, and not the worker
        Path("/proc/self/oom_score_adj").write_text("1000")
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process even in the middle of a library
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    desk = Desk()
    while True:
        signal.setitimer(signal.ITIMER_REAL, IDLE_SECONDS)
        row = questions.readline()
        signal.setitimer(signal.ITIMER_REAL, 0)
        if not row:
            break
        asked = json.loads(row)
        longest = {"write": WRITING_SECONDS, "read": READING_SECONDS}.get(asked["do"], DRAWING_SECONDS)
        signal.setitimer(signal.ITIMER_PROF, longest)
        header, content = answer(desk, asked, questions.read(asked.get("bytes", 0)))
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(json.dumps({**header, "bytes": len(content)}).encode() + b"\n")
        answers.write(content)
        answers.flush()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
    sys.exit(0)
