"""Which characters are read right how often: aligns readings with the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from crnn.core.metrics import normalize


@dataclass(frozen=True)
class CharacterChange:
    """A character before and after: how often it stands in the truth, and how often each reading has it there."""

    character: str
    occurrences: int
    before: int
    after: int

    @property
    def gain(self) -> int:
        return self.after - self.before


def matched_characters(truth: str, reading: str) -> Counter[str]:
    """The characters of `truth` that `reading` has in the same order.

    >>> sorted(matched_characters("a1b2", "alb2").elements())
    ['2', 'a', 'b']
    """
    if truth == reading:
        return Counter(truth)
    matcher = SequenceMatcher(None, truth, reading, autojunk=False)
    return Counter("".join(truth[m.a : m.a + m.size] for m in matcher.get_matching_blocks()))


def changes(truths: Sequence[str], before: Sequence[str], after: Sequence[str]) -> list[CharacterChange]:
    """Every character of the truths but the space, largest gain first, largest loss last."""
    texts = [normalize(truth) for truth in truths]
    total: Counter[str] = Counter("".join(texts))
    then, now = _matched(texts, before), _matched(texts, after)
    found = [CharacterChange(c, n, then[c], now[c]) for c, n in total.items() if c != " "]
    return sorted(found, key=lambda change: (-change.gain, change.character))


def recall(changed: Iterable[CharacterChange], characters: str) -> float | None:
    """Share of the occurrences of `characters` that is read right afterwards; None if none occurs."""
    chosen = [change for change in changed if change.character in characters]
    occurrences = sum(change.occurrences for change in chosen)
    return sum(change.after for change in chosen) / occurrences if occurrences else None


def _matched(truths: Sequence[str], readings: Sequence[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for truth, reading in zip(truths, readings, strict=True):
        found += matched_characters(truth, normalize(reading))
    return found
