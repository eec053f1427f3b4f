"""Shows a dataset's statistics to a person: as text for the terminal and as six plots. Counts nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

if TYPE_CHECKING:
    from data.stats.describe import DatasetStats, Histogram

BAR = 40  # characters of the longest bar
ROWS = 12  # bars a histogram is gathered into
# The first of these that is installed draws the category names that are Chinese.
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
)


def as_text(stats: DatasetStats) -> str:
    """Tables and bars."""
    return "\n".join(_text(stats))


def _text(stats: DatasetStats) -> Iterator[str]:
    yield f"{stats.dataset}: {stats.lines:,} lines, {stats.usable:,} usable, {stats.characters:,} characters"
    for reason, count in stats.rejects.items():
        yield f"  left out: {count:7,}  {reason}"
    if stats.foreign:
        yield "  outside the charset, by the lines they cost: " + _counted(list(stats.foreign.items())[:15])
    for title, histogram in (
        ("characters a line", stats.label_lengths),
        ("canvas width, px", stats.canvas_widths),
        ("frames the label needs, %", stats.frame_use),
    ):
        yield f"\n{title}: mean {histogram.mean:.1f}, median {histogram.median}, 95 % up to {histogram.p95}"
        yield from _bars(_gathered(histogram))
    yield f"  tight for CTC (above {stats.tight:.0%} of the frames): {stats.tight_share:.2%} of the lines"
    yield f"\n{'category':20} {'lines':>10} {'share':>7} {'characters a line':>18}"
    for name, category in sorted(stats.categories.items(), key=lambda item: -item[1].lines):
        per_line = category.characters / category.lines
        yield f"{name:20} {category.lines:10,} {category.lines / stats.usable:7.1%} {per_line:18.1f}"
    yield f"\ncharacters of the charset ({stats.charset_size:,}) by how often they occur"
    yield from _bars(stats.character_groups.items())
    rare = len(stats.rare_characters)
    shown = _shortened(stats.rare_characters)
    yield f"  fewer than {stats.rare} times: {rare:,} ({shown}), never: {stats.unseen:,}"
    yield "  commonest: " + _counted(list(stats.commonest.items())[:15])


def _counted(items: Sequence[tuple[str, int]]) -> str:
    return "  ".join(f"{'space' if character == ' ' else character} {count:,}" for character, count in items)


def _shortened(characters: str, length: int = 30) -> str:
    return characters if len(characters) <= length else characters[:length] + "…"


def _step(histogram: Histogram) -> int:
    """Smallest distance between two values."""
    return min((b - a for a, b in pairwise(histogram.values)), default=1)


def _gathered(histogram: Histogram) -> list[tuple[str, int]]:
    """At most `ROWS` rows of equal range."""
    low, high = histogram.values[0], histogram.values[-1]
    step = _step(histogram)
    size = step * -(-(high - low + step) // (step * ROWS))
    rows = dict.fromkeys(range((high - low) // size + 1), 0)
    for value, count in zip(histogram.values, histogram.counts, strict=True):
        rows[(value - low) // size] += count
    ends = [(low + row * size, low + (row + 1) * size - step) for row in rows]
    names = [f"{first}-{last}" if first < last else f"{first}" for first, last in ends]
    return list(zip(names, rows.values(), strict=True))


def _bars(rows: Iterable[tuple[str, int]]) -> Iterator[str]:
    rows = list(rows)
    longest = max(count for _, count in rows)
    for name, count in rows:
        yield f"  {name:>9} {count:10,} {'█' * round(BAR * count / longest)}"


def plot(stats: DatasetStats, path: Path) -> None:
    """Draw the six plots into a PNG at `path`."""
    installed = {font.name for font in fontManager.ttflist}
    chinese = [font for font in CHINESE_FONTS if font in installed][:1]
    fonts = ["DejaVu Sans", *chinese]
    categories = {name if chinese else _boxed(name): c.lines for name, c in stats.categories.items()}
    with matplotlib.rc_context({"font.family": fonts}):
        figure = Figure(figsize=(15, 8), layout="constrained")
        axes = figure.subplots(2, 3).ravel()
        figure.suptitle(f"{stats.dataset}: {stats.usable:,} of {stats.lines:,} lines usable")
        _columns(axes[0], stats.label_lengths, "characters a line")
        _columns(axes[1], stats.canvas_widths, "canvas width, px")
        _columns(axes[2], stats.frame_use, "frames the label needs, %")
        axes[2].axvline(100 * stats.tight, color="crimson", label=f"tight: {stats.tight_share:.2%} of the lines")
        axes[2].legend()
        _rows(axes[3], stats.character_groups, f"charset ({stats.charset_size:,}) by occurrences of a character")
        _rows(axes[4], categories, "lines by category")
        _rows(axes[5], {"usable": stats.usable, **stats.rejects}, "lines usable and left out")
        figure.savefig(path, dpi=100)


def _boxed(name: str) -> str:
    """`name` as it looks without a Chinese font: each character of East Asia, which begin at U+2E80, a box."""
    return "".join("□" if c >= "\u2e80" else c for c in name)


def _columns(axes: Axes, histogram: Histogram, title: str) -> None:
    axes.bar(histogram.values, histogram.counts, width=0.9 * _step(histogram))
    axes.axvline(histogram.median, color="black", linestyle=":")
    axes.set(title=f"{title} (median {histogram.median}, 95 % ≤ {histogram.p95})", xlabel=title, ylabel="lines")


def _rows(axes: Axes, counts: dict[str, int], title: str) -> None:
    bars = axes.barh(list(counts), list(counts.values()))
    axes.bar_label(bars, labels=[f"{count:,}" for count in counts.values()], padding=3)
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.set(title=title)
