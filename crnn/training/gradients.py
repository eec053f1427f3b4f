"""Gradients of a batch: summed over its parts and over the processes, and clipped."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from crnn.network.crnn import CRNN
from crnn.training.batches import Batch


@dataclass(frozen=True)
class Gradients:
    """What is known of a batch's gradients; they themselves lie in the network.

    Attributes:
        loss: of the whole batch, in all processes.
        norm: before they were clipped.
        stopping: whether one of the processes was asked to stop.
    """

    loss: float
    norm: float
    stopping: bool


def accumulate(
    model: CRNN,
    loss_of: Callable[[Batch], Tensor],
    batches: Sequence[Batch],
    parts: int,
    clip_norm: float,
    world: int = 1,
    asked_to_stop: bool = False,
) -> Gradients:
    """Leave mean gradients and mean running statistics of all parts in `model`.

    Args:
        loss_of: mean loss of one part.
        batches: the parts of this process.
        parts: of all processes together.
        world: processes; they exchange one message.
    """
    statistics = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    before = [buffer.clone() for buffer in statistics]
    after = torch.zeros(sum(buffer.numel() for buffer in statistics), device=next(model.parameters()).device)
    loss_sum = 0.0
    model.zero_grad(set_to_none=True)
    for batch in batches:
        for buffer, value in zip(statistics, before, strict=True):
            buffer.copy_(value)  # every part starts from the same statistics, in whichever process
        loss = loss_of(batch) / parts
        loss.backward()
        loss_sum += loss.item()
        after += torch.cat([buffer.flatten() for buffer in statistics]) / parts
    if world > 1:
        loss_sum, after, asked_to_stop = _sum_over_processes(model, loss_sum, after, asked_to_stop)
    means = after.split([buffer.numel() for buffer in statistics]) if math.isfinite(loss_sum) else before
    for buffer, value in zip(statistics, means, strict=True):
        buffer.copy_(value.view_as(buffer))
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm).item()
    return Gradients(loss_sum, norm, asked_to_stop)


def _sum_over_processes(model: CRNN, loss: float, statistics: Tensor, stop: bool) -> tuple[float, Tensor, bool]:
    """Loss and running statistics (V,) of all processes, and whether one is to stop; gradients are summed in place."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flags = torch.tensor([loss, float(stop)], device=statistics.device)
    message = torch.cat([*(g.flatten() for g in gradients), statistics, flags])
    dist.all_reduce(message)
    *sums, statistics, loss_flag, stop_flag = message.split([*(g.numel() for g in gradients), len(statistics), 1, 1])
    for gradient, total in zip(gradients, sums, strict=True):
        gradient.copy_(total.view_as(gradient))
    return loss_flag.item(), statistics, bool(stop_flag.item())
