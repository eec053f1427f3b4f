"""How reading time grows with width, batch and threads.

All timing is interleaved: each round times every setting once; a setting's figure is its median over rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np

from crnn.datasets.labeled import LabeledLine
from crnn.evaluation.engines.readers import LineReader, ModelReader
from crnn.image.preprocess import decode_image, to_canvas
from crnn.recognizer import Recognizer

STRIP_HEIGHT = 48  # pixels: the largest canvas among the readers, so that nobody enlarges


def medians(
    rounds: int,
    settings: Sequence[tuple[Callable[[], object], int]],
    clock: Callable[[], int] = time.process_time_ns,
) -> list[float]:
    """Milliseconds of each call divided by its number of lines, the median over interleaved `rounds`.

    Processor time by default: other work on the machine then counts least.
    """
    for call, _ in settings:
        call()  # warm-up: the first run of a shape plans its memory
    times = np.empty((rounds, len(settings)))
    for row in times:
        for position, (call, lines) in enumerate(settings):
            began = clock()
            call()
            row[position] = (clock() - began) / 1e6 / lines
    return [float(v) for v in np.median(times, axis=0)]


def strip_of(lines: Sequence[LabeledLine], width: int) -> np.ndarray:
    """Lines set side by side, uint8 (48, 1.5 × `width`, 3): `width` pixels at a canvas height of 32."""
    wanted = round(width * STRIP_HEIGHT / 32)
    parts: list[np.ndarray] = []
    position = 0
    while sum(part.shape[1] for part in parts) < wanted:
        image = decode_image(lines[position % len(lines)].image)
        image = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        size = (max(1, round(image.shape[1] * STRIP_HEIGHT / image.shape[0])), STRIP_HEIGHT)
        parts.append(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
        position += 1
    return np.ascontiguousarray(np.hstack(parts)[:, :wanted])


def time_by_width(
    readers: Sequence[LineReader], lines: Sequence[LabeledLine], widths: Sequence[int], rounds: int
) -> dict[str, dict[int, float]]:
    """Processor milliseconds of one line for each reader and width (pixels at a canvas height of 32)."""
    strips = {width: strip_of(lines, width) for width in widths}
    calls = [(reader, width) for width in widths for reader in readers]
    times = medians(rounds, [(partial(reader.read, strips[width]), 1) for reader, width in calls])
    return _by_name([reader.name for reader, _ in calls], [width for _, width in calls], times)


def time_by_batch(
    models: Sequence[ModelReader],
    lines: Sequence[LabeledLine],
    batches: Sequence[int],
    width: int,
    rounds: int,
) -> dict[str, dict[int, float]]:
    """Processor milliseconds a line of the bare network for each model and batch of lines of `width` pixels."""
    calls, settings = [], []
    for model in models:
        canvas = to_canvas(strip_of(lines, width), model.recognizer.info.canvas).pixels
        for batch in batches:
            images = np.repeat(canvas[None, None], batch, axis=0)
            calls.append((model.name, batch))
            settings.append((partial(model.recognizer.run, images), batch))
    return _by_name([n for n, _ in calls], [b for _, b in calls], medians(rounds, settings))


def time_by_threads(
    models: Sequence[ModelReader],
    lines: Sequence[LabeledLine],
    threads: Sequence[int],
    width: int,
    rounds: int,
) -> dict[str, dict[int, float]]:
    """Milliseconds by the clock of one line of `width` pixels for each model and number of threads inside one run."""
    strip = strip_of(lines, width)
    calls, settings = [], []
    for model in models:
        for count in threads:
            recognizer = Recognizer(model.source, threads=count)
            calls.append((model.name, count))
            settings.append((partial(recognizer.read, strip), 1))
    return _by_name([n for n, _ in calls], [c for _, c in calls], medians(rounds, settings, time.perf_counter_ns))


def _by_name(names: Sequence[str], settings: Sequence[int], times: Sequence[float]) -> dict[str, dict[int, float]]:
    table: dict[str, dict[int, float]] = {}
    for name, setting, milliseconds in zip(names, settings, times, strict=True):
        table.setdefault(name, {})[setting] = milliseconds
    return table
