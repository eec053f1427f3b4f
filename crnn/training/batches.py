"""Batches of lines from LMDBs, in an order that depends on (seed, step) only. Knows nothing of the network.

Letters: N lines, H and W pixels, T = W / frame stride, S characters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from crnn.core.canvas import CanvasSpec
from crnn.core.charset import BLANK, Charset
from crnn.datasets.lmdb_store import LineStore
from crnn.datasets.validation import Reject, require_share, validate
from crnn.image.preprocess import Canvas, decode_image, to_canvas
from crnn.training.loss import IGNORED
from crnn.training.variation import Variation

# Share of the way between two centers in which a frame is clearly neither character: taught to be blank.
BLANK_ZONE = 0.3


@dataclass(frozen=True)
class Line:
    """One line as the trainer sees it.

    Attributes:
        canvas: see `crnn.image.preprocess.to_canvas`.
        label: folded text.
        centers: float32 (S,), x of each character in canvas pixels, or None if unknown.
        category: group for reports.
        free_spaces: the label says nothing of spaces, and has none: where it may stand, a space is as good as a blank.
    """

    canvas: Canvas
    label: str
    centers: np.ndarray | None
    category: str
    free_spaces: bool = False


@dataclass(frozen=True)
class Batch:
    """Lines of one bucket.

    Attributes:
        images: uint8 (N, 1, H, W).
        targets: int64 (N, S), padded with the blank.
        target_lengths: int64 (N,).
        frame_targets: int64 (N, T), class of the frames whose character is known, else `IGNORED`.
        labels: the N texts.
        sources: int64 (N,), the number of the dataset that each line is of.
        free_spaces: bool (N,), see `Line`.
    """

    images: Tensor
    targets: Tensor
    target_lengths: Tensor
    frame_targets: Tensor
    labels: tuple[str, ...]
    sources: Tensor
    free_spaces: Tensor

    def select(self, lines: Tensor) -> Batch:
        """The lines with the numbers `lines`, int64 (K,), padded as they are: a batch of K lines."""
        chosen = self._each(lambda tensor: tensor[lines])
        return dataclasses.replace(chosen, labels=tuple(self.labels[i] for i in lines))

    def to(self, device: torch.device) -> Batch:
        """The batch with its tensors on `device`."""
        return self._each(lambda tensor: tensor.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        tensors: dict[str, Any] = {k: change(v) for k, v in vars(self).items() if isinstance(v, Tensor)}
        return dataclasses.replace(self, **tensors)


Augmentation = Callable[[Line, np.random.Generator], Line]
Vary = Callable[[np.ndarray, np.ndarray | None], tuple[Canvas, np.ndarray | None]]


@dataclass(frozen=True)
class Sights:
    """Lines of one batch, each as it is to be seen.

    Attributes:
        lines: int64 (N,), indices into the dataset.
        places: `crnn.training.variation.PLACEMENT` (N,), or None where lines are not varied.
    """

    lines: np.ndarray
    places: np.ndarray | None


class LineDataset:
    """The lines of several LMDBs that can be trained on; the others are in `rejects`.

    Raises:
        UserError: a dataset is missing, or more than `max_reject_share` of it is unusable.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        charset: Charset,
        spec: CanvasSpec,
        frame_stride: int,
        max_reject_share: float = 0.1,
        limit: int | None = None,
    ) -> None:
        """Args:
        limit: keep this many lines of each dataset at most, evenly spread.
        """
        self.charset, self.spec, self.frame_stride = charset, spec, frame_stride
        self.stores = [LineStore(path) for path in paths]
        self.rejects: dict[str, tuple[Reject, ...]] = {}
        self.free_spaces = [store.info.get("spaces") == "free" for store in self.stores]
        origins, widths, frames, weights = [], [], [], []
        for number, store in enumerate(self.stores):
            validated = validate(store, charset, spec, frame_stride)
            require_share(validated.rejects, len(store), max_reject_share, str(store.path))
            self.rejects[str(store.path)] = validated.rejects
            chosen = slice(None)
            if limit is not None and len(validated.kept) > limit:
                chosen = np.linspace(0, len(validated.kept) - 1, limit).astype(np.int64)  # type: ignore[assignment]
            kept = validated.kept[chosen]
            origins.append(np.stack([np.full(len(kept), number), kept], axis=1))
            widths.append(validated.widths[chosen])
            frames.append(validated.frames[chosen])
            weights.append(validated.weights[chosen])
        self.origins = np.concatenate(origins)  # (lines, 2): which store, which of its lines
        self.widths, self.frames = np.concatenate(widths), np.concatenate(frames)
        self.weights = np.concatenate(weights)
        self.buckets = spec.bucket_width(self.widths)

    def __len__(self) -> int:
        return len(self.origins)

    def __getitem__(self, index: int) -> Line:
        return self.load(index)

    def load(self, index: int, vary: Vary | None = None) -> Line:
        """Line `index`, put on its canvas by `vary`, or as a reader does."""
        number, position = self.origins[index]
        stored = self.stores[number][int(position)]
        label, centers = self.charset.fold(stored.label), stored.centers
        if self.free_spaces[number]:
            label = label.replace(" ", "")
        if centers is not None and len(centers) != len(label):
            centers = None  # a label that folding shortened no longer matches its centers
        image = decode_image(stored.image)
        if vary is not None:
            canvas, centers = vary(image, centers)
        else:
            canvas = to_canvas(image, self.spec)
            centers = None if centers is None else centers * canvas.scale
        return Line(canvas, label, centers, stored.category, self.free_spaces[number])

    def collate(self, lines: Sequence[Line], rngs: Sequence[np.random.Generator], sources: np.ndarray) -> Batch:
        """Stack lines of one bucket; each line's generator chooses its frames taught to be blank."""
        targets = np.full((len(lines), max(len(line.label) for line in lines)), BLANK, np.int64)
        frames = lines[0].canvas.pixels.shape[1] // self.frame_stride
        frame_targets = np.full((len(lines), frames), IGNORED, np.int64)
        for row, (line, rng) in enumerate(zip(lines, rngs, strict=True)):
            ids = self.charset.encode(line.label)
            targets[row, : len(ids)] = ids
            if line.centers is not None:
                frame_targets[row] = align(np.array(ids), line.centers / self.frame_stride, frames, rng)
        return Batch(
            images=torch.from_numpy(np.stack([line.canvas.pixels for line in lines])[:, None]),
            targets=torch.from_numpy(targets),
            target_lengths=torch.tensor([len(line.label) for line in lines]),
            frame_targets=torch.from_numpy(frame_targets),
            labels=tuple(line.label for line in lines),
            sources=torch.from_numpy(sources),
            free_spaces=torch.tensor([line.free_spaces for line in lines]),
        )


