"""How often training draws an imported line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from crnn.datasets.validation import (
    Reject,
)
from data.converters.json_lines import JsonLines
from data.converters.labeled_line import LabeledLine


@dataclass
class WeightConfig:
    """How often training draws a line; held-out lines have no weights.

    Attributes:
        balance: 1: kinds as frequent as they are, 0: all kinds equally frequent, 0.5: by the root of their numbers.
        tiers: by the list's `tier`, e.g. +weights.tiers.v6=0.5.
        missed: of lines that the list marks `right: false`.
        certain: labels of a lower `c` are doubtful.
        doubtful: of these.
    """

    balance: float = 1.0
    tiers: dict[str, float] = field(default_factory=dict)
    missed: float = 1.0
    certain: float = 0.7
    doubtful: float = 1.0


def weigher(lines: Sequence[LabeledLine | Reject], cfg: WeightConfig) -> Callable[[LabeledLine], float]:
    """How often training is to draw a line, on average about once."""
    described = lines.described if isinstance(lines, JsonLines) else lines.__getitem__
    kinds: Counter[str] = Counter()
    if cfg.balance != 1:
        rows = (described(i) for i in range(len(lines)))
        kinds.update(line.category for line in rows if isinstance(line, LabeledLine))
    shares = {kind: count**cfg.balance for kind, count in kinds.items()}
    whole, all_lines = sum(shares.values()), sum(kinds.values())

    def weigh(line: LabeledLine) -> float:
        weight = 1.0
        if kinds:
            weight *= shares[line.category] / whole * all_lines / kinds[line.category]
        weight *= cfg.tiers.get(line.origin.tier, 1.0)
        weight *= cfg.missed if line.origin.missed else 1.0
        weight *= cfg.doubtful if line.origin.certainty < cfg.certain else 1.0
        return weight

    return weigh
