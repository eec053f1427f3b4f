"""From a picture's bytes to its lines: the one call behind every route.

check → cache → decode → find lines → queue → result. Each step is a module of its own; their order is here. Between any
two steps the request's patience is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from crnn.documents.pages import BadPage, PageImage
from crnn.documents.result import Page
from crnn.finder.direction import Directed, on_page
from crnn.image.frames import count_frames
from crnn.page import FoundLines, LineReading, TooManyLinesError, line_reading
from crnn.recognizer import Reading
from serve.base.config import ServeConfig
from serve.base.errors import RequestError, TooLarge
from serve.base.metrics import Metrics
from serve.engine.batching import LineQueue
from serve.engine.cache import ResultCache, cache_key, code_version
from serve.engine.line_reader import LineReader
from serve.engine.loaded_model import LoadedModel
from serve.engine.model_holder import ModelHolder
from serve.engine.options import Options
from serve.engine.patience import ASK_SECONDS, Draining, Patience
from serve.engine.upload import SMALLEST_SIDE, check_picture, decode

# Pictures decoded and searched for lines at once. A worker has one core, so more would only take memory: a picture of
# 25 million pixels takes 100 MB while it is decoded, and its lines a quarter of that while they wait.
DECODERS = 2
MOST_WAITING_BYTES = 100_000_000  # pixels of lines that wait


class Closeable(Protocol):
    """What must be closed."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class Result:
    """What a picture says.

    Attributes:
        lines: of JSON values {text, confidence, line_confidence, box, chars}, in reading order; coordinates in the
            picture's pixels. A line that could not be read has no text, and says why under `error`.
        size: height and width of the picture, pixels.
        turned: degrees clockwise that it must be turned by to stand upright.
        pages: of the file, or frames, of which the first was read.
        cached: whether it was computed earlier.
        model: the model that read it.
    """

    lines: list[dict[str, Any]]
    size: tuple[int, int]
    turned: int
    pages: int
    cached: bool
    model: dict[str, str]

    @property
    def text(self) -> str:
        return "\n".join(line["text"] for line in self.lines if line["text"])


