"""What an evaluation found, and its form as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from crnn.core.metrics import Accuracy
from crnn.evaluation.engines.peers import MissingPeer
from crnn.evaluation.engines.readers import Guess
from crnn.evaluation.measures.calibration import Reliability
from crnn.evaluation.measures.scoring import Comparison
from crnn.evaluation.measures.timing import Latency
from crnn.evaluation.studies.studies import Studies

PREDICTIONS = "predictions.tsv"
NORMALIZATION = "NFKC, runs of spaces as one, ends stripped; exact_nospace drops all spaces"


@dataclass(frozen=True, eq=False)
class Subject:
    """One recognizer's figures on the lines.

    Attributes:
        name, source, size_mb, precision: see `readers.LineReader`.
        throughput: lines a second; batched for our models, one at a time for peers.
        guesses: one a line.
        milliseconds, cpu_milliseconds: float64 (lines,), the median of each line's repeats.
        chinese: scores of the lines whose truth has a hanzi, None if there are none.
        calibration: confidence against truth, a line being right if it is `exact`.
    """

    name: str
    source: str
    size_mb: float
    precision: str
    accuracy: Accuracy
    latency: Latency
    throughput: float
    guesses: tuple[Guess, ...]
    milliseconds: np.ndarray
    cpu_milliseconds: np.ndarray
    chinese: Accuracy | None
    calibration: Reliability


@dataclass(frozen=True, eq=False)
class Report:
    """An evaluation.

    Attributes:
        name: of the run, `artifacts/<name>`.
        dataset: path of the lines.
        machine: processor, cores, versions.
        models: ours; the first is the one the report is about.
        peers: others, read on the same lines in the same loop.
        missing: peers asked for that could not be had.
        baseline: name of the model that the others are compared with: the first in floating point, if any.
        comparisons: the other models against it.
        robustness: exact rates of changed lines, spaces ignored (`measure_robustness`); empty if not asked for.
    """

    name: str
    dataset: str
    machine: dict[str, Any]
    models: tuple[Subject, ...]
    peers: tuple[Subject, ...]
    missing: tuple[MissingPeer, ...]
    baseline: str
    comparisons: dict[str, Comparison]
    studies: Studies
    robustness: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        return self.models + self.peers

    @property
    def compared(self) -> tuple[Subject, ...]:
        """The first model, the baseline and the peers: as much as a crowded plot can show."""
        ours = [model for model in self.models if model.name in (self.models[0].name, self.baseline)]
        return (*ours, *self.peers)

    def subject(self, name: str) -> Subject:
        return next(subject for subject in self.subjects if subject.name == name)

    def to_dict(self) -> dict[str, Any]:
        """The form of `report.json`: the first model's figures at the top, then all models and peers."""
        first = self.models[0]
        missing = [{"name": peer.name, "missing": peer.reason} for peer in self.missing]
        return {
            "name": self.name,
            "model": first.source,
            "dataset": self.dataset,
            "samples": first.accuracy.samples,
            **_figures(first),
            "normalization": NORMALIZATION,
            "machine": self.machine,
            "models": [_entry(subject) for subject in self.models],
            "peers": [*map(_entry, self.peers), *missing],
            "baseline": self.baseline,
            "comparisons": {name: _rounded(dataclasses.asdict(c)) for name, c in self.comparisons.items()},
            "studies": _rounded(dataclasses.asdict(self.studies)),
            **({"robustness": _rounded(self.robustness)} if self.robustness else {}),
            "predictions": PREDICTIONS,
        }

    def write_json(self, path: Path) -> None:
        path.write_text(json.dumps(self.to_dict(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _entry(subject: Subject) -> dict[str, Any]:
    identity = {"name": subject.name, "source": subject.source, "precision": subject.precision}
    return {**identity, **_figures(subject)}


def _figures(subject: Subject) -> dict[str, Any]:
    groups = {
        name: {"samples": group.samples, **_scores(group)} for name, group in subject.accuracy.by_category.items()
    }
    return {
        "size_mb": round(subject.size_mb, 3),
        "accuracy": {**_scores(subject.accuracy), "by_category": groups},
        "latency_ms": _rounded(dataclasses.asdict(subject.latency)),
        "throughput_lines_per_s": round(subject.throughput, 2),
        "calibration": _rounded(dataclasses.asdict(subject.calibration)),
    }


def _scores(accuracy: Accuracy) -> dict[str, float]:
    return {name: round(getattr(accuracy, name), 6) for name in ("exact", "exact_nospace", "cer")}


def _rounded(value: Any) -> Any:
    """`value` with every float in it at six digits: a report is read by people too."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {str(name): _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
