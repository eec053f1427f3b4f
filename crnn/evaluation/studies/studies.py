"""Measurements of models beyond reading the lines once: growth, surroundings, memory, the machine's limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crnn.core.cpus import available_cpus
from crnn.datasets.labeled import LabeledLine
from crnn.evaluation.engines.readers import LineReader, ModelReader
from crnn.evaluation.studies.consistency import Consistency, check_consistency
from crnn.evaluation.studies.memory import Memory, measure_memory
from crnn.evaluation.studies.overhead import Overhead, measure_overhead
from crnn.evaluation.studies.roofline import MachineRates, Roofline, measure_machine, roofline
from crnn.evaluation.studies.scaling import time_by_batch, time_by_threads, time_by_width


@dataclass
class StudiesConfig:
    """See configs/bench.yaml for meanings and values; empty and 0 leave a study out."""

    widths: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    width: int = 288
    rounds: int = 5
    overhead_lines: int = 0
    consistency_lines: int = 0
    memory_lines: int = 0
    roofline: bool = False


@dataclass(frozen=True)
class Studies:
    """Measurements beyond reading the lines; empty ones were not asked for. Outer keys are readers' names.

    Attributes:
        widths, batches, threads: milliseconds a line for each setting.
        overhead: of the first two models, the deployed one and its source; `consistency` and `memory` of the first.
        rates: the machine's limits; `rooflines` the first two models against them.
    """

    widths: dict[str, dict[int, float]] = field(default_factory=dict)
    batches: dict[str, dict[int, float]] = field(default_factory=dict)
    threads: dict[str, dict[int, float]] = field(default_factory=dict)
    overhead: dict[str, Overhead] = field(default_factory=dict)
    consistency: dict[str, Consistency] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    rates: MachineRates | None = None
    rooflines: dict[str, Roofline] = field(default_factory=dict)


def run_studies(
    config: StudiesConfig,
    models: Sequence[ModelReader],
    peers: Sequence[LineReader],
    lines: Sequence[LabeledLine],
    seed: int,
) -> Studies:
    """Do what `config` asks for: of peers only time against width, of the first two models all but what takes minutes.

    Raises:
        UserError: memory is asked for on a system without /proc.
    """
    first = models[0]
    rates = measure_machine() if config.roofline else None
    threads = [count for count in config.threads if count <= available_cpus()]
    studies = Studies(
        widths=time_by_width([*models, *peers], lines, config.widths, config.rounds),
        batches=time_by_batch(models, lines, config.batches, config.width, config.rounds),
        threads=time_by_threads(models, lines, threads, config.width, config.rounds),
        rates=rates,
    )
    for model in models[:2]:
        overhead = measure_overhead(model, lines, config.overhead_lines)
        if overhead is not None:
            studies.overhead[model.name] = overhead
        if rates is not None:
            height = model.recognizer.info.canvas.height
            studies.rooflines[model.name] = roofline(Path(model.source), height, config.width, rates)
    if config.consistency_lines:
        studies.consistency[first.name] = check_consistency(first, lines, config.consistency_lines, seed)
    if config.memory_lines:
        studies.memory[first.name] = measure_memory(first.source, config.memory_lines)
    return studies
