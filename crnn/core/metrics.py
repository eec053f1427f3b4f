"""Scores readings against the truth.

Both sides are compared in NFKC form with runs of spaces folded to one and the ends stripped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


def normalize(text: str) -> str:
    """NFKC, runs of white space as one space, ends stripped."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip()


def edit_distance(a: str, b: str) -> int:
    """Levenshtein distance: insertions, deletions and substitutions that turn `a` into `b`.

    >>> edit_distance("kitten", "sitting")
    3
    """
    if a == b:
        return 0
    previous = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        current = [i]
        for j, right in enumerate(b, start=1):
            current.append(min(previous[j] + 1, current[-1] + 1, previous[j - 1] + (left != right)))
        previous = current
    return previous[-1]


@dataclass(frozen=True)
class Accuracy:
    """Scores of a set of lines, each a share in [0, 1] (`cer` may exceed 1).

    Attributes:
        samples: number of lines.
        exact: lines read without any error.
        exact_nospace: the same with all spaces left out of both sides.
        cer: character error rate, edit distance over the truth's characters, summed over all lines.
        by_category: the same scores for each group of lines.
    """

    samples: int
    exact: float
    exact_nospace: float
    cer: float
    by_category: dict[str, Accuracy] = field(default_factory=dict)


def score(truths: Sequence[str], readings: Sequence[str], categories: Iterable[str] | None = None) -> Accuracy:
    """Compare readings with the truth, line by line.

    Raises:
        ValueError: the sequences differ in length, or are empty.
    """
    if len(truths) != len(readings):
        raise ValueError(f"{len(truths)} truths but {len(readings)} readings")
    if not truths:
        raise ValueError("no lines to score")
    pairs = [(normalize(truth), normalize(reading)) for truth, reading in zip(truths, readings, strict=True)]
    groups: dict[str, list[tuple[str, str]]] = {}
    for category, pair in zip(categories or (), pairs, strict=categories is not None):
        groups.setdefault(category, []).append(pair)
    return _score(pairs, {category: _score(group) for category, group in sorted(groups.items())})


def _score(pairs: Sequence[tuple[str, str]], by_category: dict[str, Accuracy] | None = None) -> Accuracy:
    errors = sum(edit_distance(truth, reading) for truth, reading in pairs)
    return Accuracy(
        samples=len(pairs),
        exact=sum(truth == reading for truth, reading in pairs) / len(pairs),
        exact_nospace=sum(t.replace(" ", "") == r.replace(" ", "") for t, r in pairs) / len(pairs),
        cer=errors / max(1, sum(len(truth) for truth, _ in pairs)),
        by_category=by_category or {},
    )
