"""What a deployed model must show, and what it showed."""

from __future__ import annotations

from dataclasses import dataclass

from crnn.evaluation.measures.scoring import Change
from crnn.evaluation.report.report import Report


@dataclass(frozen=True)
class Target:
    """One demand: what is measured, the value wanted, the value found."""

    what: str
    wanted: str
    measured: str
    met: bool


def against_targets(report: Report) -> list[Target]:
    """The demands on the first model that this report can answer. Times are processor time."""
    return [*_against_fp32(report), *_against_peers(report), *_alone(report)]


def _against_fp32(report: Report) -> list[Target]:
    first = report.models[0]
    change = report.comparisons.get(first.name)
    if change is None:
        return []
    base, bare = report.subject(report.baseline), report.studies.overhead
    smaller = base.size_mb / first.size_mb
    found = [Target(f"times as small as {base.name}", "≥ 3.9", f"{smaller:.2f}", smaller >= 3.9)]
    if first.name in bare and base.name in bare:
        faster = bare[base.name].run / bare[first.name].run
        found.append(Target(f"times as fast as {base.name}, the bare network", "≥ 2.5", f"{faster:.2f}", faster >= 2.5))
    return [
        *found,
        Target("exact lines, points", "≥ -0.2", _with_bounds(change.exact, 2), 100 * change.exact.mean >= -0.2),
        Target("CER, points", "≤ +0.05", _with_bounds(change.cer, 3), 100 * change.cer.mean <= 0.05),
    ]


def _with_bounds(change: Change, digits: int) -> str:
    """In points, with the 95 % bounds."""
    mean, low, high = (f"{100 * share:+.{digits}f}" for share in (change.mean, change.low, change.high))
    return f"{mean} ({low} to {high})"


def _against_peers(report: Report) -> list[Target]:
    first, found = report.models[0].latency.cpu_p50, []
    for peer in report.peers:
        most = {"ppocr_v6_tiny": 1.0, "ppocr_v6_small": 0.25}.get(peer.name)
        if most is not None:
            share = first / peer.latency.cpu_p50
            found.append(Target(f"time of a line against {peer.name}", f"≤ {most}", f"{share:.2f}", share <= most))
    return found


def _alone(report: Report) -> list[Target]:
    name, studies, found = report.models[0].name, report.studies, []
    if name in studies.overhead:
        ratio = studies.overhead[name].ratio
        found.append(Target("image bytes to text over the bare network", "≤ 1.3", f"{ratio:.2f}", ratio <= 1.3))
    if name in studies.memory:
        peak, drift = studies.memory[name].peak, studies.memory[name].drift
        found.append(Target("resident memory at its peak, MB", "≤ 150", f"{peak:.0f}", peak <= 150))
        found.append(Target("growth of memory, MB", "< 5", f"{drift:+.1f}", drift < 5))
    if name in studies.consistency:
        lines, same = studies.consistency[name].lines, studies.consistency[name].same
        found.append(Target("same text alone and in any batch, lines", f"{lines}", f"{same}", same == lines))
    return found
