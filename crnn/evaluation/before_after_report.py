"""A before/after report for people: Markdown and a plot. Knows nothing of how it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from crnn.evaluation.characters import CharacterChange
from crnn.evaluation.plots import COLOURS

if TYPE_CHECKING:
    from crnn.evaluation.before_after import BeforeAfter, Side

SHOWN = 15  # characters on each side of a list


def to_markdown(report: BeforeAfter) -> str:
    """The report as Markdown, its verdict first."""
    verdict = "promote" if not report.objections else "do not promote: " + "; ".join(report.objections)
    lines = [f"# Fine-tune {report.name}: {verdict}", ""]
    lines += ["| lines | | before | after | tuned network alone | change (95 % bounds) |", "| --- " * 6 + "|"]
    lines += _rows("domain", report.domain) + _rows("general", report.general)
    if not report.held_out:
        lines += ["", "The domain's lines were trained on: too few were given to hold any out."]
    if report.added:
        recall = "none occurs in these lines" if report.new_recall is None else f"{report.new_recall:.1%} read right"
        lines += ["", f"New characters ({len(report.added)}): {report.added}: {recall}."]
    for name, side in (("domain", report.domain), ("general", report.general)):
        gained, lost = notable(side.characters)
        lines += ["", f"Characters of the {name} lines, times read right before → after (of all):", ""]
        lines += [f"* gained: {_listed(gained)}", f"* lost: {_listed(lost)}"]
    categories = [name for name in report.general.before.by_category if name in report.general.after.by_category]
    if categories:
        lines += ["", "| general, exact | before | after |", "| --- | --- | --- |"]
        before, after = report.general.before.by_category, report.general.after.by_category
        lines += [f"| {name} | {before[name].exact:.1%} | {after[name].exact:.1%} |" for name in categories]
    return "\n".join([*lines, ""])


def notable(changed: Sequence[CharacterChange]) -> tuple[list[CharacterChange], list[CharacterChange]]:
    """The characters that gained most, and those that lost most, each most first."""
    gained = [change for change in changed if change.gain > 0][:SHOWN]
    lost = [change for change in reversed(changed) if change.gain < 0][:SHOWN]
    return gained, lost


def write_plot(path: Path, report: BeforeAfter) -> None:
    """Exact lines before and after, and the characters that changed most in the domain and in general."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3)
    width = 0.27
    for i, (name, side) in enumerate((("domain", report.domain), ("general", report.general))):
        scores = [side.before, side.after, side.alone]
        for place, (score, label) in enumerate(zip(scores, ("before", "after", "tuned network alone"), strict=True)):
            x = i + (place - 1) * width
            axes[0].bar(x, score.exact, width, color=COLOURS[place], label=label if i == 0 else None)
            axes[0].annotate(f"{score.exact:.1%}", (x, score.exact), ha="center", va="bottom", fontsize=8)
        gained, lost = notable(side.characters)
        chosen = gained[:10] + lost[:10][::-1]
        places = np.arange(len(chosen))
        axes[i + 1].barh(places, [c.gain for c in chosen], color=[COLOURS[2 if c.gain > 0 else 1] for c in chosen])
        # Code points beside hanzi: the plot's own font may not draw them.
        axes[i + 1].set_yticks(places, [_tick(c.character) for c in chosen], fontsize=7)
        axes[i + 1].invert_yaxis()
        axes[i + 1].set(title=f"characters, {name}", xlabel="times more read right")
    axes[0].set_xticks([0, 1], ["domain", "general"])
    axes[0].set(ylim=(0, 1.1), ylabel="lines exact", title=report.name)
    axes[0].legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=130)


def _tick(character: str) -> str:
    return character if character.isascii() and character != "$" else f"U+{ord(character):04X}"


def _rows(name: str, side: Side) -> list[str]:
    rows = []
    for label, key in (("exact", "exact"), ("CER", "cer")):
        change = getattr(side.change, key)
        form = "{:.1%}" if key == "exact" else "{:.4f}"
        scores = (side.before, side.after, side.alone)
        cells = [form.format(getattr(score, key)) for score in scores]
        signed = form.replace(":", ":+")
        bounds = f"{signed.format(change.mean)} ({signed.format(change.low)} … {signed.format(change.high)})"
        rows.append(f"| {name}, {side.before.samples} | {label} | {' | '.join(cells)} | {bounds} |")
    return rows


def _listed(characters: Sequence[CharacterChange]) -> str:
    return "  ".join(f"`{c.character}` {c.before} → {c.after} ({c.occurrences})" for c in characters) or "none"
