"""How recognizers are timed: warmed up, interleaved line by line, one clock.

Each line is decoded once, outside the clock, and handed to every reader before the next line comes, in an order drawn
for each line: a reader that always came after the largest would find the caches emptied by it and take a tenth longer.
A machine that slows down for a while slows all alike. Processor time is taken beside the clock's: waiting for a core
counts in the one and not in the other, so it is the one to compare on a busy machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from crnn.datasets.labeled import LabeledLine
from crnn.evaluation.engines.readers import Guess, LineReader, ModelReader
from crnn.image.preprocess import decode_image


@dataclass(frozen=True)
class Latency:
    """Milliseconds from decoded pixels to text, one line at a time.

    Attributes:
        p50, p95, p99, mean: over the lines, each line standing for the median of its repeats.
        low, high: lower and upper quartile over the lines.
        repeats: times each line was read against the clock.
        repeat_p50: the median over the lines in each repeat: how much the machine wavered.
        cpu_p50: median processor time, over all threads.
        threads: processor threads of the reader.
    """

    p50: float
    p95: float
    p99: float
    mean: float
    low: float
    high: float
    repeats: int
    repeat_p50: tuple[float, ...]
    cpu_p50: float
    threads: int


@dataclass(frozen=True)
class Run:
    """What one reader made of all lines.

    Attributes:
        guesses: one a line.
        milliseconds, cpu_milliseconds: by the clock and of processor time, float64 (repeats, lines).
    """

    guesses: tuple[Guess, ...]
    milliseconds: np.ndarray
    cpu_milliseconds: np.ndarray

    @property
    def line_milliseconds(self) -> np.ndarray:
        """By the clock, float64 (lines,): the median of each line's repeats."""
        return np.asarray(np.median(self.milliseconds, axis=0))

    @property
    def cpu_line_milliseconds(self) -> np.ndarray:
        """Processor time, float64 (lines,): the median of each line's repeats."""
        return np.asarray(np.median(self.cpu_milliseconds, axis=0))

    def latency(self, threads: int) -> Latency:
        lines = self.line_milliseconds
        p50, p95, p99, low, high = (float(v) for v in np.percentile(lines, [50, 95, 99, 25, 75]))
        return Latency(
            p50=p50,
            p95=p95,
            p99=p99,
            mean=float(lines.mean()),
            low=low,
            high=high,
            repeats=len(self.milliseconds),
            repeat_p50=tuple(float(v) for v in np.median(self.milliseconds, axis=1)),
            cpu_p50=float(np.median(self.cpu_line_milliseconds)),
            threads=threads,
        )


def run_interleaved(
    readers: Sequence[LineReader],
    lines: Sequence[LabeledLine],
    repeats: int,
    warmup: int,
    advance: Callable[[], object] = lambda: None,
) -> list[Run]:
    """Read all lines with all readers, `repeats` times; `warmup` lines first, off the clock.

    `advance` is called after each line of each repeat, for a progress bar.

    Returns:
        One run a reader, in their order. The guesses are those of the first repeat.
    """
    spread = np.linspace(0, len(lines) - 1, min(warmup, len(lines))).astype(int)
    for index in spread:
        image = decode_image(lines[index].image)
        for reader in readers:
            reader.read(image)
    milliseconds, cpu_milliseconds = np.empty((2, len(readers), repeats, len(lines)))
    guesses: list[list[Guess]] = [[] for _ in readers]
    order = np.random.default_rng(0)
    for repeat in range(repeats):
        for position, line in enumerate(lines):
            image = decode_image(line.image)
            for which in order.permutation(len(readers)):
                cpu_began, began = time.process_time_ns(), time.perf_counter_ns()
                guess = readers[which].read(image)
                ended, cpu_ended = time.perf_counter_ns(), time.process_time_ns()
                milliseconds[which, repeat, position] = (ended - began) / 1e6
                cpu_milliseconds[which, repeat, position] = (cpu_ended - cpu_began) / 1e6
                if repeat == 0:
                    guesses[which].append(guess)
            advance()
    return [Run(tuple(read), *times) for read, *times in zip(guesses, milliseconds, cpu_milliseconds, strict=True)]


def throughput(reader: ModelReader, lines: Sequence[LabeledLine], chunk: int) -> float:
    """Lines a second from decoded pixels to text, `chunk` handed over at a time to be batched."""
    reading = 0.0
    for start in range(0, len(lines), chunk):
        images = [decode_image(line.image) for line in lines[start : start + chunk]]
        began = time.perf_counter()
        reader.read_many(images)
        reading += time.perf_counter() - began
    return len(lines) / reading
