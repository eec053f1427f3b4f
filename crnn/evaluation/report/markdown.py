"""Writes a report for people, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from crnn.evaluation.report.article import article_tables
from crnn.evaluation.report.report import Report
from crnn.evaluation.report.targets import against_targets
from crnn.evaluation.studies.studies import Studies


def table(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def to_markdown(report: Report) -> str:
    """Overall figures, categories, the models against their baseline, studies, and what is missing."""
    first = report.models[0]
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    parts = [
        f"# {report.name}",
        f"{first.accuracy.samples} lines of `{report.dataset}`. {machine}.",
        "`exact` and `CER` compare NFKC text with runs of spaces folded to one and the ends stripped; "
        "`no spaces` drops spaces too. `±` is half the 95 % interval of the exact rate. Time is from decoded "
        "pixels to text, one line at a time, all subjects in an order drawn for each line; quartiles over the lines. "
        "`CPU` is processor time, which other work on the machine disturbs least: compare by it.",
        _overall(report),
    ]
    targets = against_targets(report)
    if targets:
        rows = [(target.what, target.wanted, target.measured, "yes" if target.met else "**no**") for target in targets]
        parts += ["## Against the targets", table([report.models[0].name, "target", "measured", "met"], rows)]
    parts += article_tables(report, table)
    if report.missing:
        parts += ["## Not compared", "\n".join(f"- **{m.name}**: {m.reason}" for m in report.missing)]
    if first.accuracy.by_category:
        parts += ["## CER by category", _by_category(report, "cer", 4)]
        parts += ["## Exact by category, no spaces", _by_category(report, "exact_nospace", 3)]
    if report.comparisons:
        parts += [f"## Against {report.baseline}", _comparisons(report)]
    if report.robustness:
        parts += ["## Changed lines: exact, no spaces", _robustness(report)]
    parts += _studies(report.studies)
    return "\n\n".join(parts) + "\n"


def _overall(report: Report) -> str:
    base = report.models[0].latency.cpu_p50
    rows = []
    for subject in report.subjects:
        accuracy, latency = subject.accuracy, subject.latency
        half = 1.96 * (accuracy.exact * (1 - accuracy.exact) / accuracy.samples) ** 0.5
        rows.append(
            (
                subject.name,
                f"{subject.size_mb:.1f}",
                f"{accuracy.exact:.3f} ± {half:.3f}",
                f"{accuracy.exact_nospace:.3f}",
                f"{accuracy.cer:.4f}",
                f"{latency.p50:.2f} ({latency.low:.2f}–{latency.high:.2f})",
                f"{latency.p95:.2f}",
                f"{latency.p99:.2f}",
                f"{latency.cpu_p50:.2f}",
                f"{latency.cpu_p50 / base:.2f}×",
                f"{subject.throughput:.0f}",
                latency.threads,
                f"{subject.calibration.ece:.3f}",
            )
        )
    header = "MB|exact|no spaces|CER|ms p50 (quartiles)|p95|p99|CPU ms p50|CPU to first|lines/s|threads|ECE"
    return table(["", *header.split("|")], rows)


def _by_category(report: Report, score: str, digits: int) -> str:
    groups = report.models[0].accuracy.by_category
    rows = [
        (
            subject.name,
            *(f"{getattr(subject.accuracy.by_category[name], score):.{digits}f}" for name in groups),
        )
        for subject in report.subjects
    ]
    return table(["", *(f"{name} ({group.samples})" for name, group in groups.items())], rows)


def _comparisons(report: Report) -> str:
    base = report.subject(report.baseline)
    rows = []
    for name, change in report.comparisons.items():
        subject = report.subject(name)
        exact, cer = change.exact, change.cer
        rows.append(
            (
                f"{name} ({subject.precision})",
                f"{base.size_mb / subject.size_mb:.2f}×",
                f"{base.latency.p50 / subject.latency.p50:.2f}×",
                f"{base.latency.cpu_p50 / subject.latency.cpu_p50:.2f}×",
                f"{100 * exact.mean:+.2f} ({100 * exact.low:+.2f} to {100 * exact.high:+.2f})",
                f"{100 * cer.mean:+.3f} ({100 * cer.low:+.3f} to {100 * cer.high:+.3f})",
                change.changed,
            )
        )
    return table(
        [
            "",
            "smaller",
            "faster, p50",
            "faster, CPU p50",
            "exact, points (95 %)",
            "CER, points (95 %)",
            "lines that differ",
        ],
        rows,
    )


def _robustness(report: Report) -> str:
    profile = report.robustness
    own = profile[report.models[0].name]
    rows: list[Sequence[object]] = [(change, *(f"{rates[change]:.3f}" for rates in profile.values())) for change in own]
    kept = (sum(own[change] >= rates[change] for change in own) for rates in profile.values())
    rows.append((f"{report.models[0].name} is no worse in", *(f"{count} of {len(own)}" for count in kept)))
    return table(["", *profile], rows)


def _studies(studies: Studies) -> list[str]:
    parts: list[str] = []
    for title, figures in (
        ("Time against width: CPU ms a line at so many pixels (canvas height 32)", studies.widths),
        ("Time against batch: CPU ms a line of the bare network", studies.batches),
        ("Time against threads inside one run: ms a line", studies.threads),
    ):
        if figures:
            settings = list(next(iter(figures.values())))
            rows = [(name, *(f"{times[s]:.2f}" for s in settings)) for name, times in figures.items()]
            parts += [f"## {title}", table(["", *settings], rows)]
    if studies.overhead:
        rows = [
            (name, f"{o.decode:.2f}", f"{o.run:.2f}", f"{o.total:.2f}", f"{o.ratio:.2f}×")
            for name, o in studies.overhead.items()
        ]
        header = ["CPU ms a line", "decode", "bare run", "bytes → text", "bytes → text over run"]
        parts += ["## What surrounds the network", table(header, rows)]
    if studies.consistency:
        rows = [
            (name, f"{c.same} of {c.lines}", str(c.distinct), f"{c.largest_difference:.2g}")
            for name, c in studies.consistency.items()
        ]
        header = [
            "",
            "same text alone, in any batch, in any order",
            "different lines (the others: these at other widths)",
            "largest difference of a confidence",
        ]
        parts += ["## Alone and in company", table(header, rows)]
    if studies.memory:
        rows = [
            (
                name,
                f"{m.loaded:.0f}",
                f"{m.warm:.0f}",
                f"{m.end:.0f}",
                f"{m.peak:.0f}",
                f"{m.drift:+.1f}",
                str(m.lines),
            )
            for name, m in studies.memory.items()
        ]
        header = ["", "loaded", "after a tenth", "at the end", "peak", "drift", "lines of random widths"]
        parts += ["## Resident memory of a reading process, MB", table(header, rows)]
    return parts + _rooflines(studies)


def _rooflines(studies: Studies) -> list[str]:
    if studies.rates is None:
        return []
    rates = studies.rates
    rows = []
    for name, roofline in studies.rooflines.items():
        for kind in roofline.kinds:
            share = f"{kind.limit_ms / kind.milliseconds:.0%}" if kind.megamacs and kind.milliseconds else ""
            rate = f"{kind.megamacs / kind.milliseconds:.1f}" if kind.megamacs and kind.milliseconds else ""
            numbers = "int8" if kind.integer else "float32"
            cost = (f"{kind.megamacs:.1f}", f"{kind.milliseconds:.2f}", rate)
            rows.append((name, kind.kind, numbers, *cost, f"{kind.limit_ms:.2f}", share))
        share = f"{roofline.limit_ms / roofline.milliseconds:.0%}"
        total = (
            f"{roofline.megamacs:.1f}",
            f"{roofline.milliseconds:.2f}",
            "",
            f"{roofline.limit_ms:.2f}",
            share,
        )
        rows.append((name, "**all**", "", *total))
    sentence = (
        f"One thread of this machine: {rates.int8:.0f} · 10⁹ multiply-accumulates a second in uint8 × int8, "
        f"{rates.float32:.0f} in float32 (square products, which blocked convolutions may exceed), "
        f"{rates.copy:.1f} GB/s (copy)."
    )
    weights = "; ".join(
        f"{name}: {r.megabytes:.1f} MB of weights, {r.weights_ms:.2f} ms at copy speed"
        for name, r in studies.rooflines.items()
    )
    width = next(iter(studies.rooflines.values())).width if studies.rooflines else 0
    header = [
        f"line of {width} px",
        "operators",
        "numbers",
        "10⁶ MACs",
        "ms",
        "10⁹ MAC/s",
        "limit ms",
        "of the limit",
    ]
    return ["## Against the machine's limit", f"{sentence} {weights}.", table(header, rows)]
