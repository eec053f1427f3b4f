"""Reads a CTC path: from the scores of each frame to the ids of characters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from crnn.core.charset import BLANK
from crnn.decoding.peaks import Peaks, softmax_totals

LEAST = np.finfo(np.float32).tiny  # probability: characters forced by an allow-list may have less than a float holds


@dataclass(frozen=True)
class CtcPath:
    """The best path of one line, K characters.

    Attributes:
        ids: int64 (K,), never blank.
        frames: float32 (K,), the middle of the frames that emitted each character.
        confidences: float32 (K,) in [0, 1], the softmax probability of the character where its logit is highest.
        score: nats, by which readings of one line compare: the sum of the logarithms of the confidences, and what else
            a decoder has to say for this text; minus infinity where nothing is read.
    """

    ids: np.ndarray
    frames: np.ndarray
    confidences: np.ndarray
    score: float = -math.inf


def collapse(ids: Sequence[int] | np.ndarray) -> list[int]:
    """Merge repeats, then drop blanks.

    >>> collapse([1, 1, 0, 1, 2])
    [1, 1, 2]
    """
    path = np.asarray(ids)
    if not len(path):
        return []
    starts = np.concatenate([[True], path[1:] != path[:-1]])
    return [int(i) for i in path[starts] if i != BLANK]


def greedy(logits: np.ndarray, allowed: np.ndarray | None = None, peaks: Peaks | None = None) -> CtcPath:
    """Best path (Graves et al. 2006, section 3.2): each frame's top class, repeats merged, blanks dropped.

    Only one frame of each character is softmaxed: over 7,000 columns the softmax of every frame would cost more than
    the network's last layer.

    Args:
        logits: float32 (T, C), unnormalized.
        allowed: int64 ids that may be read, the blank among them; None for all. Confidences stay probabilities among
            all classes, so that a line of other characters, forced into these, shows itself.
        peaks: `Peaks.of(logits)` where they are at hand; those of blanks may lack their totals.
    """
    if allowed is not None:
        best = allowed[logits[:, allowed].argmax(axis=1)]
    else:
        best = logits.argmax(axis=1) if peaks is None else peaks.classes
    emitting = np.flatnonzero(best != BLANK)
    if not len(emitting):
        return CtcPath(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32))
    # A new character begins where the id changes or where a blank stood between.
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(emitting) > 1) | (np.diff(best[emitting]) != 0)]))
    ends = np.append(starts[1:], len(emitting)) - 1
    ids = best[emitting[starts]]
    top = logits[emitting, best[emitting]]
    is_peak = top == np.repeat(np.maximum.reduceat(top, starts), ends - starts + 1)
    surest = np.minimum.reduceat(np.where(is_peak, np.arange(len(top)), len(top)), starts)  # the first of equal ones
    rows = emitting[surest]
    if allowed is None and peaks is not None:
        probabilities = 1 / peaks.totals[rows]
    else:
        highest = logits[rows].max(axis=1)
        totals = softmax_totals(logits[rows], highest, np.arange(len(rows)))
        probabilities = np.exp(top[surest] - highest) / totals
    return CtcPath(
        ids=ids,
        frames=((emitting[starts] + emitting[ends]) / 2).astype(np.float32),
        confidences=probabilities.astype(np.float32),
        score=log_score(probabilities),
    )


def log_score(probabilities: np.ndarray) -> float:
    """Nats of all `probabilities`, float32 (K,), together."""
    return float(np.log(np.maximum(probabilities, LEAST)).sum())


def frames_needed(ids: Sequence[int]) -> int:
    """Frames the shortest CTC path of `ids` takes: one a character, and a blank between equal neighbors."""
    return len(ids) + sum(a == b for a, b in pairwise(ids))
