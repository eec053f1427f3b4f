"""Decides what a line says when several readers have read it.

Readers of different origin make different mistakes: what two of them read alike is right far more often than what
either of them reads with confidence (docs/training.md has figures).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crnn.core.metrics import normalize

AGREE, MAJORITY, ALONE, DISPUTED, BLANK = "agree", "majority", "alone", "disputed", "blank"


@dataclass(frozen=True)
class Vote:
    """What one reader read of a line, and how sure it is, in [0, 1]."""

    reader: str
    text: str
    confidence: float


@dataclass(frozen=True)
class Settled:
    """What the readers make of a line together.

    Attributes:
        text: as its surest supporter spells it; of a disputed line the best supported guess.
        tier: agree (all readers), majority (enough of them), alone (one that is trusted), disputed, or blank (most read
            nothing).
        certainty: mean confidence of those who read the text.
    """

    text: str
    tier: str
    certainty: float


def same_letters(text: str) -> str:
    """What has to be equal for two readings to agree: everything but spaces and the width of characters."""
    return normalize(text).replace(" ", "")


def settle(
    votes: Sequence[Vote], enough: int, certain: float = 0.0, alone: Mapping[str, float] | None = None
) -> Settled:
    """Count the votes; readings that differ in spaces alone are the same.

    Args:
        votes: one of each reader.
        enough: readers that must read the same.
        certain: mean confidence that these need where the others read something else.
        alone: readers that need nobody's support from such a confidence on; of several the surest counts.
    """
    groups: dict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        groups[same_letters(vote.text)].append(vote)
    letters, supporters = max(groups.items(), key=lambda item: (len(item[1]), _mean(item[1])))
    if not letters and len(supporters) >= enough:
        return Settled("", BLANK, _mean(supporters))
    spelled = max((group for key, group in groups.items() if key), key=lambda group: (len(group), _mean(group)))
    best = max(spelled, key=lambda vote: vote.confidence)
    if len(spelled) == len(votes) and len(votes) >= enough:
        tier = AGREE
    elif len(spelled) >= enough and _mean(spelled) >= certain:
        tier = MAJORITY
    else:
        trusted = [vote for vote in votes if vote.text and vote.confidence >= (alone or {}).get(vote.reader, math.inf)]
        if trusted:
            surest = max(trusted, key=lambda vote: vote.confidence)
            return Settled(normalize(surest.text), ALONE, surest.confidence)
        tier = DISPUTED
    return Settled(normalize(best.text), tier, _mean(spelled))


def _mean(votes: Sequence[Vote]) -> float:
    return sum(vote.confidence for vote in votes) / len(votes)