def align(ids: np.ndarray, positions: np.ndarray, frames: int, rng: np.random.Generator) -> np.ndarray:
    """Class of each frame, where known: the character at its center, blank well between two characters.

    Characters of one frame are moved apart to neighboring frames. As many blanks as characters are taught, chosen
    by `rng`; the remaining frames may become either, so no hard border is drawn inside a character.

    Args:
        ids: int64 (S,), not more than `frames`.
        positions: float (S,), centers in frames, rising.

    Returns:
        int64 (frames,), `IGNORED` where nothing is known.
    """
    result = np.full(frames, IGNORED, np.int64)
    order = np.arange(len(ids))
    centers = np.maximum.accumulate(positions.astype(np.int64) - order) + order  # at least one frame apart
    centers = np.minimum(centers, frames - len(ids) + order)
    result[centers] = ids
    middles = np.arange(frames) + 0.5
    edges = np.concatenate([[-np.inf], (positions[1:] + positions[:-1]) / 2, [np.inf]])
    owner = np.searchsorted(edges, middles, side="right") - 1
    gaps = np.diff(positions) if len(ids) > 1 else np.array([4.0])
    left, right = np.append(gaps[0], gaps), np.append(gaps, gaps[-1])
    reach = np.where(middles < positions[owner], left[owner], right[owner]) * BLANK_ZONE
    blanks = np.flatnonzero((np.abs(middles - positions[owner]) > np.maximum(reach, 1.0)) & (result == IGNORED))
    if len(blanks) > len(ids):
        blanks = rng.choice(blanks, len(ids), replace=False)
    result[blanks] = BLANK
    return result


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


Loaded = TypeVar("Loaded")
