"""Reads the lines found on a picture, by way of the queue that all requests share."""

from __future__ import annotations

import logging
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from itertools import compress

import numpy as np

from crnn.decoding.ctc import CtcPath
from crnn.decoding.decoder import Decoder
from crnn.finder.direction import Directed
from crnn.finder.text_probability import shown
from crnn.image.preprocess import ImageError, scaled_width
from crnn.page import FoundLines
from crnn.recognizer import Allowance, Reading
from serve.base.errors import InternalError, RequestError
from serve.engine.batching import Line, LineQueue
from serve.engine.loaded_model import LoadedModel
from serve.engine.options import Options
from serve.engine.patience import ASK_SECONDS, Patience

log = logging.getLogger("serve.engine.line_reader")


class LineReader:
    """Gives lines to the queue and waits for what they say. Safe for threads."""

    def __init__(self, queue: LineQueue) -> None:
        self._queue = queue
        self._usual: tuple[LoadedModel, partial[list[Reading]]] | None = None  # reads where nothing else is wished for

    def read(
        self,
        found: FoundLines,
        model: LoadedModel,
        options: Options,
        patience: Patience,
    ) -> list[tuple[Directed, Reading | RequestError]]:
        """The lines that say something, and those that could not be read, with what they say or what was wrong."""
        read_many = self.reader(model, options)
        if not found.is_line:  # the lines of a page share what may be read again
            read_many = partial(read_many, allowance=Allowance())
        crops = [line.crop for line in found.lines]
        lines = [Line(crop, read_many, _width(model, crop), patience, _cost(model, crop)) for crop in crops]
        self._queue.submit(lines)
        least = 0.0 if options.layout == "line" else options.min_confidence
        outcomes = self._wait(lines, patience)
        readings = [None if isinstance(outcome, RequestError) else outcome for outcome in outcomes]
        wanted = shown(readings, [line.box for line in found.lines], found.is_line, least)
        return list(compress(zip(found.lines, outcomes, strict=True), wanted))

    def _wait(self, lines: list[Line], patience: Patience) -> list[Reading | RequestError]:
        """What the lines say, or what went wrong with each.

        Raises:
            RequestError: the request's time is over, or its client has gone.
        """
        try:
            return [self._outcome(line, patience) for line in lines]
        finally:
            self._queue.withdraw(lines)  # what is still waiting when this ends early is wanted by nobody

    def _outcome(self, line: Line, patience: Patience) -> Reading | RequestError:
        while True:
            try:
                return line.reading.result(timeout=min(ASK_SECONDS, patience.left()))
            except FutureTimeout:
                patience.check()
            except RequestError:
                raise  # the patience's own: it holds for all lines
            except ImageError as error:
                return RequestError(str(error), code="bad_image")
            except Exception:  # of one line: the others are read
                log.exception("a line of %s pixels could not be read", line.image.shape)
                return InternalError()

    def reader(self, model: LoadedModel, options: Options) -> partial[list[Reading]]:
        """Reads lines with `model` as `options` ask; one and the same for all that leave the decoder to us.

        Raises:
            BadOptions: the model, or this server, cannot decode so.
        """
        if options.choose_decoder:
            return partial(model.recognizer.read_many, decode=self._stoppable(model.decoder(options)))
        usual = self._usual
        if usual is None or usual[0] is not model:
            decode = self._stoppable(model.recognizer.decode)
            usual = self._usual = (model, partial(model.recognizer.read_many, decode=decode))
        return usual[1]

    def _stoppable(self, decode: Decoder) -> Decoder:
        """`decode`, before which the queue is asked whether anybody still waits: long lines are many pieces."""

        def stoppable(logits: np.ndarray) -> CtcPath:
            self._queue.check()
            return decode(logits)

        return stoppable


def _width(model: LoadedModel, crop: np.ndarray) -> int:
    """What a line must share with others to be read beside them: its canvas's width, or nothing where the model reads
    line by line; lines on end without a word between them still save the threads' changing places.
    """
    spec = model.recognizer.info.canvas
    return spec.bucket_width(scaled_width(crop, spec)) if model.recognizer.max_batch > 1 else 0


def _cost(model: LoadedModel, crop: np.ndarray) -> float:
    """Of reading a line, in those of one that fills the canvas; a short one costs a little, too."""
    spec = model.recognizer.info.canvas
    return 0.1 + scaled_width(crop, spec) / spec.max_width
