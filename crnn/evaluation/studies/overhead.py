"""What reading costs beside the bare network: decoding, the canvas and the CTC path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from crnn.datasets.labeled import LabeledLine
from crnn.evaluation.engines.readers import ModelReader
from crnn.evaluation.studies.scaling import medians
from crnn.image.preprocess import decode_image, scaled_width, to_canvas


@dataclass(frozen=True)
class Overhead:
    """Mean processor milliseconds a line.

    Attributes:
        decode: encoded bytes to pixels.
        run: the bare network on the finished canvas.
        total: encoded bytes to text.
        ratio: total over run.
    """

    decode: float
    run: float
    total: float
    ratio: float


def measure_overhead(model: ModelReader, lines: Sequence[LabeledLine], count: int) -> Overhead | None:
    """Time `count` lines that fit one canvas, whole and bare in turn; None if no line does, or none is asked for."""
    recognizer, spec = model.recognizer, model.recognizer.info.canvas
    decoded = ((line.image, decode_image(line.image)) for line in lines)
    fits = ((data, to_canvas(image, spec)) for data, image in decoded if scaled_width(image, spec) <= spec.max_width)
    fitting = list(islice(fits, count))
    if not fitting:
        return None
    settings: list[tuple[Callable[[], object], int]] = []
    for data, canvas in fitting:
        settings += [
            (partial(decode_image, data), 1),
            (partial(recognizer.run, canvas.pixels[None, None]), 1),
            (partial(recognizer.read, data), 1),
        ]
    times = np.array(medians(3, settings)).reshape(-1, 3)
    decode, run, total = (float(v) for v in times.mean(axis=0))
    return Overhead(decode, run, total, total / run)
