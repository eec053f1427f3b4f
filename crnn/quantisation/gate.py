"""Decides whether an INT8 model may replace its FP32 source on this machine. Knows nothing of how it was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from crnn import metrics
from crnn.evaluation.calibration import reliability
from crnn.evaluation.lines import LabelledLine
from crnn.evaluation.readers import ModelReader
from crnn.evaluation.timing import Run, run_interleaved


@dataclass
class GateConfig:
    """Reasons for the values stand in configs/quantize/quantize.yaml.

    Attributes:
        lines: read by both models; fewer if the dataset holds fewer.
        max_cer_increase: largest loss that is allowed, as a share of characters.
        repeats: times each line is read; its time is the median.
        warmup: lines read off the clock.
        threads: of each model.
    """

    lines: int = 1000
    max_cer_increase: float = 0.002
    repeats: int = 3
    warmup: int = 32
    threads: int = 1


@dataclass(frozen=True)
class Figures:
    """What is weighed of one model: shares of lines and characters, milliseconds a line, 10^6 bytes."""

    exact: float
    cer: float
    p50_ms: float
    size_mb: float


@dataclass(frozen=True)
class Verdict:
    """FP32 and INT8 on the same lines.

    Attributes:
        lines: how many.
        confidence: scale and offset that calibrate the INT8 model's confidences (see `crnn.reading`).
        objections: reasons against the INT8 model; empty if it may be deployed.
    """

    lines: int
    fp32: Figures
    int8: Figures
    confidence: dict[str, float]
    objections: tuple[str, ...]


def judge(
    fp32: Path,
    int8: Path,
    lines: Sequence[LabelledLine],
    config: GateConfig,
    advance: Callable[[], object] = lambda: None,
) -> Verdict:
    """Read `lines` with both models, turn by turn, and compare accuracy, time and size."""
    readers = [ModelReader(path, path.stem, config.threads) for path in (fp32, int8)]
    runs = run_interleaved(readers, lines, config.repeats, config.warmup, advance)
    before, after = (_figures(reader, run, lines) for reader, run in zip(readers, runs, strict=True))
    guesses = runs[1].guesses
    right = [
        metrics.normalise(line.text) == metrics.normalise(guess.text)
        for line, guess in zip(lines, guesses, strict=True)
    ]
    fit = reliability([guess.confidence for guess in guesses], right)
    return Verdict(
        lines=len(lines),
        fp32=before,
        int8=after,
        confidence={"scale": fit.scale, "offset": fit.offset},
        objections=tuple(objections(before, after, config.max_cer_increase)),
    )


def objections(fp32: Figures, int8: Figures, max_cer_increase: float) -> list[str]:
    """Why `int8` must not replace `fp32`: it has to be smaller and faster and to lose no more than allowed."""
    found = []
    if int8.size_mb >= fp32.size_mb:
        found.append(f"not smaller ({int8.size_mb:.2f} MB against {fp32.size_mb:.2f})")
    if int8.p50_ms >= fp32.p50_ms:
        found.append(f"not faster ({int8.p50_ms:.2f} ms a line against {fp32.p50_ms:.2f})")
    if int8.cer - fp32.cer > max_cer_increase:
        found.append(f"CER rises from {fp32.cer:.4f} to {int8.cer:.4f} (allowed: {max_cer_increase})")
    return found


def _figures(reader: ModelReader, run: Run, lines: Sequence[LabelledLine]) -> Figures:
    accuracy = metrics.score([line.text for line in lines], [guess.text for guess in run.guesses])
    return Figures(accuracy.exact, accuracy.cer, run.latency(reader.threads).p50, reader.size_mb)
