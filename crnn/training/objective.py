"""What a step of training is to make smaller: CTC, aligned cross-entropy, and divergence from a teacher."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from crnn.core.charset import BLANK, Charset
from crnn.network.crnn import CRNN
from crnn.training.aligned_loss import aligned_loss
from crnn.training.batches import Batch
from crnn.training.config import TrainConfig
from crnn.training.ctc_loss import ctc_loss
from crnn.training.distillation_loss import distillation_loss


class Objective:
    """The loss of a batch.

    Args:
        model: the network that learns.
        teacher: the start model as it was, for the lines that are to be read as it reads them; or None.
        charset: of both.
        config: the run's.
    """

    def __init__(self, model: CRNN, teacher: CRNN | None, charset: Charset, config: TrainConfig) -> None:
        self.model, self.teacher, self.charset, self.config = model, teacher, charset, config

    def __call__(self, batch: Batch, step: int, precision: str) -> Tensor:
        """Mean loss of one part of the batch of `step`."""
        with self._rounded(batch, precision):
            embeddings, shortcut = self.model.embed_both_ways(batch.images)
        total = self._of_embeddings(embeddings.float(), batch, step, precision)
        if shortcut is not None:
            total = total + self.config.shortcut_weight * self._of_embeddings(shortcut.float(), batch, step, precision)
        return total

    @staticmethod
    def _rounded(batch: Batch, precision: str) -> torch.autocast:
        return torch.autocast(batch.images.device.type, torch.bfloat16, enabled=precision == "bfloat16")

    def _of_embeddings(self, embeddings: Tensor, batch: Batch, step: int, precision: str) -> Tensor:
        """Loss of embeddings (T, N, E)."""
        distilled = batch.sources >= len(self.config.data.train) - self.config.data.distilled
        if not distilled.any():
            return self._labeled(embeddings, batch, step)
        labeled, kept = (~distilled).nonzero().squeeze(1), distilled.nonzero().squeeze(1)
        share = len(kept) / len(distilled)
        total = share * self._distilled(embeddings[:, kept], batch.select(kept), precision)
        if len(labeled):
            total = total + (1 - share) * self._labeled(embeddings[:, labeled], batch.select(labeled), step)
        return total

    def _labeled(self, embeddings: Tensor, batch: Batch, step: int) -> Tensor:
        config = self.config
        total = embeddings.new_zeros(())
        alone = step < config.aligned_steps
        if not alone:
            twins = self._twins(batch)
            per_line = ctc_loss(embeddings, self.model.head, batch.targets, batch.target_lengths, twins=twins)
            # Divided by the length: a long line has more to say but should not outweigh ten short ones.
            total = total + (per_line / batch.target_lengths).mean()
        weight = 1.0 if alone else config.aligned_weight
        if weight:
            # Beside CTC some lines are enough to keep the peaks in place; they stand in the batch in random order.
            lines = slice(None) if alone else slice(math.ceil(config.aligned_share * embeddings.shape[1]))
            losses, frames = aligned_loss(embeddings[:, lines], self.model.head, batch.frame_targets[lines])
            total = total + weight * losses / frames.clamp(min=1)
        return total

    def _twins(self, batch: Batch) -> Tensor | None:
        """See `ctc_loss`: the space, in lines whose labels say nothing of it."""
        if not batch.free_spaces.any() or " " not in self.charset:
            return None
        return torch.where(batch.free_spaces, self.charset.encode(" ")[0], BLANK)

    def _distilled(self, embeddings: Tensor, batch: Batch, precision: str) -> Tensor:
        assert self.teacher is not None
        with torch.no_grad(), self._rounded(batch, precision):
            wanted = self.teacher.embed(batch.images)
        per_line = distillation_loss(embeddings, self.model.head, wanted.float(), self.teacher.head)
        return self.config.distill_weight * (per_line / batch.target_lengths).mean()
