"""Where a network is trained: on the processor, or on a graphics card that torch can use."""

from __future__ import annotations

import torch

from crnn.core.errors import UserError

KINDS = ("cpu", "cuda", "mps")


def choose_device(wanted: str, local_rank: int = 0) -> torch.device:
    """The device that `wanted` names: cpu, cuda, cuda:N, mps, or auto for the best there is.

    Where it is not to be had, a line says so and the processor is taken.

    Args:
        local_rank: number of this process on its machine: with `cuda` and `auto` each process takes a card of its own.

    Raises:
        UserError: `wanted` names no device.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        wanted = next(kind for kind, usable in there.items() if usable)
    kind, _, number = wanted.partition(":")
    if kind not in KINDS or (number and not (kind == "cuda" and number.isdecimal())):
        raise UserError(f"device={wanted}: choose auto, cpu, cuda, cuda:N or mps")
    if not there[kind]:
        print(f"warning: device={wanted} cannot be used here (torch {torch.__version__}): training on the processor")
        return torch.device("cpu")
    if kind != "cuda":
        return torch.device(kind)
    index = int(number) if number else local_rank % torch.cuda.device_count()
    if index >= torch.cuda.device_count():
        raise UserError(f"device={wanted}: there are {torch.cuda.device_count()} cards, numbered from 0")
    return torch.device("cuda", index)


def collective_backend(device: torch.device) -> str:
    """What processes on such devices exchange gradients by."""
    return "nccl" if device.type == "cuda" else "gloo"
