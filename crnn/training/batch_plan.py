"""Which lines make up each batch, in an order that depends on (seed, step) only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from crnn.training.batches import Batch, Line
from crnn.training.line_dataset import LineDataset, Vary
from crnn.training.variation import Variation

Augmentation = Callable[[Line, np.random.Generator], Line]


@dataclass(frozen=True)
class Sights:
    """Lines of one batch, each as it is to be seen.

    Attributes:
        lines: int64 (N,), indices into the dataset.
        places: `crnn.training.variation.PLACEMENT` (N,), or None where lines are not varied.
    """

    lines: np.ndarray
    places: np.ndarray | None


class BatchPlan:
    """Which lines make up the batch of a step: a function of (seed, step), the same for any number of processes.

    Each epoch shuffles the lines, gathers them by bucket and cuts batches of about equal pixels, so that every
    step takes the same time and memory.
    """

    def __init__(
        self,
        dataset: LineDataset,
        batch_pixels: int,
        seed: int,
        multiple: int = 8,
        shares: Sequence[float] | None = None,
        variation: Variation | None = None,
    ) -> None:
        """Args:
        batch_pixels: width of a batch's canvases laid side by side.
        multiple: lines in a batch are a multiple of it, so that processes get equal parts.
        shares: part of an epoch drawn from each dataset; by default as many as it has lines.
        variation: how lines are varied; their widths, and so the batches, then differ from epoch to epoch.
        """
        self.dataset, self.batch_pixels, self.seed, self.multiple = dataset, batch_pixels, seed, multiple
        self.shares, self.variation = shares, variation
        self._epoch = lru_cache(maxsize=2)(self._plan)
        self.batches_per_epoch = len(self._epoch(0))

    def _plan(self, epoch: int) -> list[Sights]:
        rng = np.random.default_rng([self.seed, epoch])
        chosen = self._draw(rng)
        places = None
        buckets = self.dataset.buckets[chosen]
        if self.variation is not None:
            places = self.variation.place(self.dataset.widths[chosen], self.dataset.frames[chosen], rng)
            buckets = self.dataset.spec.bucket_width(places["width"])
        batches: list[np.ndarray] = []
        for bucket in np.unique(buckets):
            sights = np.flatnonzero(buckets == bucket)
            size = max(self.batch_pixels // int(bucket) // self.multiple, 1) * self.multiple
            # The last batch is filled up with lines of the same bucket: unvaried, all epochs have equally many batches.
            sights = np.resize(sights, -(-len(sights) // size) * size)
            batches += np.split(sights, len(sights) // size)
        ordered = [batches[i] for i in rng.permutation(len(batches))]
        return [Sights(chosen[sights], None if places is None else places[sights]) for sights in ordered]

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        total = len(self.dataset)
        weights = self.dataset.weights
        if self.shares is None and (weights == 1).all():
            return rng.permutation(total)
        owners = self.dataset.origins[:, 0]
        sizes = np.bincount(owners, minlength=len(self.dataset.stores))
        shares = sizes if self.shares is None else np.array(self.shares)
        parts = []
        for number, share in enumerate(shares / shares.sum()):
            lines = np.flatnonzero(owners == number)
            wanted = round(share * total)
            if (weights[lines] == 1).all():
                rounds = [rng.permutation(lines) for _ in range(-(-wanted // len(lines)))]
                parts.append(np.concatenate([lines[:0], *rounds])[:wanted])
            else:
                parts.append(_draw_by_weight(lines, weights[lines], wanted, rng))
        return rng.permutation(np.concatenate(parts))

    def sights_of(self, step: int) -> Sights:
        """What global batch `step` consists of, from 0."""
        epoch, position = divmod(step, self.batches_per_epoch)
        batches = self._epoch(epoch)
        return batches[position % len(batches)]  # drawn by shares or varied, an epoch may have a few more or less

    def lines_of(self, step: int) -> np.ndarray:
        """Indices of the lines of global batch `step`, from 0."""
        return self.sights_of(step).lines

    def batch(self, step: int, part: int = 0, parts: int = 1, augment: Augmentation | None = None) -> Batch:
        """Part `part` of `parts` of step's batch."""
        sights = self.sights_of(step)
        own = np.split(np.arange(len(sights.lines)), parts)[part]
        indices = sights.lines[own]
        rngs = [np.random.default_rng([self.seed, step, int(index)]) for index in indices]
        if self.variation is not None and sights.places is not None:
            varied = zip(indices, sights.places[own], rngs, strict=True)
            lines = [self.dataset.load(int(i), self._vary(place, rng)) for i, place, rng in varied]
        else:
            lines = [self.dataset[int(index)] for index in indices]
        if augment is not None:
            lines = [augment(line, rng) for line, rng in zip(lines, rngs, strict=True)]
        return self.dataset.collate(lines, rngs, self.dataset.origins[indices, 0])

    def _vary(self, place: np.void, rng: np.random.Generator) -> Vary:
        assert self.variation is not None
        variation = self.variation
        return lambda image, centers: variation(image, centers, place, rng)


def _draw_by_weight(lines: np.ndarray, weights: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """`wanted` of `lines`, each as often as its weight asks, rounded down or up: systematic sampling."""
    order = rng.permutation(len(lines))
    reach = np.cumsum(weights[order])
    ticks = (np.arange(wanted) + rng.random()) / max(1, wanted) * reach[-1]
    return lines[order[np.minimum(np.searchsorted(reach, ticks), len(lines) - 1)]]
