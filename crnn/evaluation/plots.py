"""Draws a report's figures as PNG. Knows nothing of how they were measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from crnn.evaluation.report import Report

# Okabe and Ito's palette: its neighbours stay apart for colour-blind eyes.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999", "#F0E442")
AREA_PER_MB = 22  # points² of a bubble: 20 MB stay smaller than the axes' tick distance
FLOOR = 1e-4  # CER below which a bar would vanish on the logarithmic axis


def write_plots(folder: Path, report: Report, widths: Sequence[int]) -> None:
    """Draw all plots into `folder`; `widths` are the lines' at the first model's canvas height, in pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_tradeoff(folder / "tradeoff.png", report)
    draw_latency(folder / "latency.png", report)
    draw_time_by_width(folder / "time_by_width.png", report, widths)
    draw_reliability(folder / "reliability.png", report)
    if report.models[0].accuracy.by_category:
        draw_categories(folder / "cer_by_category.png", report)


def draw_tradeoff(path: Path, report: Report) -> None:
    """Error against time of each subject, a bubble's area its size."""
    figure, axes = _figure(7, 5)
    for subject, colour in zip(report.subjects, _colours(report), strict=True):
        x, y = subject.latency.p50, max(FLOOR, subject.accuracy.cer)
        axes.scatter(x, y, s=AREA_PER_MB * subject.size_mb, color=colour, alpha=0.6, edgecolors="white")
        label = f"{subject.name}\n{subject.size_mb:.1f} MB"
        axes.annotate(label, (x, y), ha="center", va="center", fontsize=8)
    axes.set(xscale="log", yscale="log", xlabel="ms a line, median, one at a time (lower is better)")
    axes.set(ylabel="CER (lower is better)", title=f"Error, time and size on {_count(report)} lines")
    axes.margins(0.2)
    _save(figure, path)


def draw_latency(path: Path, report: Report) -> None:
    """Share of lines that each subject had read within a time."""
    figure, axes = _figure(7, 4.5)
    for subject, colour in zip(report.subjects, _colours(report), strict=True):
        times = np.sort(subject.milliseconds)
        axes.plot(times, np.arange(1, len(times) + 1) / len(times), color=colour, label=subject.name)
    axes.set(xscale="log", xlabel="ms a line", ylabel="share of lines", title="Time of single lines")
    axes.legend(fontsize=8)
    _save(figure, path)


def draw_time_by_width(path: Path, report: Report, widths: Sequence[int]) -> None:
    """Each line's time against its width."""
    figure, axes = _figure(7, 4.5)
    for subject, colour in zip(report.subjects, _colours(report), strict=True):
        axes.scatter(widths, subject.milliseconds, s=6, color=colour, alpha=0.5, label=subject.name, linewidths=0)
    axes.set(yscale="log", xlabel="width at the canvas height, px", ylabel="ms", title="Time against width")
    axes.legend(fontsize=8, markerscale=3)
    _save(figure, path)


def draw_categories(path: Path, report: Report) -> None:
    """CER of each subject in each category."""
    groups = list(report.models[0].accuracy.by_category)
    figure, axes = _figure(max(7, 1.1 * len(groups)), 4.5)
    width = 0.85 / len(report.subjects)
    for position, (subject, colour) in enumerate(zip(report.subjects, _colours(report), strict=True)):
        heights = [max(FLOOR, subject.accuracy.by_category[group].cer) for group in groups]
        axes.bar(np.arange(len(groups)) + position * width, heights, width, color=colour, label=subject.name)
    axes.set_xticks(np.arange(len(groups)) + 0.425 - width / 2, groups, rotation=30, ha="right")
    axes.set(yscale="log", ylabel="CER (lower is better)", title="Error by category")
    axes.legend(fontsize=8, ncols=3)
    _save(figure, path)


def draw_reliability(path: Path, report: Report) -> None:
    """Share of lines read right against the confidence they were given; the diagonal is what it should be."""
    figure, axes = _figure(5.5, 5.5)
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
    for subject, colour in zip(report.subjects, _colours(report), strict=True):
        bins = subject.calibration.bins
        x, y = [b.confidence for b in bins], [b.right for b in bins]
        axes.plot(x, y, color=colour, label=f"{subject.name}, ECE {subject.calibration.ece:.3f}")
        axes.scatter(x, y, s=[4 + 2 * np.sqrt(b.lines) for b in bins], color=colour)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="share of lines right, spaces ignored")
    axes.set(title="Can the confidence be believed?", aspect="equal")
    axes.legend(fontsize=8)
    _save(figure, path)


def _count(report: Report) -> int:
    return report.models[0].accuracy.samples


def _colours(report: Report) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(len(report.subjects))]


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    # A figure of its own, not pyplot's: no global state and no display.
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.grid(True, which="major", color="#e5e5e5")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=130)
