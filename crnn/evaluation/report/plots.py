"""Draws a report's figures as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox
from PIL import Image

from crnn.evaluation.report.report import Report, Subject

# Okabe and Ito's palette: its neighbors stay apart for color-blind eyes.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999", "#F0E442")
DPI = 110
PALETTE = 192  # colors of a file: a dozen of subjects, their shades and the text's edges
AREA_PER_MB = 22  # points² of a bubble: 20 MB stay smaller than the axes' tick distance
CLIPPED = 0.25  # CER at which bars are cut, their value written on them: the small ones are the interesting ones


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
    """Accuracy against time of each subject, a bubble's area its size."""
    figure, axes = new_figure(8, 5.5)
    subjects = [*report.compared, *(s for s in report.subjects if s not in report.compared)]
    points = [(s.latency.cpu_p50, s.accuracy.exact_nospace) for s in subjects]
    for (subject, color), (x, y) in zip(_colored(subjects), points, strict=True):
        axes.scatter(x, y, s=AREA_PER_MB * subject.size_mb, color=color, alpha=0.7, edgecolors="white")
    axes.set(xscale="log", xlabel="processor ms a line, median (lower is better)")
    axes.set(ylabel="lines exact, spaces ignored", title=f"Accuracy, time and size on {_count(report)} lines")
    _plain_ticks(axes.xaxis)
    axes.margins(0.15)
    figure.draw_without_rendering()  # fixes the scales that the labels are laid out by
    labels = [f"{subject.name}, {subject.size_mb:.1f} MB" for subject in subjects]
    _label_apart(axes, points, labels)
    save_figure(figure, path)


def _label_apart(axes: Axes, points: Sequence[tuple[float, float]], labels: Sequence[str]) -> None:
    """Write each label beside its point where no label stands yet: below, above, then further and further away."""
    taken: list[Bbox] = []
    for point, label in zip(points, labels, strict=True):
        for offset in (-20, 14, -32, 26, -44, 38, -56, 50):
            text = axes.annotate(label, point, (0, offset), textcoords="offset points", ha="center", fontsize=8)
            box = text.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                break
            text.remove()
        else:
            text = axes.annotate(label, point, (0, -20), textcoords="offset points", ha="center", fontsize=8)
        taken.append(text.get_window_extent())


def draw_latency(path: Path, report: Report) -> None:
    """Share of lines that each subject had read within a time."""
    figure, axes = new_figure(7, 4.5)
    for subject, color in _colored(report.compared):
        times = np.sort(subject.milliseconds)
        axes.plot(times, np.arange(1, len(times) + 1) / len(times), color=color, label=subject.name)
    axes.set(xscale="log", xlabel="ms a line by the clock", ylabel="share of lines", title="Time of single lines")
    _plain_ticks(axes.xaxis)
    _legend(figure)
    save_figure(figure, path)


def draw_time_by_width(path: Path, report: Report, widths: Sequence[int]) -> None:
    """Each line's time against its width, and the study of widths where it was made."""
    figure, axes = new_figure(7, 4.5)
    for subject, color in _colored(report.compared):
        axes.scatter(widths, subject.cpu_milliseconds, s=6, color=color, alpha=0.5, label=subject.name, linewidths=0)
        studied = report.studies.widths.get(subject.name, {})
        axes.plot(list(studied), list(studied.values()), color=color, linewidth=1)
    axes.set(xscale="log", xlabel="width at the canvas height, px")
    axes.set(yscale="log", ylabel="processor ms", title="Time against width")
    _plain_ticks(axes.xaxis)
    _plain_ticks(axes.yaxis)
    _legend(figure)
    save_figure(figure, path)


def draw_categories(path: Path, report: Report) -> None:
    """CER of each subject in each category."""
    groups = list(report.models[0].accuracy.by_category)
    figure, axes = new_figure(max(7, 1.2 * len(groups)), 4.5)
    width = 0.85 / len(report.compared)
    for position, (subject, color) in enumerate(_colored(report.compared)):
        errors = [subject.accuracy.by_category[group].cer for group in groups]
        places = np.arange(len(groups)) + position * width
        axes.bar(places, np.minimum(errors, CLIPPED), width, color=color, label=subject.name)
        for place, error in zip(places, errors, strict=True):
            if error > CLIPPED:
                axes.text(place, CLIPPED, f" {error:.2f}", ha="center", va="bottom", rotation=90, fontsize=6)
    axes.set_xticks(np.arange(len(groups)) + 0.425 - width / 2, groups, rotation=30, ha="right")
    axes.set(ylabel="CER (lower is better)", title="Error by category")
    axes.grid(False, axis="x")
    axes.margins(y=0.12)  # room for the values of bars that are cut
    _legend(figure)
    save_figure(figure, path)


def draw_reliability(path: Path, report: Report) -> None:
    """Share of lines read right against the confidence they were given; the diagonal is what it should be."""
    figure, axes = new_figure(5.5, 6)
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
    for subject, color in _colored(report.compared):
        bins = subject.calibration.bins
        x, y = [b.confidence for b in bins], [b.right for b in bins]
        axes.plot(x, y, color=color, label=f"{subject.name}, ECE {subject.calibration.ece:.3f}")
        axes.scatter(x, y, s=[4 + 2 * np.sqrt(b.lines) for b in bins], color=color)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="confidence", ylabel="share of lines exact")
    axes.set(title="Can the confidence be believed?", aspect="equal")
    _legend(figure, columns=2)
    save_figure(figure, path)


def _plain_ticks(axis: Axis) -> None:
    """Ticks of a logarithmic axis at 1, 2, 5, 10, …, written as such."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _legend(figure: Figure, columns: int = 4) -> None:
    figure.legend(loc="outside lower center", ncols=columns, fontsize=8, markerscale=2, frameon=False)


def _count(report: Report) -> int:
    return report.models[0].accuracy.samples


def _colored(subjects: Sequence[Subject]) -> list[tuple[Subject, str]]:
    """Each subject with its color: the same in every plot, for all begin with `Report.compared`."""
    return list(zip(subjects, cycle(COLORS), strict=False))


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of its own, not pyplot's: no global state and no display."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.grid(True, which="major", color="#e5e5e5")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG of few colors: a quarter of the bytes, and small enough for a README."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]
    Image.fromarray(pixels).quantize(PALETTE, dither=Image.Dither.NONE).save(path, optimize=True)
