"""What the reader does without a server around it. A module of its own, since its processes import it by name."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from pathlib import Path

from crnn.recognizer import Recognizer


def bare(model: Path, pictures: list[bytes], core: int, seconds: float) -> float:
    """Lines a second that the reader alone reads on `core`, one after the other."""
    os.sched_setaffinity(0, {core})
    reader = Recognizer(model)
    count, end = -len(pictures) // 10, None
    for picture in itertools.cycle(pictures):
        reader.read(picture)
        count += 1
        if count == 0:
            end = time.perf_counter() + seconds
        elif end is not None and time.perf_counter() > end:
            return count / seconds
    raise AssertionError("there are no pictures")


def bare_rate(model: Path, pictures: list[bytes], workers: int, seconds: float) -> float:
    """The same on as many cores as workers."""
    cores = sorted(os.sched_getaffinity(0))[:workers]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return sum(pool.starmap(bare, [(model, pictures, core, seconds) for core in cores]))
