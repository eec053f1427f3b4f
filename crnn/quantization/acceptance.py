"""Decides whether an INT8 model may replace its FP32 source on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from crnn.core import metrics
from crnn.datasets.labeled import LabeledLine
from crnn.evaluation.engines.readers import ModelReader
from crnn.evaluation.measures.calibration import reliability_of
from crnn.evaluation.measures.scoring import Change, compare
from crnn.evaluation.measures.timing import Run, run_interleaved


@dataclass
class GateConfig:
    """Attributes:
    lines: read by both models; fewer if the dataset holds fewer.
    max_cer_increase: largest loss that is allowed, as a share of characters, where it is more than chance.
    repeats: times each line is read; its time is the median.
    warmup: lines read off the clock.
    threads: of each model.
    """

    lines: int = 2000  # the paired 95 % interval of the CER is then some ± 0.001 wide
    max_cer_increase: float = 0.0005  # one character in 2,000; a loss that chance explains (interval around 0) passes
    repeats: int = 1  # the median over so many lines is steady
    warmup: int = 32
    threads: int = 1


@dataclass(frozen=True)
class Figures:
    """What is weighed of one model.

    Attributes:
        exact, cer: shares of the lines and of the characters.
        cpu_p50_ms: median processor time of a line: it decides, for other work on the machine disturbs it least.
        p50_ms: the same by the clock.
        size_mb: 10^6 bytes.
    """

    exact: float
    cer: float
    cpu_p50_ms: float
    p50_ms: float
    size_mb: float


@dataclass(frozen=True)
class Verdict:
    """FP32 and INT8 on the same lines.

    Attributes:
        lines: how many.
        exact_change, cer_change: INT8 minus FP32, with the 95 % bounds of the paired differences.
        confidence: scale and offset that calibrate the INT8 model's confidences (see `crnn.core.reading`).
        objections: reasons against the INT8 model; empty if it may be deployed.
    """

    lines: int
    fp32: Figures
    int8: Figures
    exact_change: Change
    cer_change: Change
    confidence: dict[str, float]
    objections: tuple[str, ...]


def judge(
    fp32: Path,
    int8: Path,
    lines: Sequence[LabeledLine],
    config: GateConfig,
    advance: Callable[[], object] = lambda: None,
) -> Verdict:
    """Read `lines` with both models, turn by turn, and compare accuracy, time and size."""
    readers = [ModelReader(path, path.stem, config.threads) for path in (fp32, int8)]
    runs = run_interleaved(readers, lines, config.repeats, config.warmup, advance)
    before, after = (_figures(reader, run, lines) for reader, run in zip(readers, runs, strict=True))
    texts = [[guess.text for guess in run.guesses] for run in runs]
    change = compare(lines, texts[0], texts[1])
    fit = reliability_of(lines, runs[1].guesses)
    return Verdict(
        lines=len(lines),
        fp32=before,
        int8=after,
        exact_change=change.exact,
        cer_change=change.cer,
        confidence={"scale": fit.scale, "offset": fit.offset},
        objections=tuple(objections(before, after, change.cer, config.max_cer_increase)),
    )


def objections(fp32: Figures, int8: Figures, cer_change: Change, max_cer_increase: float) -> list[str]:
    """Why `int8` must not replace `fp32`: it has to be smaller and faster and to lose no more than allowed.

    A loss counts if it is larger than allowed and larger than chance: if its 95 % interval lies above zero. Both models
    read the same lines, so that only lines on which they differ make the interval wide.
    """
    found = []
    if int8.size_mb >= fp32.size_mb:
        found.append(f"not smaller ({int8.size_mb:.2f} MB against {fp32.size_mb:.2f})")
    if int8.cpu_p50_ms >= fp32.cpu_p50_ms:
        found.append(f"not faster ({int8.cpu_p50_ms:.2f} ms of the processor a line against {fp32.cpu_p50_ms:.2f})")
    if cer_change.mean > max_cer_increase and cer_change.low > 0:
        found.append(
            f"CER rises from {fp32.cer:.4f} to {int8.cer:.4f}, by {cer_change.low:.4f} to {cer_change.high:.4f} "
            f"(allowed: {max_cer_increase})"
        )
    return found


def _figures(reader: ModelReader, run: Run, lines: Sequence[LabeledLine]) -> Figures:
    accuracy = metrics.score([line.text for line in lines], [guess.text for guess in run.guesses])
    latency = run.latency(reader.threads)
    return Figures(accuracy.exact, accuracy.cer, latency.cpu_p50, latency.p50, reader.size_mb)
