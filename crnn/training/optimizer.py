"""The optimizer of a run: which parameters it moves, how fast, and which of them decay."""

from __future__ import annotations

import torch
from torch import nn

from crnn.network.crnn import CRNN
from crnn.network.transfer import ADDED, trainable
from crnn.training.config import TrainConfig

BETAS = (0.9, 0.98)


class GroupedAdamW(torch.optim.AdamW):
    """AdamW of a network's trainable parameters; the classifier's rate is a share of the others'."""

    def __init__(self, model: CRNN, config: TrainConfig) -> None:
        kept = config.trained_layers == ADDED  # the old rows beside the new ones must not decay either
        head = set(model.head.parameters())
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for parameter in trainable(model):
            share = config.head_rate if parameter in head else 1.0
            decay = 0.0 if parameter.ndim <= 1 or kept else config.weight_decay
            groups.setdefault((share, decay), []).append(parameter)
        self.shares = [share for share, _ in groups]
        super().__init__(
            [{"params": parameters, "weight_decay": decay} for (_, decay), parameters in groups.items()],
            lr=config.learning_rate,
            betas=BETAS,
        )

    def set_rate(self, rate: float) -> None:
        """The learning rate of the next step."""
        for group, share in zip(self.param_groups, self.shares, strict=True):
            group["lr"] = share * rate
