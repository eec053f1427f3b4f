"""What a step of a finder's training is to make smaller.

Letters: N crops, S pixels of their side, G = S / stride cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, max_pool2d

from crnn.network.finder import FinderNetwork
from crnn.training.finder_config import FinderTrainConfig

NEAR = 2  # cells around a labeled line; what shines there is a gap between lines, and no text that the labels missed


@dataclass(frozen=True)
class Batch:
    """Crops of one step, see `crnn.datasets.page_crops.Crop`.

    Attributes:
        images: uint8 (N, 3, S, S).
        kernels, heights: float32 (N, G, G).
        known: bool (N, G, G).
        labeled: bool (N,).
    """

    images: Tensor
    kernels: Tensor
    heights: Tensor
    known: Tensor
    labeled: Tensor


def hard_background(losses: Tensor, text: Tensor, batch: Batch, config: FinderTrainConfig) -> Tensor:
    """The cells of background that are learned from, bool (N, G, G): the worst ones, some for each cell of text.

    Args:
        losses: of each cell, (N, G, G).
        text: cells of lines, bool (N, G, G).
    """
    chosen = torch.zeros_like(text)
    near = max_pool2d((batch.heights > 0).float(), 2 * NEAR + 1, stride=1, padding=NEAR) > 0
    for number in range(len(losses)):
        loss = losses[number].flatten()
        background = (~text[number] & batch.known[number]).flatten()
        count = int(max(256, config.negatives * int(text[number].sum())))
        if not batch.labeled[number]:
            away = (background & ~near[number].flatten()).nonzero().squeeze(1)
            skipped = min(int(config.doubtful * count), len(away))
            background[away[loss[away].topk(skipped).indices]] = False
        candidates = background.nonzero().squeeze(1)
        worst = loss[candidates].topk(min(count, len(candidates))).indices
        chosen[number].view(-1)[candidates[worst]] = True
    return chosen


def finder_loss(network: FinderNetwork, batch: Batch, config: FinderTrainConfig) -> Tensor:
    """Mean loss of a batch: of the text map by cross-entropy over hard cells and by overlap, of log-heights."""
    images = batch.images.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bfloat16"):
        maps = network(images)
    logits, heights = maps[:, 0], maps[:, 1]
    text = (batch.kernels >= 0.5) & batch.known
    per_cell = binary_cross_entropy_with_logits(logits, batch.kernels, reduction="none")
    chosen = text | hard_background(per_cell.detach(), text, batch, config)
    entropy = per_cell[chosen].mean()
    known = batch.known.float()
    probability, kernels = logits.sigmoid() * known, batch.kernels * known
    shared = (probability * kernels).sum((1, 2))
    # A crop without text has no overlap to gain; its cells are judged by cross-entropy alone.
    rand = 1 - (2 * shared + 1) / (probability.square().sum((1, 2)) + kernels.square().sum((1, 2)) + 1)
    rand = rand[text.any(2).any(1)]
    total = entropy + (rand.mean() if len(rand) else 0.0)
    if text.any():
        total = total + config.height_weight * (heights - batch.heights)[text].abs().mean()
    return total
