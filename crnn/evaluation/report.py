"""What an evaluation found, as JSON for programs and Markdown for people. Knows nothing of how."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crnn.evaluation.peers import MissingPeer
from crnn.evaluation.readers import Guess
from crnn.evaluation.timing import Latency
from crnn.metrics import Accuracy

PREDICTIONS = "predictions.tsv"


@dataclass(frozen=True)
class Subject:
    """One recogniser's figures on the lines.

    Attributes:
        name, source, size_mb: see `readers.LineReader`.
        guesses: one a line.
        throughput: lines a second; batched for our models, one at a time for peers.
    """

    name: str
    source: str
    size_mb: float
    accuracy: Accuracy
    latency: Latency
    throughput: float
    guesses: tuple[Guess, ...]


@dataclass(frozen=True)
class Report:
    """An evaluation.

    Attributes:
        name: of the run, `artifacts/<name>`.
        dataset: path of the lines.
        machine: processor, cores, versions.
        models: ours; the first is the one the report is about.
        peers: others, read on the same lines in the same loop.
        missing: peers asked for that could not be had.
    """

    name: str
    dataset: str
    machine: dict[str, Any]
    models: tuple[Subject, ...]
    peers: tuple[Subject, ...]
    missing: tuple[MissingPeer, ...]

    @property
    def subjects(self) -> tuple[Subject, ...]:
        return self.models + self.peers

    def to_dict(self) -> dict[str, Any]:
        """The contract of `report.json`: the first model's figures at the top, then all models and peers."""
        first = self.models[0]
        return {
            "name": self.name,
            "model": first.source,
            "dataset": self.dataset,
            "samples": first.accuracy.samples,
            **_figures(first),
            "normalisation": "NFKC, runs of spaces as one, ends stripped; exact_nospace drops all spaces",
            "machine": self.machine,
            "models": [_entry(subject) for subject in self.models],
            "peers": [
                *map(_entry, self.peers),
                *({"name": m.name, "missing": m.reason} for m in self.missing),
            ],
            "predictions": PREDICTIONS,
        }


def _entry(subject: Subject) -> dict[str, Any]:
    return {"name": subject.name, "source": subject.source, **_figures(subject)}


def _figures(subject: Subject) -> dict[str, Any]:
    accuracy = subject.accuracy
    return {
        "size_mb": round(subject.size_mb, 3),
        "accuracy": {
            **_scores(accuracy),
            "by_category": {
                name: {"samples": group.samples, **_scores(group)}
                for name, group in accuracy.by_category.items()
            },
        },
        "latency_ms": _rounded(dataclasses.asdict(subject.latency)),
        "throughput_lines_per_s": round(subject.throughput, 2),
    }


def _scores(accuracy: Accuracy) -> dict[str, float]:
    return {name: round(getattr(accuracy, name), 6) for name in ("exact", "exact_nospace", "cer")}


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 3)
        if isinstance(value, float)
        else [round(v, 3) for v in value]
        if isinstance(value, tuple)
        else value
        for name, value in values.items()
    }


def write_json(report: Report, path: Path) -> None:
    path.write_text(json.dumps(report.to_dict(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def to_markdown(report: Report) -> str:
    """The report for people: overall, by category, and what is missing."""
    first = report.models[0]
    parts = [
        f"# {report.name}",
        f"{first.accuracy.samples} lines of `{report.dataset}`. {_machine_sentence(report.machine)}\n"
        "`exact` and `CER` compare NFKC text with runs of spaces folded to one and the ends stripped; "
        "`exact, no spaces` drops spaces too.\n"
        "Time is from decoded pixels to text, one line at a time, all subjects in turn line by line.",
        _overall(report),
    ]
    if first.accuracy.by_category:
        parts += ["## CER by category", _by_category(report, "cer"), "## Exact, no spaces, by category"]
        parts += [_by_category(report, "exact_nospace")]
    if report.missing:
        parts += ["## Not compared", "\n".join(f"- **{m.name}**: {m.reason}" for m in report.missing)]
    return "\n\n".join(parts) + "\n"


def _overall(report: Report) -> str:
    base = report.models[0].latency.p50
    rows = [
        (
            subject.name,
            f"{subject.size_mb:.1f}",
            f"{subject.accuracy.exact:.3f}",
            f"{subject.accuracy.exact_nospace:.3f}",
            f"{subject.accuracy.cer:.4f}",
            f"{subject.latency.p50:.2f} ({subject.latency.low:.2f}–{subject.latency.high:.2f})",
            f"{subject.latency.p95:.2f}",
            f"{subject.latency.p99:.2f}",
            f"{subject.latency.p50 / base:.2f}×",
            f"{subject.throughput:.0f}",
            subject.latency.threads,
        )
        for subject in report.subjects
    ]
    header = "MB|exact|exact, no spaces|CER|ms p50 (quartiles)|p95|p99|p50 to first|lines/s|threads"
    return table(["", *header.split("|")], rows)


def _by_category(report: Report, score: str) -> str:
    groups = report.models[0].accuracy.by_category
    digits = 4 if score == "cer" else 3
    rows = [
        (
            subject.name,
            *(f"{getattr(subject.accuracy.by_category[name], score):.{digits}f}" for name in groups),
        )
        for subject in report.subjects
    ]
    return table(["", *(f"{name} ({group.samples})" for name, group in groups.items())], rows)


def _machine_sentence(machine: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in machine.items()) + "."