class OcrService:
    """Everything one worker holds: the model, the queue before it and the cache beside it."""

    def __init__(self, config: ServeConfig, holder: ModelHolder, cache: ResultCache, metrics: Metrics) -> None:
        self.config = config
        self.holder = holder
        self.draining = Draining()
        self._cache = cache
        self._metrics = metrics
        self._decoders = threading.BoundedSemaphore(DECODERS)
        self.documents: Closeable | None = None  # ends before the queue does, of which it makes use
        self.queue = LineQueue(
            max_batch=config.max_batch,
            max_delay=config.max_delay_ms / 1000,
            max_lines=config.max_queued_lines,
            max_bytes=MOST_WAITING_BYTES,
            on_batch=self._on_batch,
        )
        self._lines = LineReader(self.queue)

    def close(self) -> None:
        """Read what waits, then let go of the model."""
        if self.documents is not None:
            self.documents.close()
        self.queue.close()
        self.holder.close()

    def patience(self, options: Options, wanted: Callable[[], bool] = lambda: True) -> Patience:
        """The time for a request that begins now; `wanted` says whether its client is still there."""
        return Patience(options.deadline_ms / 1000, wanted, self.draining)

    def _on_batch(self, waits: Sequence[float], seconds: float) -> None:
        self._metrics.batch(waits, seconds)
        self._metrics.queued(len(self.queue))

    def read(self, picture: bytes, options: Options, patience: Patience | None = None) -> Result:
        """Read a picture.

        Args:
            picture: encoded.
            patience: the request's, which may have other pictures; by default as long as `options` say.

        Raises:
            RequestError: of the kind that says what was wrong.
        """
        patience = patience or self.patience(options)
        patience.check()
        check_picture(picture, self.config.max_bytes, self.config.max_pixels)
        model = self.holder.current
        key = None
        if options.cache:
            key = self._key(picture, model, options)
            with self._metrics.stage("cache"):
                stored = self._cache.get(key)
            self._metrics.cache(hit=stored is not None)
            if stored is not None:
                return _result(stored, options, picture, model, cached=True)
        read = self._read_picture(picture, model, options, patience)
        if key is not None and not any("error" in line for line in read["lines"]):
            self._cache.put(key, read)
        return _result(read, options, picture, model, cached=False)

    def read_page(self, page: PageImage | BadPage, options: Options, patience: Patience) -> Page:
        """Read one page of a document.

        Raises:
            RequestError: its time is over, or there is no room for its lines.
        """
        if isinstance(page, BadPage):
            return Page(page.number, error=page.error)
        model = self.holder.current
        height, width = page.image.shape[:2]
        read = Page(page.number, (height, width), dpi=page.dpi)
        if min(height, width) < SMALLEST_SIDE:
            return read
        try:
            found = self._search(page.image, model, options, patience)
        except RequestError as error:
            if error.code != "too_many_lines":
                raise
            return replace(read, error=error.message)
        lines = [
            _unread(line, outcome) if isinstance(outcome, RequestError) else line_reading(line, outcome)
            for line, outcome in self._lines.read(found, model, options, patience)
        ]
        return replace(read, lines=tuple(lines), turned=found.turned)

    def _key(self, picture: bytes, model: LoadedModel, options: Options) -> bytes:
        """Names whatever the result depends on: a result is never given out under another's name."""
        limits = f"{self.config.unsure} {self.config.max_lines}"
        return cache_key(picture, code_version(), *model.digests, options.key, limits)

    def _read_picture(self, picture: bytes, model: LoadedModel, options: Options, patience: Patience) -> dict[str, Any]:
        """What is kept of a picture that was read: lines, width, height, turned."""
        self._lines.reader(model, options)  # options that cannot be are refused before anything is decoded
        with self.decoded(picture, patience) as image:
            found = FoundLines(()) if image is None else self._search(image, model, options, patience)
            height, width = image.shape[:2] if image is not None else (0, 0)
            del image  # while its lines wait, it need not be kept
        outcomes = self._lines.read(found, model, options, patience)
        errors = [outcome for _, outcome in outcomes if isinstance(outcome, RequestError)]
        if errors and len(errors) == len(found.lines):
            raise errors[0]
        lines = [_line_json(outcome, line) for line, outcome in outcomes]
        return {"lines": lines, "width": width, "height": height, "turned": found.turned}

    @contextmanager
    def decoded(self, picture: bytes, patience: Patience) -> Iterator[np.ndarray | None]:
        """The pixels of an encoded picture that was checked (see `decode`), while they may be worked on.

        Raises:
            RequestError: it is damaged, or its turn does not come in time.
        """
        while not self._decoders.acquire(timeout=min(ASK_SECONDS, patience.left())):
            patience.check()
        try:
            patience.check()
            with self._metrics.stage("decode"):
                image = decode(picture, self.config.max_pixels)
            patience.check()
            yield image
        finally:
            self._decoders.release()

    def _search(self, image: np.ndarray, model: LoadedModel, options: Options, patience: Patience) -> FoundLines:
        """The lines of a picture, with crops of their own: it need not be kept for them."""
        with self._metrics.stage("find"):
            try:
                found = model.pages.find(
                    image, options.layout, self.config.max_lines, patience.check, turn=options.degrees
                )
            except TooManyLinesError as error:
                raise TooLarge(str(error), code="too_many_lines") from None
            # A crop may be a view of the whole page.
            lines = [replace(of, crop=np.array(of.crop)) if of.crop.base is not None else of for of in found.lines]
            return replace(found, lines=tuple(lines))


def _result(read: dict[str, Any], options: Options, picture: bytes, model: LoadedModel, *, cached: bool) -> Result:
    lines = read["lines"]
    if not options.chars:
        lines = [{name: value for name, value in line.items() if name != "chars"} for line in lines]
    size = read["height"], read["width"]
    return Result(lines, size, read["turned"], count_frames(picture), cached=cached, model=model.summary())


def _unread(line: Directed, error: RequestError) -> LineReading:
    return LineReading("", 0.0, 0.0, line.box, (), error.message)


def _line_json(outcome: Reading | RequestError, line: Directed) -> dict[str, Any]:
    box = [[round(x, 1), round(y, 1)] for x, y in line.box.quad.tolist()]
    if isinstance(outcome, RequestError):
        nothing = {"text": "", "confidence": 0.0, "line_confidence": 0.0, "box": box, "chars": []}
        return {**nothing, "error": outcome.body()["error"]}
    return {
        "text": outcome.text,
        "confidence": round(outcome.confidence, 4),
        "line_confidence": round(outcome.line_confidence, 4),
        "box": box,
        "chars": [
            {"char": c.char, "confidence": round(c.confidence, 4), "x": round(c.x, 1), "y": round(c.y, 1)}
            for c in on_page(outcome.chars, line)
        ],
        **({"vertical": True} if line.box.vertical else {}),
    }
