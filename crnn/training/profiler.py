"""Where the time of a training step goes. The trainer is left as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from torch.profiler import ProfilerActivity, profile

from crnn.training.trainer import Trainer

# What an operator belongs to, by a part of its name; the first that fits. Our own functions count with all they call.
GROUPS = {
    "_CTCBackward": "classifier and CTC, backward",
    "_CTC": "classifier and CTC, forward",
    "_WinogradBackward": "convolutions, backward",
    "_Winograd": "convolutions, forward",
    "convolution_backward": "convolutions, backward",
    "mkldnn_convolution": "convolutions, forward",
    "mkldnn_rnn_layer_backward": "LSTM, backward",
    "mkldnn_rnn_layer": "LSTM, forward",
    "batch_norm": "batch norm, ReLU, pooling",
    "threshold_backward": "batch norm, ReLU, pooling",
    "relu": "batch norm, ReLU, pooling",
    "max_pool2d": "batch norm, ReLU, pooling",
    "Optimizer.step": "optimizer",
    "all_reduce": "waiting for the other process",
}
REST = "all else"


class Event(Protocol):
    """What is used of a profiler's event."""

    name: str
    cpu_parent: Event | None
    self_cpu_time_total: float


@dataclass(frozen=True)
class Item:
    """Milliseconds a step that operators of one group take on this process, and their share."""

    group: str
    milliseconds: float
    share: float


def group_of(event: Event) -> str:
    """The group of the outermost known operator that `event` ran in."""
    found = REST
    place: Event | None = event
    while place is not None:
        found = next((group for part, group in GROUPS.items() if part in place.name), found)
        place = place.cpu_parent
    return found


def summarize(events: Iterable[Event], steps: int) -> list[Item]:
    """Groups by the time they take, the largest first."""
    milliseconds: dict[str, float] = {}
    for event in events:
        group = group_of(event)
        milliseconds[group] = milliseconds.get(group, 0.0) + event.self_cpu_time_total / 1000 / steps
    whole = sum(milliseconds.values()) or 1.0
    items = [Item(group, value, value / whole) for group, value in milliseconds.items()]
    return sorted(items, key=lambda item: -item.milliseconds)


def profile_steps(trainer: Trainer, steps: int) -> list[Item]:
    """Run two steps to warm up, then `steps` under torch's profiler; the run's checkpoint is not touched."""
    for _ in range(2):
        trainer.train_step(trainer.batches(trainer.step))
    batches = [trainer.batches(trainer.step + i) for i in range(steps)]  # loaded ahead, as in a real run
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for batch in batches:
            trainer.train_step(batch)
    events = profiler.events()
    return summarize([] if events is None else events, steps)


def table(items: Iterable[Item]) -> str:
    """The items as Markdown."""
    rows = [f"| {item.group} | {item.milliseconds:.0f} | {item.share:.0%} |" for item in items]
    return "\n".join(["| | ms a step | share |", "| --- | --- | --- |", *rows])
