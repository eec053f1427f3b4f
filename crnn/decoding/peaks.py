"""The likeliest class of each frame, and how likely it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from crnn.core.charset import BLANK

NEVER = -1e4  # logit of a character that a network does not know; those of other networks stand after all of its own
FRAMES_AT_ONCE = 8  # their scores stay in the processor's cache from one step of `softmax_totals` to the next


@dataclass(frozen=True)
class Peaks:
    """The best class of each of T frames.

    Attributes:
        classes: int64 (T,).
        scores: float32 (T,), their logits.
        totals: float32 (T,), the sum over all classes of exp(logit - score): 1 / total is the probability of the best
            one. 1 in frames of blanks that were not asked for.
    """

    classes: np.ndarray
    scores: np.ndarray
    totals: np.ndarray

    @classmethod
    def of(cls, logits: np.ndarray, blanks: bool = True) -> Peaks:
        """Those of float32 logits (T, C).

        Args:
            blanks: whether the totals of frames are wanted whose best class is the blank: three of four are such.
        """
        classes = logits.argmax(axis=1)
        scores = logits[np.arange(len(logits)), classes]
        totals = np.ones(len(logits), np.float32)
        wanted = np.arange(len(logits)) if blanks else np.flatnonzero(classes != BLANK)
        totals[wanted] = softmax_totals(logits, scores, wanted)
        return cls(classes, scores, totals)


def softmax_totals(scores: np.ndarray, peaks: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Sum over the classes of exp(score - peak), float32 (F,), of those of the T frames that are asked for.

    Args:
        scores: float32 (T, C).
        peaks: float32 (T,), the highest score of each frame.
        frames: int64 (F,).
    """
    totals = np.empty(len(frames), np.float32)
    if not len(frames):
        return totals
    # What a network does not know adds nothing, but would change the order of the sum: beside another network it would
    # then not read as it does alone, to the bit.
    unknown = int((scores[0, ::-1] > NEVER).argmax())
    scores = scores[:, : scores.shape[1] - unknown]
    ones = np.ones(scores.shape[1], np.float32)
    for begin in range(0, len(frames), FRAMES_AT_ONCE):
        some = frames[begin : begin + FRAMES_AT_ONCE]
        weights = scores[some]
        weights -= peaks[some, None]
        cv2.exp(weights, dst=weights)  # a quarter of the time of NumPy's where there is no AVX-512
        np.dot(weights, ones, out=totals[begin : begin + len(some)])
    return totals
