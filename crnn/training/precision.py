"""In how many bits a run multiplies: what `precision=auto` chooses, and what torch is told."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor

from crnn.network.crnn import CRNN

GAIN = 1.1  # less is within the noise of the measurement


def set_matmul_precision(precision: str) -> None:
    """Let products of float32 matrices, the classifier's, round their factors to bfloat16 too."""
    torch.set_float32_matmul_precision("medium" if precision == "bfloat16" else "highest")


def choose_precision(model: CRNN, loss: Callable[[str], Tensor]) -> str:
    """bfloat16 where it is faster than float32 on this machine and finite; every process decides alike.

    Args:
        loss: of one batch by `model`, in the precision that it is given.
    """
    state = {name: value.clone() for name, value in model.state_dict().items()}
    seconds = {precision: _seconds(model, loss, precision) for precision in ("float32", "bfloat16")}
    model.load_state_dict(state)  # the measurement moved the running statistics
    model.zero_grad(set_to_none=True)
    gain = torch.tensor([seconds["float32"] / seconds["bfloat16"]], device=next(model.parameters()).device)
    if dist.is_initialized():
        dist.all_reduce(gain, dist.ReduceOp.MIN)
    return "bfloat16" if gain.item() > GAIN else "float32"


def _seconds(model: CRNN, loss: Callable[[str], Tensor], precision: str) -> float:
    """What a step takes without the optimizer; infinite where its loss is not finite."""
    set_matmul_precision(precision)
    for _ in range(2):  # the first run also compiles kernels
        begin = time.perf_counter()
        model.train()
        value = loss(precision)
        value.backward()
        value.item()  # a graphics card may still be at work: this waits for it
        seconds = time.perf_counter() - begin
    return seconds if value.isfinite() else math.inf
