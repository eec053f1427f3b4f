"""From a picture's bytes to its lines: the one call behind every route. Knows nothing of Flask.

check → cache → decode → find lines → queue → result. Each step is a module of its own; their order is here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from crnn.decoding import DecodeOptions, make_decoder
from crnn.errors import UserError
from crnn.frames import count_frames
from crnn.lines import LineBox, crop_line, find_lines
from crnn.page import on_page
from crnn.preprocess import ImageError, scaled_width
from crnn.recognizer import Reading
from serve.batching import Line, LineQueue, ReadMany
from serve.cache import ResultCache, cache_key
from serve.config import ServeConfig
from serve.errors import BadOptions, ClientGone, DeadlinePassed, RequestError, TooLarge
from serve.metrics import Metrics
from serve.model import LoadedModel, ModelHolder
from serve.options import Options
from serve.picture import check_picture, decode

# Pictures decoded and searched for lines at once. A worker has one core, so more would only take memory.
DECODERS = 2


@dataclass(frozen=True)
class Result:
    """What a picture says.

    Attributes:
        lines: of JSON values {text, confidence, line_confidence, box, chars}, in reading order; coordinates in the
            picture's pixels.
        pages: of the file, or frames, of which the first was read.
        cached: whether it was computed earlier.
        model: the model that read it.
    """

    lines: list[dict[str, Any]]
    pages: int
    cached: bool
    model: dict[str, str]

    @property
    def text(self) -> str:
        return "\n".join(line["text"] for line in self.lines)


class OcrService:
    """Everything one worker holds: the model, the queue before it and the cache beside it."""

    def __init__(self, config: ServeConfig, holder: ModelHolder, cache: ResultCache, metrics: Metrics) -> None:
        self.config = config
        self.holder = holder
        self._cache = cache
        self._metrics = metrics
        self._decoders = threading.BoundedSemaphore(DECODERS)
        self.queue = LineQueue(
            max_batch=config.max_batch,
            max_delay=config.max_delay_ms / 1000,
            max_lines=config.max_queued_lines,
            on_batch=self._on_batch,
        )

    def close(self) -> None:
        """Read what waits, then let go of the model."""
        self.queue.close()
        self.holder.close()

    def _on_batch(self, waits: Sequence[float], seconds: float) -> None:
        self._metrics.batch(waits, seconds)
        self._metrics.queued(len(self.queue))

    def read(self, picture: bytes, options: Options, wanted: Callable[[], bool] = lambda: True) -> Result:
        """Read a picture.

        Args:
            picture: encoded.
            wanted: asked before reading; False when the client has gone.

        Raises:
            RequestError: of the kind that says what was wrong.
        """
        deadline = time.monotonic() + options.deadline_ms / 1000
        check_picture(picture, self.config.max_bytes, self.config.max_pixels)
        model = self.holder.current
        key = None
        if options.cache:
            key = cache_key(picture, model.sha256, model.language_sha256, options.key, str(self.config.unsure))
            with self._metrics.stage("cache"):
                stored = self._cache.get(key)
            self._metrics.cache(hit=stored is not None)
            if stored is not None:
                return Result(_shown(stored, options), count_frames(picture), cached=True, model=model.summary())
        lines = self._read_lines(picture, model, options, deadline, wanted)
        if key is not None:
            self._cache.put(key, lines)
        return Result(_shown(lines, options), count_frames(picture), cached=False, model=model.summary())

    def _read_lines(
        self, picture: bytes, model: LoadedModel, options: Options, deadline: float, wanted: Callable[[], bool]
    ) -> list[dict[str, Any]]:
        read_many = _reader(model, options)
        waits = not self._decoders.acquire(blocking=False)
        if waits and not self._decoders.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise DeadlinePassed("the deadline passed while other pictures were being decoded")
        try:
            if waits and not wanted():
                raise ClientGone("the client has gone")
            boxes, crops = self._find(picture, options)
        finally:
            self._decoders.release()
        lines = [Line(crop, read_many, _width(model, crop), deadline, wanted) for crop in crops]
        self.queue.submit(lines)
        readings = self._wait(lines, deadline)
        return [
            _line_json(reading, box, crop)
            for reading, box, crop in zip(readings, boxes, crops, strict=True)
            if reading.text
        ]

    def _find(self, picture: bytes, options: Options) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Quads (4, 2) and crops of the lines of an encoded picture."""
        with self._metrics.stage("decode"):
            image = decode(picture)
        if image is None:
            return [], []
        if options.layout == "line":
            height, width = image.shape[:2]
            return [np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)], [image]
        with self._metrics.stage("find_lines"):
            found: list[LineBox] = find_lines(image)
            if len(found) > self.config.max_lines:
                raise TooLarge(
                    f"the picture has {len(found)} lines, more than {self.config.max_lines}: cut it up",
                    code="too_many_lines",
                )
            return [box.quad for box in found], [crop_line(image, box) for box in found]

    def _wait(self, lines: list[Line], deadline: float) -> list[Reading]:
        try:
            return [line.reading.result(timeout=max(0.0, deadline - time.monotonic())) for line in lines]
        except FutureTimeout:
            raise DeadlinePassed("the deadline passed before the picture was read") from None
        except ImageError as error:
            raise RequestError(str(error), code="bad_image") from None
        finally:
            for line in lines:  # what is still waiting when one line failed is wanted by nobody
                line.reading.cancel()


def _width(model: LoadedModel, crop: np.ndarray) -> int:
    """What a line must share with others to be read beside them: its canvas's width, or nothing where the model reads
    line by line; lines on end without a word between them still save the threads' changing places.
    """
    spec = model.recognizer.info.canvas
    return spec.bucket_width(scaled_width(crop, spec)) if model.recognizer.max_batch > 1 else 0


def _reader(model: LoadedModel, options: Options) -> ReadMany:
    """Reads lines with `model` as `options` ask; one and the same for all that leave the decoder to us.

    Raises:
        BadOptions: the model, or this server, cannot decode so.
    """
    if not options.choose_decoder:
        return model.recognizer.read_many
    language_model = model.language_model if options.decode == "beam" else None
    method = options.decode if language_model or options.hotwords else "greedy"  # a beam with nothing to weigh
    wishes = DecodeOptions(method, language_model, options.hotwords or None, options.allow)
    try:
        return partial(model.recognizer.read_many, decode=make_decoder(model.recognizer.info.charset, wishes))
    except UserError as error:
        raise BadOptions(str(error)) from None


def _shown(lines: list[dict[str, Any]], options: Options) -> list[dict[str, Any]]:
    return lines if options.chars else [{k: v for k, v in line.items() if k != "chars"} for line in lines]


def _line_json(reading: Reading, quad: np.ndarray, crop: np.ndarray) -> dict[str, Any]:
    return {
        "text": reading.text,
        "confidence": round(reading.confidence, 4),
        "line_confidence": round(reading.line_confidence, 4),
        "box": [[round(x, 1), round(y, 1)] for x, y in quad.tolist()],
        "chars": [
            {"char": c.char, "confidence": round(c.confidence, 4), "x": round(c.x, 1), "y": round(c.y, 1)}
            for c in on_page(reading.chars, quad, crop)
        ],
    }
