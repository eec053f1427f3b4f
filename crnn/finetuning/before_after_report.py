"""A before/after report for people: Markdown and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.ticker import MaxNLocator

from crnn.evaluation.measures.characters import CharacterChange
from crnn.evaluation.report.plots import COLORS

if TYPE_CHECKING:
    from crnn.finetuning.before_after import BeforeAfter, Side

SHOWN = 15  # characters on each side of a list
FEW_TEXTS = 30  # different texts: with fewer, one that is read differently moves the result by 3 points or more


def to_markdown(report: BeforeAfter) -> str:
    """The report as Markdown, its verdict first."""
    verdict = "promote" if not report.objections else "do not promote: " + "; ".join(report.objections)
    lines = [f"# Fine-tune {report.name}: {verdict}", ""]
    lines += ["| lines | | before | after | tuned network alone | change (95 % bounds) |", "| --- " * 6 + "|"]
    lines += _rows("domain", report.domain) + _rows("general", report.general)
    if report.domain.texts < FEW_TEXTS:
        lines += ["", few_texts(report.domain.texts)]
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


def few_texts(texts: int) -> str:
    """The warning that so few different texts show little."""
    return (
        f"**Warning**: the domain's lines say only {texts} different texts; below {FEW_TEXTS} the figures above are "
        "chance rather than proof. Give more lines of TEXT= or DATA=."
    )


def notable(changed: Sequence[CharacterChange]) -> tuple[list[CharacterChange], list[CharacterChange]]:
    """The characters that gained most, and those that lost most, each most first."""
    gained = [change for change in changed if change.gain > 0][:SHOWN]
    lost = [change for change in reversed(changed) if change.gain < 0][:SHOWN]
    return gained, lost


def write_plot(path: Path, report: BeforeAfter, fonts: Sequence[Path] = ()) -> None:
    """Exact lines before and after, and the characters that changed most in the domain and in general.

    Args:
        fonts: font files; the first that has a character draws it beside its bar, else its code stands there.
    """
    figure = Figure(figsize=(13, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3)
    width = 0.27
    for i, (name, side) in enumerate((("domain", report.domain), ("general", report.general))):
        scores = [side.before, side.after, side.alone]
        for place, (score, label) in enumerate(zip(scores, ("before", "after", "tuned network alone"), strict=True)):
            x = i + (place - 1) * width
            axes[0].bar(x, score.exact, width, color=COLORS[place], label=label if i == 0 else None)
            axes[0].annotate(f"{score.exact:.1%}", (x, score.exact), ha="center", va="bottom", fontsize=9)
        _draw_characters(axes[i + 1], side.characters, fonts)
        axes[i + 1].set_title(f"characters that changed most: {name}")
    sides = (("domain", report.domain), ("general", report.general))
    axes[0].set_xticks([0, 1], [f"{name}\n{side.texts} texts" for name, side in sides])
    few = ": too few texts to judge by" if report.domain.texts < FEW_TEXTS else ""
    axes[0].set(ylim=(0, 1.1), ylabel="lines exact", title=f"{report.name}{few}")
    axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, fontsize=9, frameon=False)
    figure.savefig(path, dpi=130)


def _draw_characters(axes: Axes, changed: Sequence[CharacterChange], fonts: Sequence[Path]) -> None:
    gained, lost = notable(changed)
    chosen = gained[:10] + lost[:10][::-1]
    if not chosen:
        axes.text(0.5, 0.5, "none", ha="center", va="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    places = np.arange(len(chosen))
    bars = axes.barh(places, [c.gain for c in chosen], color=[COLORS[2 if c.gain > 0 else 1] for c in chosen])
    axes.bar_label(bars, [f"{c.before} → {c.after} of {c.occurrences}" for c in chosen], fontsize=8, padding=3)
    drawn_by = [_font_for(c.character, fonts) for c in chosen]
    axes.set_yticks(places, [_tick(c.character, font is not None) for c, font in zip(chosen, drawn_by, strict=True)])
    for label, font in zip(axes.get_yticklabels(), drawn_by, strict=True):
        label.set_fontproperties(FontProperties(fname=font, size=11))
    axes.invert_yaxis()
    axes.margins(x=0.45)  # room for what stands beside the bars
    axes.axvline(0, color="black", linewidth=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("times more read right")


def _font_for(character: str, fonts: Sequence[Path]) -> str | None:
    """The first of the fonts that draws the character; None: the plot's own font, which draws ASCII alone for sure."""
    if character.isascii():
        return None
    return next((str(font) for font in fonts if FT2Font(str(font)).get_char_index(ord(character))), None)


def _tick(character: str, drawn: bool) -> str:
    if character == " ":
        return "space"
    if character == "$":
        return r"\$"  # else mathematics begins
    return character if drawn or character.isascii() else f"U+{ord(character):04X}"


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
