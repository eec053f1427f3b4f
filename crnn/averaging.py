"""Averages the weights of checkpoints that began with the same ones (model soups: Wortsman et al. 2022).

`python -m crnn.averaging models/crnn-zh-en.fp16.pt artifacts/NAME/checkpoint.pt --output artifacts/mean/checkpoint.pt`
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from crnn.checkpoint import Checkpoint, load, save_slim
from crnn.errors import UserError, exit_cleanly


def average(checkpoints: Sequence[Checkpoint]) -> Checkpoint:
    """The mean of each deployed weight; description, and what is counted rather than weighed, as in the last one.

    A short run on other data forgets some of what its start knew. Half way between the two, both is often read better
    than by either of them, at no cost in reading.

    Raises:
        UserError: fewer than two, or networks of different shapes or characters.
    """
    if len(checkpoints) < 2:
        raise UserError("an average needs two checkpoints at least")
    *others, last = checkpoints
    for other in others:
        if (other.info.model, other.info.characters) != (last.info.model, last.info.characters):
            raise UserError("the checkpoints are of networks with different layers or characters: nothing to average")
    weights = {
        name: torch.stack([checkpoint.weights[name] for checkpoint in checkpoints]).mean(0)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in last.weights.items()
    }
    return Checkpoint(last.info, weights)


@exit_cleanly()
def main() -> None:
    """Average the checkpoints named on the command line."""
    parser = argparse.ArgumentParser(prog="crnn.averaging", description="Average the weights of checkpoints.")
    parser.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT", help="that began with the same weights")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="in half precision, to export")
    options = parser.parse_args()
    mean = average([load(path) for path in options.checkpoints])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    save_slim(mean, options.output)
    print(f"{options.output}: the mean of {len(options.checkpoints)} checkpoints, {mean.sha256[:12]}")


if __name__ == "__main__":
    main()
