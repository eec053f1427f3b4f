"""Whether a line reads the same alone, in any batch and in any order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from crnn.evaluation.lines import LabelledLine
from crnn.evaluation.readers import ModelReader
from crnn.preprocess import decode_image

LARGEST_BATCH = 64  # lines handed over at once; the recogniser splits them further


@dataclass(frozen=True)
class Consistency:
    """What became of the same lines in company.

    Attributes:
        lines: lines read alone, in batches as they come, and in batches in another order.
        same: lines with the same text each time.
        largest_difference: of one line's confidences.
    """

    lines: int
    same: int
    largest_difference: float


def check_consistency(model: ModelReader, lines: Sequence[LabelledLine], count: int, seed: int) -> Consistency:
    """Read `count` lines alone and in batches of random sizes, in order and shuffled, and compare."""
    images = [decode_image(line.image) for line in lines[:count]]
    alone = [model.read(image) for image in images]
    rng = random.Random(seed)
    shuffled = rng.sample(range(len(images)), len(images))
    same, difference = [True] * len(images), 0.0
    for order in (list(range(len(images))), shuffled):
        begin = 0
        while begin < len(order):
            batch = order[begin : begin + rng.randint(1, LARGEST_BATCH)]
            for index, guess in zip(batch, model.read_many([images[i] for i in batch]), strict=True):
                same[index] &= guess.text == alone[index].text
                difference = max(difference, abs(guess.confidence - alone[index].confidence))
            begin += len(batch)
    return Consistency(len(images), sum(same), difference)
