"""The mean of several runs' weights: `python -m crnn.network.average OUTPUT.pt CHECKPOINT.pt CHECKPOINT.pt …`.

Runs that began with the same weights often read better together than each alone (model soups, Wortsman et al. 2022,
arXiv:2203.05482), at no cost in reading.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from crnn.core.errors import UserError, exit_cleanly
from crnn.core.model_info import ArtifactInfo
from crnn.network.checkpoint import Checkpoint, load, save_slim
from crnn.network.crnn import ModelConfig


def mean(checkpoints: Sequence[Checkpoint]) -> Checkpoint:
    """Deployed weights that are the mean of all, by equal shares; described as the first, and whom it is the mean of.

    Raises:
        UserError: fewer than two, or they differ in network, charset or canvas.
    """
    if len(checkpoints) < 2:
        raise UserError("a mean takes two checkpoints at least")
    first = checkpoints[0].info
    for other in (checkpoint.info for checkpoint in checkpoints):
        if (_network(other), other.characters, other.canvas) != (_network(first), first.characters, first.canvas):
            raise UserError(
                "the checkpoints differ in network, charset or canvas: only weights of one kind have a mean"
            )
    weights = {
        name: torch.stack([checkpoint.weights[name].double() for checkpoint in checkpoints]).mean(0).to(value.dtype)
        for name, value in checkpoints[0].weights.items()
    }
    training = {**first.training, "mean_of": [checkpoint.info.training.get("name") for checkpoint in checkpoints]}
    return Checkpoint(dataclasses.replace(first, training=training, validation={}), weights)


def _network(info: ArtifactInfo) -> ModelConfig:
    """Older descriptions lack the keys that came later, whose defaults they mean."""
    return ModelConfig(**info.model)


@exit_cleanly()
def main(arguments: list[str]) -> None:
    """Entry point."""
    if len(arguments) < 3:
        raise UserError("usage: python -m crnn.network.average OUTPUT.pt CHECKPOINT.pt CHECKPOINT.pt …")
    output = Path(arguments[0])
    output.parent.mkdir(parents=True, exist_ok=True)
    save_slim(mean([load(path) for path in arguments[1:]]), output)
    print(f"{output}: the mean of {len(arguments) - 1} checkpoints, in half precision")


if __name__ == "__main__":
    main(sys.argv[1:])
