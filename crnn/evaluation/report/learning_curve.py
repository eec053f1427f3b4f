"""Draws what a run learned, from its history.jsonl.

python -m crnn.evaluation.report.learning_curve RUN_FOLDER OUTPUT.png
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from crnn.core.errors import UserError, exit_cleanly
from crnn.core.files import HISTORY
from crnn.evaluation.report.plots import COLORS, new_figure, save_figure


@dataclass(frozen=True)
class Point:
    """One validation: lines and hours of training before it, shares of lines and characters of the held-out lines."""

    lines: int
    hours: float
    exact_nospace: float
    cer: float


def read_history(path: Path) -> list[Point]:
    """The validations of a run, in order; of a step that was reached twice the later one.

    Raises:
        UserError: no such file, or it holds no validation.
    """
    if not path.is_file():
        raise UserError(f"no history at {path}: give the folder of a training run")
    records = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(text)
        accuracy = record["accuracy"]
        point = Point(record["lines"], record["hours"], accuracy["exact_nospace"], accuracy["cer"])
        records[record["step"]] = point
    if not records:
        raise UserError(f"{path} holds no validation yet")
    return [records[step] for step in sorted(records)]


def draw(points: list[Point], output: Path) -> None:
    """Two curves over lines seen, with the hours above."""
    figure, axes = new_figure(7, 4.2)
    lines = [point.lines / 1000 for point in points]
    series = (("exact, ignoring spaces", [p.exact_nospace for p in points]), ("1 - CER", [1 - p.cer for p in points]))
    for (name, values), color in zip(series, COLORS, strict=False):
        axes.plot(lines, values, color=color, marker="o", markersize=3, label=name)
    axes.set(xlabel="thousand lines seen", ylabel="share of the held-out lines", ylim=(0, 1))
    axes.legend(loc="lower right")
    hours = axes.secondary_xaxis("top")
    hours.set_xticks(lines[:: max(1, len(lines) // 6)], [f"{p.hours:.1f}" for p in points[:: max(1, len(lines) // 6)]])
    hours.set_xlabel("hours of two cores")
    save_figure(figure, output)


@exit_cleanly()
def main(arguments: list[str]) -> None:
    """Entry point."""
    if len(arguments) != 2:
        raise UserError("give the folder of a run and the PNG to write")
    draw(read_history(Path(arguments[0]) / HISTORY), Path(arguments[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
