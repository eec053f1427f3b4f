"""Reads documents: one object for pictures, PDFs, folders of them, and all processors.

>>> from crnn import OCR
>>> print(OCR()("contract.pdf").text)          # doctest: +SKIP
合同编号 A-17
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crnn.core.cpus import available_cpus
from crnn.core.errors import UserError
from crnn.core.reading import RETRY_BELOW
from crnn.decoding.beam_settings import BeamSettings
from crnn.decoding.decoder import METHODS, DecodeOptions
from crnn.decoding.hot_words import DEFAULT_BOOST
from crnn.documents.pages import TEXT_LAYERS, SourceOptions
from crnn.documents.reader import DocumentReader, Progress, ReadOptions, chosen
from crnn.documents.result import Result
from crnn.documents.sources import each_source, is_many, kept, name_of, open_document
from crnn.image.decode import MAX_IMAGE_PIXELS
from crnn.page import LAYOUTS, MIN_CONFIDENCE
from crnn.parallel.documents import ReadPart, read_in_pool
from crnn.parallel.pool import WorkerPool


class OCR:
    """Reads documents. Safe to share between threads, to pickle, and to use after a fork.

    Args:
        model, finder: paths of the reader and of the finder; the shipped ones by default.
        layout: "page"; "line" for pictures of one line; "auto" recognizes pictures of one line by themselves.
        decode: "beam" uses the language model, "greedy" does not; "beam" by default.
        allow: the only characters that may be read; "" for all.
        hot_words: likely words: a list, a mapping from words to boosts, or a file of them (see `HotWords.load`).
        lm, lm_weight: file of a language model, the shipped one by default, and its weight in the beam search.
        unsure: a line is read again if one of its characters is less probable than this; 0 for never.
        min_confidence: lines with a lower confidence, 0 to 1, are left out.
        paragraphs: whether a row of the text is a paragraph instead of a line.
        workers: number of processes, each on one processor; 0 for one on each processor.
        threads: number of threads without workers.
        text_layer: "use" takes the text that pages of a PDF already have, "ignore" reads all pages.
        rgb: whether arrays of colors are RGB; by default they are BGR, as in OpenCV.
        dpi: resolution at which pages of PDFs are rendered; by default chosen by the size of each page.
        max_pixels: larger pages are refused.
        password: the password of encrypted PDFs.

    Raises:
        UserError: an option has a value that is not allowed. The models are loaded with the first document, so that a
            missing one is reported then.
    """

    _started: WorkerPool | None

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        finder: str | os.PathLike[str] | None = None,
        *,
        layout: str = "auto",
        decode: str | None = None,
        allow: str = "",
        hot_words: str | os.PathLike[str] | Mapping[str, float] | Iterable[str] | None = None,
        lm: str | os.PathLike[str] | None = None,
        lm_weight: float = BeamSettings.lm_weight,
        unsure: float = RETRY_BELOW,
        min_confidence: float = MIN_CONFIDENCE,
        paragraphs: bool = False,
        workers: int = 1,
        threads: int = 1,
        text_layer: str = "ignore",
        rgb: bool = False,
        dpi: float | None = None,
        max_pixels: int = MAX_IMAGE_PIXELS,
        password: str | None = None,
    ) -> None:
        _check("layout", layout, LAYOUTS)
        _check("decode", decode or METHODS[0], METHODS)
        _check("text_layer", text_layer, TEXT_LAYERS)
        if workers < 0:
            raise UserError(f"workers={workers}: choose 1 or more processes, or 0 for one a processor")
        self._workers = workers or available_cpus()
        self._reader = DocumentReader(
            ReadOptions(
                model=Path(model) if model is not None else None,
                finder=Path(finder) if finder is not None else None,
                layout=layout,
                decode=DecodeOptions(
                    decode or METHODS[0],
                    Path(lm) if lm is not None else "shipped",
                    _hot_words(hot_words),
                    allow,
                    BeamSettings(lm_weight=lm_weight),
                ),
                min_confidence=min_confidence,
                join=paragraphs,
                source=SourceOptions(rgb, text_layer, max_pixels, dpi, password),
                threads=threads,
                unsure=unsure,
            )
        )
        self._begin()

    def __call__(self, source: Any, *, pages: Sequence[int] | None = None) -> Any:
        """Read a document, or many.

        Args:
            source: a path, bytes, an open file, a PIL image, a uint8 array (H, W), (H, W, 3) or (H, W, 4): gives its
                `Result`. A list or another iterable of these, a folder or a glob: gives an iterator of results, in
                order; documents that cannot be read have an `error`, and the others are read all the same.
            pages: numbers of the pages to read, from 1; all by default.

        Raises:
            UserError: a single document cannot be read, or `source` is of an unknown kind.
        """
        if is_many(source):
            return self.read_many(each_source(source), pages=pages)
        return self.read(source, pages=pages)

    def read(
        self, source: Any, *, name: str = "", pages: Sequence[int] | None = None, progress: Progress | None = None
    ) -> Result:
        """Read one document; with workers, several of its pages at once.

        Raises:
            UserError: it cannot be read.
        """
        name = name or name_of(source)
        source = kept(source)
        with open_document(source, self._reader.options.source) as document:
            numbers = chosen(pages, document.count)
            if self._workers == 1 or len(numbers) == 1:
                return self._reader.read_open(document, source, name, numbers, progress)
        (result,) = read_in_pool(self._pool(), self._reader, [(source, name)], numbers, progress)
        if result.error:
            raise UserError(result.error)
        return result

    def read_many(
        self,
        sources: Iterable[Any],
        *,
        names: Callable[[Any, int], str] = name_of,
        pages: Sequence[int] | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Result]:
        """Read documents, with workers several at once; gives one result for each, in order.

        Args:
            sources: single documents, taken as they are needed.
            names: called with each source and its number from 1, gives the result's name.
            pages: see `__call__`.
            progress: called now and then with the number of pages read, and of pages found, since the last call.
        """
        named = ((source, names(source, number)) for number, source in enumerate(sources, start=1))
        if self._workers > 1:
            yield from read_in_pool(self._pool(), self._reader, named, pages, progress)
            return
        for source, name in named:
            yield self._reader.read_safely(source, name, pages, progress)

    def load(self) -> None:
        """Load the models now instead of with the first document; worker processes load their own.

        Raises:
            UserError: a model is missing, or the options do not go with it.
        """
        self._reader.models()

    def close(self) -> None:
        """End the worker processes and free the models; the next document starts and loads them again."""
        with self._lock:
            if self._started is not None:
                self._started.close()
            self._started = None
        self._reader.forget()

    def __enter__(self) -> OCR:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> tuple[DocumentReader, int]:
        return self._reader, self._workers

    def __setstate__(self, state: tuple[DocumentReader, int]) -> None:
        self._reader, self._workers = state
        self._begin()

    def __repr__(self) -> str:
        options = self._reader.options
        return f"OCR(layout={options.layout!r}, decode={options.decode.method!r}, workers={self._workers})"

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._started = None

    def _pool(self) -> WorkerPool:
        if self._process != os.getpid():  # after a fork its threads are not here
            self._begin()
        with self._lock:
            if self._started is None:
                self._started = WorkerPool(ReadPart(self._reader), self._workers)
            return self._started


def _hot_words(
    words: str | os.PathLike[str] | Mapping[str, float] | Iterable[str] | None,
) -> Path | dict[str, float] | None:
    if words is None or isinstance(words, str | os.PathLike):
        return Path(words) if words else None
    return dict(words) if isinstance(words, Mapping) else dict.fromkeys(words, DEFAULT_BOOST)


def _check(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UserError(f"{name}={value!r}: choose one of {', '.join(known)}")
