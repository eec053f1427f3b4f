"""A line to train on, and a batch of them.

Letters: N lines, H and W pixels, T = W / frame stride, S characters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crnn.image.preprocess import Canvas


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
