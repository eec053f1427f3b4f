"""The random numbers of one line. They depend on (seed, index) only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from data.synthesis.settings import Effect, Span

T = TypeVar("T")
BATCH = 128  # uniforms drawn at once: single draws from NumPy cost 20 times as much


class Rand:
    """A stream of random decisions for line `index` of the set with this `seed`."""

    def __init__(self, seed: int, index: int) -> None:
        self._rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, index])))
        self._drawn: list[float] = []
        self.strength = 1.0

    def random(self) -> float:
        """Uniform in [0, 1)."""
        if not self._drawn:
            self._drawn = self._rng.random(BATCH).tolist()
        return self._drawn.pop()

    def uniform(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self.random()

    def below(self, n: int) -> int:
        """A whole number in 0 .. n - 1."""
        return int(self.random() * n)

    def chance(self, p: float) -> bool:
        """True in a share `p` of the cases."""
        return self.random() < p

    def choice(self, items: Sequence[T]) -> T:
        """One of `items`."""
        return items[self.below(len(items))]

    def weighted(self, cumulative: np.ndarray) -> int:
        """Index into rising `cumulative` weights that end at 1."""
        return min(int(np.searchsorted(cumulative, self.random(), side="right")), len(cumulative) - 1)

    def span(self, span: Span) -> float | None:
        """A value of `span`, None where it does not happen."""
        if not span.p or self.random() >= span.p:
            return None
        return self.uniform(span.low, span.high)

    def effect(self, effect: Effect) -> float | None:
        """A value of `effect` at the strength of this line, None where it does not happen."""
        if not effect.p or self.random() >= effect.p * min(1.0, 2 * self.strength):
            return None
        return effect.mild + (effect.strong - effect.mild) * self.random() * self.strength


def cumulate(weights: Sequence[float]) -> np.ndarray:
    """Rising shares for `Rand.weighted`, float64 (weights,)."""
    total = np.cumsum(np.asarray(weights, np.float64))
    return total / total[-1]
