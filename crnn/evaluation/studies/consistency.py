"""Whether a line reads the same alone, in any batch and in any order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from crnn.datasets.labeled import LabeledLine
from crnn.evaluation.engines.readers import ModelReader
from crnn.image.preprocess import decode_image

LARGEST_BATCH = 64  # lines handed over at once; the recognizer splits them further
WIDTHS = (0.7, 1.4)  # how much narrower or wider a line becomes that is read a second time


@dataclass(frozen=True)
class Consistency:
    """What became of the same lines in company.

    Attributes:
        distinct: lines of the dataset; beyond them, lines were squeezed or stretched to other widths.
        lines: lines read alone, in batches as they come, and in batches in another order.
        same: lines with the same text each time.
        largest_difference: of one line's confidences.
    """

    distinct: int
    lines: int
    same: int
    largest_difference: float


def check_consistency(model: ModelReader, lines: Sequence[LabeledLine], count: int, seed: int) -> Consistency:
    """Read `count` lines alone and in batches of random sizes, in order and shuffled, and compare."""
    rng = random.Random(seed)
    images = [decode_image(line.image) for line in lines[:count]]
    distinct = len(images)
    images += [_other_width(images[i % distinct], rng.uniform(*WIDTHS)) for i in range(count - distinct)]
    alone = [model.read(image) for image in images]
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
    return Consistency(distinct, len(images), sum(same), difference)


def _other_width(image: np.ndarray, factor: float) -> np.ndarray:
    return cv2.resize(image, (max(1, round(factor * image.shape[1])), image.shape[0]), interpolation=cv2.INTER_AREA)
