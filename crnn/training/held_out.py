"""Reads held-out lines with a network that is in training."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from crnn.core.charset import Charset
from crnn.core.metrics import Accuracy, score
from crnn.decoding.ctc import collapse
from crnn.network.crnn import CRNN
from crnn.training.line_dataset import LineDataset

Sample = tuple[str, str, Tensor]  # truth, reading, uint8 (1, H, W) canvas
SAMPLES = 24  # lines that are shown
GROUP = 32  # lines read at a time, those of one width together


@torch.inference_mode()
def read_held_out(
    model: CRNN, lines: LineDataset, charset: Charset, rank: int, world: int
) -> tuple[Accuracy, list[Sample]]:
    """The accuracy of all processes together, and a few lines of this one.

    Args:
        model: in evaluation mode.
        rank, world: of `world` processes, this is number `rank`: each reads its share.
    """
    device = next(model.parameters()).device
    readings: list[tuple[str, str, str]] = []  # truth, reading, category
    samples: list[Sample] = []
    order = lines.buckets.argsort(kind="stable")[rank::world]
    for begin in range(0, len(order), GROUP):
        group = order[begin : begin + GROUP]
        for bucket in sorted({int(b) for b in lines.buckets[group]}):
            batch = [lines[int(i)] for i in group if lines.buckets[i] == bucket]
            images = torch.stack([torch.from_numpy(line.canvas.pixels)[None] for line in batch])  # (N, 1, H, W)
            logits = model(images.to(device).contiguous(memory_format=torch.channels_last))  # (T, N, C)
            for line, image, path in zip(batch, images, logits.argmax(2).T.cpu().numpy(), strict=True):
                reading = charset.decode_ids(collapse(path)).strip()
                if line.free_spaces:
                    reading = reading.replace(" ", "")
                readings.append((line.label, reading, line.category))
                if len(samples) < SAMPLES and begin % (3 * GROUP) == 0:
                    samples.append((line.label, reading, image))
    if world > 1:
        parts: list[Any] = [None] * world
        dist.all_gather_object(parts, readings)
        readings = [reading for part in parts for reading in part]
    truths, texts, categories = zip(*readings, strict=True)
    return score(truths, texts, categories), samples
