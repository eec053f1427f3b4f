"""A finder's weights in a larger network that begins with nearly the same maps, to be trained on.

`python -m crnn.network.widening OUTPUT.pt CHECKPOINT.pt channels=48,80,96,128 convolutions=2,3,4,3 pyramid=40`

The idea is that of Chen et al. 2016, "Net2Net" (arXiv:1511.05641): what was learned is not learned again. New channels
begin at random and are hardly heard by the old ones, added convolutions begin as the identity.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import torch
from torch import Tensor

from crnn.core.errors import UserError, exit_cleanly
from crnn.finder.info import FinderInfo
from crnn.network.checkpoint import Checkpoint, load, save
from crnn.network.finder import FinderNetwork, FinderNetworkConfig

HEARD = 0.02  # share of a new channel's first weights by which the old channels hear it
NEW = 0.7  # share of the usual first weights that new channels begin with
NOISE = 0.001  # standard deviation, so that channels of an added convolution do not stay alike
USAGE = (
    "usage: python -m crnn.network.widening OUTPUT.pt CHECKPOINT.pt channels=48,80,96,128 [convolutions=…] [pyramid=…]"
)


def widened(checkpoint: Checkpoint, config: FinderNetworkConfig, seed: int = 11) -> Checkpoint:
    """The finder of `checkpoint` in a network of other sizes, none of which is smaller.

    Raises:
        UserError: it is no finder, or a size is smaller than it was.
    """
    if not isinstance(checkpoint.info, FinderInfo):
        raise UserError("only a finder can be widened")
    old = FinderNetworkConfig(**checkpoint.info.network)
    sizes = [(*each.channels, *each.convolutions, each.pyramid) for each in (old, config)]
    if len(sizes[0]) != len(sizes[1]) or any(after < before for before, after in zip(*sizes, strict=True)):
        raise UserError(f"a finder of {old} cannot be widened to {config}: each size must be at least what it was")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        weights = FinderNetwork(config).state_dict()
        for name, value in weights.items():
            if name in checkpoint.weights:
                weights[name] = _grown(checkpoint.weights[name], value)
            elif value.ndim == 4:  # of an added convolution
                weights[name] = NOISE * torch.randn_like(value)
                weights[name][:, :, 1, 1] += torch.eye(len(value))
    info = dataclasses.replace(checkpoint.info, network=dataclasses.asdict(config), validation={})
    return Checkpoint(info, weights)


def _grown(old: Tensor, first: Tensor) -> Tensor:
    """`old` in the shape of `first`, the weights that a network of this size begins with."""
    if old.shape == first.shape:
        return old
    grown = first.clone()
    if old.ndim < 4:
        grown[: len(old)] = old
        return grown
    outputs, inputs = old.shape[:2]
    grown *= NEW
    grown[:outputs, inputs:] *= HEARD
    grown[:outputs, :inputs] = old
    return grown


@exit_cleanly()
def main(arguments: list[str]) -> None:
    """Entry point."""
    sizes = dict(word.split("=", 1) for word in arguments[2:] if "=" in word)
    if len(arguments) < 3 or len(sizes) != len(arguments) - 2 or set(sizes) - {"channels", "convolutions", "pyramid"}:
        raise UserError(USAGE)
    output, checkpoint = Path(arguments[0]), load(arguments[1])
    try:
        numbers = {name: [int(number) for number in value.split(",")] for name, value in sizes.items()}
    except ValueError:
        raise UserError(USAGE) from None
    pyramid = {"pyramid": numbers.pop("pyramid")[0]} if "pyramid" in numbers else {}
    config = FinderNetworkConfig(**{**vars(FinderNetworkConfig(**checkpoint.info.network)), **numbers, **pyramid})
    save(widened(checkpoint, config), output)
    print(f"{output}: {checkpoint.info.network} widened to {dataclasses.asdict(config)}")


if __name__ == "__main__":
    main(sys.argv[1:])
