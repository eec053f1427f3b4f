"""How far a recognizer's confidence can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crnn.datasets.labeled import LabeledLine
from crnn.evaluation.engines.readers import Guess
from crnn.evaluation.measures.scoring import line_scores

BINS = 10  # of equal width; with a thousand lines more bins would show noise
EDGE = 1e-6  # confidences are kept this far from 0 and 1, where their log-odds would be infinite
PRIOR = 1e-3  # pulls the fit towards (1, 0): lines that are all right, or all wrong, have no finite optimum
STEPS = 100  # Newton steps at most; ten are usual
SETTLED = 1e-8  # a step this small ends the fit


@dataclass(frozen=True)
class Bin:
    """Lines whose confidences lie close together: their number, mean confidence and share read right."""

    lines: int
    confidence: float
    right: float


@dataclass(frozen=True)
class Reliability:
    """Confidence against truth.

    Attributes:
        ece: expected calibration error (Naeini et al. 2015): mean distance of confidence from the share read
            right, weighted by lines; 0 is perfect.
        bins: those that hold lines.
        scale, offset: what the log-odds of these confidences would have to be scaled and shifted by to fit
            best (Platt 1999); 1 and 0 mean they need nothing.
    """

    ece: float
    bins: tuple[Bin, ...]
    scale: float
    offset: float


def reliability_of(lines: Sequence[LabeledLine], guesses: Sequence[Guess]) -> Reliability:
    """How far the guesses' confidences can be believed. A line counts as right if it is `exact`, spaces included."""
    right = line_scores(lines, [guess.text for guess in guesses]).exact
    return reliability([guess.confidence for guess in guesses], right.tolist())


def reliability(confidences: Sequence[float], right: Sequence[bool]) -> Reliability:
    """Compare each line's confidence with whether it was read right.

    Raises:
        ValueError: no lines, or a confidence outside [0, 1].
    """
    p, y = np.asarray(confidences, float), np.asarray(right, float)
    if p.shape != y.shape or not p.size or p.min() < 0 or p.max() > 1:
        raise ValueError("one confidence in [0, 1] is needed for each of at least one line")
    which = np.minimum((p * BINS).astype(int), BINS - 1)
    bins = [
        Bin(int((which == b).sum()), float(p[which == b].mean()), float(y[which == b].mean())) for b in np.unique(which)
    ]
    ece = sum(b.lines * abs(b.confidence - b.right) for b in bins) / p.size
    scale, offset = _platt(p, y)
    return Reliability(float(ece), tuple(bins), scale, offset)


def _platt(p: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Logistic regression of `y` on the log-odds of `p`, by Newton's method with halved steps where one overshoots."""
    p = np.clip(p, EDGE, 1 - EDGE)
    x = np.stack([np.log(p / (1 - p)), np.ones_like(p)])  # (2, lines)
    start = np.array([1.0, 0.0])

    def loss(theta: np.ndarray) -> float:
        z = theta @ x
        return float(np.mean(np.logaddexp(0, z) - y * z) + PRIOR / 2 * np.sum((theta - start) ** 2))

    theta = start
    for _ in range(STEPS):
        q = 0.5 * (1 + np.tanh(theta @ x / 2))  # the logistic function, without overflow
        gradient = x @ (q - y) / y.size + PRIOR * (theta - start)
        hessian = (x * (q * (1 - q))) @ x.T / y.size + PRIOR * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        # Surer than right by far, the sigmoids are flat where they start, and a whole step would fly off.
        while np.abs(step).max() > SETTLED and loss(theta - step) > loss(theta):
            step = step / 2
        theta = theta - step
        if np.abs(step).max() <= SETTLED:
            break
    return float(theta[0]), float(theta[1])
