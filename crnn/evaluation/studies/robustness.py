"""How readings bear what boxes, lenses and files do: every line is read again, changed in one way at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np

from crnn.datasets.labeled import LabeledLine
from crnn.evaluation.engines.readers import LineReader
from crnn.evaluation.measures.scoring import line_scores
from crnn.image.preprocess import decode_image
from crnn.image.rotation import rotate

Change = Callable[[np.ndarray], np.ndarray]


def stretched(image: np.ndarray, factor: float) -> np.ndarray:
    """As high as before, `factor` times as wide."""
    width = max(1, round(image.shape[1] * factor))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, (width, image.shape[0]), interpolation=interpolation)


def with_slack(image: np.ndarray, share: float) -> np.ndarray:
    """The outermost pixels repeated, `share` of the height on all sides."""
    border = round(share * image.shape[0])
    return cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_REPLICATE)


def cut(image: np.ndarray, share: float) -> np.ndarray:
    """Without `share` of the height above and below."""
    rows = round(share * image.shape[0])
    return image[rows : image.shape[0] - rows]


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    """Turned about its middle, in an upright box that holds all of it."""
    return rotate(image, -degrees, cv2.INTER_LINEAR)[0]


def reduced(image: np.ndarray, height: int) -> np.ndarray:
    """At most `height` pixels high."""
    if image.shape[0] <= height:
        return image
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """By a Gaussian of `sigma` pixels where the line is 40 pixels high."""
    return cv2.GaussianBlur(image, (0, 0), sigma * image.shape[0] / 40, borderType=cv2.BORDER_REPLICATE)


def compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """As JPEG of that quality."""
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED))


CHANGES: dict[str, Change] = {
    "as is": lambda image: image,
    "stretched × 0.6": partial(stretched, factor=0.6),
    "stretched × 0.8": partial(stretched, factor=0.8),
    "stretched × 1.25": partial(stretched, factor=1.25),
    "stretched × 1.6": partial(stretched, factor=1.6),
    "slack 0.1 of the height": partial(with_slack, share=0.1),
    "slack 0.2": partial(with_slack, share=0.2),
    "slack 0.35": partial(with_slack, share=0.35),
    "cut 0.06 above and below": partial(cut, share=0.06),
    "cut 0.12": partial(cut, share=0.12),
    "turned 2°": partial(turned, degrees=2),
    "turned 4°": partial(turned, degrees=4),
    "reduced to 16 px": partial(reduced, height=16),
    "reduced to 12 px": partial(reduced, height=12),
    "blurred, 1.2 px at 40 px": partial(blurred, sigma=1.2),
    "JPEG 20": partial(compressed, quality=20),
}


def measure_robustness(
    readers: Sequence[LineReader], lines: Sequence[LabeledLine], progress: Callable[[int], object] = lambda lines: None
) -> dict[str, dict[str, float]]:
    """Share of `lines` that each reader reads without error, ignoring spaces, by the names of readers and `CHANGES`."""
    profile: dict[str, dict[str, float]] = {reader.name: {} for reader in readers}
    for name, change in CHANGES.items():
        texts: dict[str, list[str]] = {reader.name: [] for reader in readers}
        for line in lines:
            image = change(decode_image(line.image))
            for reader in readers:
                texts[reader.name].append(reader.read(image).text)
            progress(1)
        for reader in readers:
            profile[reader.name][name] = float(line_scores(lines, texts[reader.name]).exact_nospace.mean())
    return profile
