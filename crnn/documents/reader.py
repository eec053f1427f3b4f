"""Reads whole documents, page by page, with one reader of pages in each process."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crnn.core.errors import UserError
from crnn.core.reading import RETRY_BELOW
from crnn.decoding.decoder import DecodeOptions, Decoder, make_decoder
from crnn.documents.pages import BadPage, Document, PageImage, SourceOptions
from crnn.documents.result import Page, Result
from crnn.documents.sources import kept, open_document
from crnn.finder.finder import Finder
from crnn.page import MIN_CONFIDENCE, PageReader
from crnn.recognizer import Recognizer

log = logging.getLogger("crnn.ocr")

Progress = Callable[[int, int], None]  # pages that were read, and pages found to be read, since the last call


@dataclass(frozen=True)
class ReadOptions:
    """All that a reading depends on, see `crnn.ocr.OCR`."""

    model: Path | None = None
    finder: Path | None = None
    layout: str = "auto"
    decode: DecodeOptions = field(default_factory=DecodeOptions)
    min_confidence: float = MIN_CONFIDENCE
    join: bool = False
    source: SourceOptions = field(default_factory=SourceOptions)
    threads: int = 1
    unsure: float = RETRY_BELOW


class DocumentReader:
    """Reads documents in this process. Safe to share between threads, to pickle, and to use after a fork."""

    def __init__(self, options: ReadOptions) -> None:
        self.options = options
        self._begin()

    def __getstate__(self) -> ReadOptions:
        return self.options

    def __setstate__(self, options: ReadOptions) -> None:
        self.options = options
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._models: tuple[PageReader, Decoder] | None = None

    def read(
        self, source: Any, name: str, pages: Sequence[int] | None = None, progress: Progress | None = None
    ) -> Result:
        """Read a document, or its pages of these numbers.

        Raises:
            UserError: it cannot be opened, has no such page, or a model is missing.
        """
        with open_document(source, self.options.source) as document:
            return self.read_open(document, source, name, chosen(pages, document.count), progress)

    def read_safely(
        self, source: Any, name: str, pages: Sequence[int] | None = None, progress: Progress | None = None
    ) -> Result:
        """The same, but whatever goes wrong becomes the result's error."""
        try:
            source = kept(source)
            return self.read(source, name, pages, progress)
        except UserError as error:
            return self.result(name, source, error=str(error))
        except Exception as error:
            log.error("%s could not be read", name, exc_info=True)
            return self.result(name, source, error=_unexpected(error))

    def read_open(
        self, document: Document, source: Any, name: str, numbers: Sequence[int], progress: Progress | None = None
    ) -> Result:
        """Read pages of a document that is open."""
        started = time.perf_counter()
        self.models()  # one that is missing is no matter of a page
        if progress:
            progress(0, len(numbers))
        pages: list[Page] = []
        for shown in document.pages(numbers):
            pages.append(self._read_page(shown))
            if progress:
                progress(1, 0)
        if document.warning and pages:
            pages[0] = replace(pages[0], warnings=(document.warning,))
        return self.result(name, source, tuple(pages), seconds=time.perf_counter() - started)

    def result(
        self, name: str, source: Any, pages: tuple[Page, ...] = (), error: str = "", seconds: float = 0.0
    ) -> Result:
        """A result that knows how it came about."""
        return Result(name, pages, error, self.options.join, seconds, source, self.options.source)

    def models(self) -> tuple[PageReader, Decoder]:
        """The reader of pages and the decoder of this process: sessions must not cross a fork.

        Raises:
            UserError: a model is missing, or the options do not go with it.
        """
        if self._process != os.getpid():
            self._begin()
        with self._lock:
            if self._models is None:
                self._models = self.load()
            return self._models

    def forget(self) -> None:
        """Let the models go until they are needed again."""
        with self._lock:
            self._models = None

    def load(self) -> tuple[PageReader, Decoder]:
        """Load the models."""
        options = self.options
        recognizer = Recognizer(options.model, options.threads, unsure=options.unsure)
        finder = None if options.layout == "line" else Finder(options.finder, options.threads)
        return PageReader(recognizer, finder), make_decoder(recognizer.info.charset, options.decode)

    def _read_page(self, shown: PageImage | BadPage) -> Page:
        if isinstance(shown, BadPage):
            return Page(shown.number, error=shown.error)
        height, width = shown.image.shape[:2]
        page = Page(shown.number, (height, width), dpi=shown.dpi)
        if shown.text is not None:
            return replace(page, lines=shown.text, from_text_layer=True)
        reader, decode = self.models()
        try:
            read = reader.read(shown.image, decode, self.options.layout, self.options.min_confidence)
        except UserError as error:
            return replace(page, error=str(error))
        except Exception as error:
            log.error("page %d could not be read", shown.number, exc_info=True)
            return replace(page, error=_unexpected(error))
        return replace(page, lines=read.lines, turned=read.turned, is_line=read.is_line)


def chosen(pages: Sequence[int] | None, count: int) -> list[int]:
    """Numbers of the pages to read of `count`, ascending; all where none are named.

    Raises:
        UserError: there is no such page.
    """
    if pages is None:
        return list(range(1, count + 1))
    numbers = sorted(set(pages))
    wrong = [number for number in numbers if not 1 <= number <= count]
    if wrong or not numbers:
        raise UserError(f"there is no page {wrong[0]}: the document has {count}" if wrong else "no page is chosen")
    return numbers


def _unexpected(error: Exception) -> str:
    return f"could not be read ({type(error).__name__}: {error})"
