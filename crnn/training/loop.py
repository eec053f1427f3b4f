"""What the loops of both trainers have in common: rate, batches made ahead, averaged weights, stopping on a signal."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Generic, TypeVar

import torch
from torch import nn

from crnn.network.checkpoint import State

Loaded = TypeVar("Loaded")


class Interrupted(Exception):
    """The run was asked to stop; its checkpoint is saved."""


@contextmanager
def on_stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on SIGINT and SIGTERM instead of ending the process."""

    def handler(number: int, frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def cosine_rate(step: int, steps: int, highest: float, warmup_steps: int, decay_share: float) -> float:
    """Learning rate of `step`: linear warm-up, plateau, cosine to zero over the last `decay_share` of the steps."""
    warm = min(1.0, (step + 1) / max(1, warmup_steps))
    decay_steps = max(1.0, decay_share * steps)
    into_decay = min(1.0, max(0.0, (step - (steps - decay_steps)) / decay_steps))
    return highest * warm * 0.5 * (1 + math.cos(math.pi * into_decay))


@torch.no_grad()
def update_average(average: State, network: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights towards those of `network`.

    Young averages follow quickly, so that early validation is not of the initial weights.
    """
    decay = min(decay, (1 + step) / (10 + step))
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


@contextmanager
def with_weights(network: nn.Module, weights: State) -> Iterator[None]:
    """`network` in evaluation mode with other weights; its own return at the end."""
    own = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    network.eval()
    try:
        yield
    finally:
        network.load_state_dict(own)


class Prefetcher(Generic[Loaded]):
    """Makes the batches of the next steps in a thread during the current one; OpenCV and LMDB release the lock.

    Args:
        load: makes what a step needs.
        ahead: steps to be ready beforehand.
    """

    def __init__(self, load: Callable[[int], Loaded], ahead: int = 1) -> None:
        self._load = load
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(1)
        self._coming: dict[int, Future[Loaded]] = {}

    def __enter__(self) -> Prefetcher[Loaded]:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def __call__(self, step: int) -> Loaded:
        for coming in range(step, step + 1 + self._ahead):
            if coming not in self._coming:
                self._coming[coming] = self._pool.submit(self._load, coming)
        return self._coming.pop(step).result()
