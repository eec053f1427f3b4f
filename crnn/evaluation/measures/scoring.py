"""Scores readings line by line and compares two recognizers on the same lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crnn.core import metrics
from crnn.datasets.labeled import LabeledLine

RESAMPLES = 2000  # of the bootstrap: its 95 % bounds then wander by less than a tenth of their width


def score_lines(lines: Sequence[LabeledLine], texts: Sequence[str]) -> metrics.Accuracy:
    """Scores of all lines and of each group; a line may count in several groups."""
    overall = metrics.score([line.text for line in lines], texts)
    members = [(group, line.text, text) for line, text in zip(lines, texts, strict=True) for group in line.groups]
    if not members:
        return overall
    groups, truths, readings = zip(*members, strict=True)
    return dataclasses.replace(overall, by_category=metrics.score(truths, readings, groups).by_category)


@dataclass(frozen=True, eq=False)
class LineScores:
    """What each line's reading was worth.

    Attributes:
        errors, lengths: edit distance and characters of the truth, int64 (lines,).
        exact, exact_nospace: bool (lines,).
    """

    errors: np.ndarray
    lengths: np.ndarray
    exact: np.ndarray
    exact_nospace: np.ndarray


def line_scores(lines: Sequence[LabeledLine], texts: Sequence[str]) -> LineScores:
    """Score each line on its own, with the same normalization as `metrics.score`."""
    pairs = [(metrics.normalize(line.text), metrics.normalize(text)) for line, text in zip(lines, texts, strict=True)]
    return LineScores(
        errors=np.array([metrics.edit_distance(*pair) for pair in pairs]),
        lengths=np.array([len(truth) for truth, _ in pairs]),
        exact=np.array([truth == reading for truth, reading in pairs]),
        exact_nospace=np.array([t.replace(" ", "") == r.replace(" ", "") for t, r in pairs]),
    )


@dataclass(frozen=True)
class Change:
    """A difference of two shares and its 95 % bounds."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """One recognizer against a baseline on the same lines.

    Attributes:
        changed: lines whose normalized text differs between the two.
        exact, cer: this one's minus the baseline's; bounds by a paired bootstrap over lines (Efron 1979).
    """

    changed: int
    exact: Change
    cer: Change


def compare(lines: Sequence[LabeledLine], baseline: Sequence[str], texts: Sequence[str], seed: int = 0) -> Comparison:
    """Compare readings with a baseline's, line by line."""
    before, after = line_scores(lines, baseline), line_scores(lines, texts)
    draws = np.random.default_rng(seed).integers(0, len(lines), (RESAMPLES, len(lines)))
    lengths = np.maximum(1, before.lengths[draws].sum(axis=1))
    exact = (after.exact.astype(int) - before.exact)[draws].mean(axis=1)
    cer = (after.errors - before.errors)[draws].sum(axis=1) / lengths
    return Comparison(
        changed=sum(metrics.normalize(a) != metrics.normalize(b) for a, b in zip(baseline, texts, strict=True)),
        exact=_change(float(after.exact.mean() - before.exact.mean()), exact),
        cer=_change(float((after.errors - before.errors).sum() / max(1, before.lengths.sum())), cer),
    )


def _change(mean: float, resampled: np.ndarray) -> Change:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Change(mean, float(low), float(high))
