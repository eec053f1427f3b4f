"""What the reader does without a server around it. A module of its own, since its processes import it by name."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crnn.ocr import OCR
from serve.base.config import ServeConfig
from serve.engine.loaded_model import LoadedModel, load


@dataclass(frozen=True)
class BareRate:
    """Lines or pages a second, and the processor time of one."""

    rate: float
    processor_ms: float


def mean(first: BareRate, second: BareRate) -> BareRate:
    """What is between two measurements."""
    return BareRate((first.rate + second.rate) / 2, (first.processor_ms + second.processor_ms) / 2)


def served(model: Path) -> LoadedModel:
    """The model as the server loads it: with the language model, which takes a tenth of a line's time."""
    config = ServeConfig()
    return load(model, config.max_batch, config.language_model_file, config.unsure, config.finder_file)


def bare(model: Path, pictures: list[bytes], core: int, seconds: float, pages: bool) -> BareRate:
    """What the reader alone does on `core`, one line or page after the other."""
    os.sched_setaffinity(0, {core})
    read: Callable[[bytes], object] = OCR(model=model) if pages else served(model).recognizer.read
    count, end, used = -len(pictures) // 10, None, 0.0
    for picture in itertools.cycle(pictures):
        read(picture)
        count += 1
        if count == 0:
            end, used = time.perf_counter() + seconds, time.process_time()
        elif end is not None and time.perf_counter() > end:
            return BareRate(count / seconds, 1000 * (time.process_time() - used) / count)
    raise AssertionError("there are no pictures")


def bare_rate(model: Path, pictures: list[bytes], workers: int, seconds: float, pages: bool = False) -> BareRate:
    """The same on as many cores as workers."""
    cores = sorted(os.sched_getaffinity(0))[:workers]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        rates = pool.starmap(bare, [(model, pictures, core, seconds, pages) for core in cores])
    return BareRate(sum(each.rate for each in rates), sum(each.processor_ms for each in rates) / workers)
