"""Finds where the characters of a known text stand in its logits."""

from __future__ import annotations

import cv2
import numpy as np

from crnn.core.charset import BLANK
from crnn.decoding.ctc import CtcPath, frames_needed, log_score

FRAMES_AT_ONCE = 8  # their scores stay in the processor's cache from one step of `softmax_totals` to the next
IMPOSSIBLE = np.float32(-1e30)  # a log-probability that no path recovers from, yet finite: sums stay free of NaN


def log_normalizers(logits: np.ndarray) -> np.ndarray:
    """Logarithm of each frame's softmax denominator, float32 (T,), of float32 logits (T, C)."""
    peaks = logits.max(axis=1)
    return peaks + np.log(softmax_totals(logits, peaks, np.arange(len(logits))))


def softmax_totals(scores: np.ndarray, peaks: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Sum over the classes of exp(score - peak), float32 (F,), of those of the T frames that are asked for.

    Args:
        scores: float32 (T, C).
        peaks: float32 (T,), the highest score of each frame.
        frames: int64 (F,).
    """
    totals = np.empty(len(frames), np.float32)
    ones = np.ones(scores.shape[1], np.float32)
    for begin in range(0, len(frames), FRAMES_AT_ONCE):
        some = frames[begin : begin + FRAMES_AT_ONCE]
        weights = scores[some]
        weights -= peaks[some, None]
        cv2.exp(weights, dst=weights)  # a quarter of the time of NumPy's where there is no AVX-512
        np.dot(weights, ones, out=totals[begin : begin + len(some)])
    return totals


def align(logits: np.ndarray, ids: list[int], normalizers: np.ndarray | None = None) -> CtcPath:
    """The most probable path of `ids` through the frames (Viterbi over the CTC states, Graves et al. 2006).

    Args:
        logits: float32 (T, C), unnormalized.
        ids: K ids, none blank; at most as long as T frames can hold.
        normalizers: `log_normalizers(logits)` where it is at hand.

    Returns:
        `ids` with the middle of each one's frames and its probability at the surest of them.

    Raises:
        ValueError: `ids` need more frames than there are.
    """
    if not ids:
        return CtcPath(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32))
    if frames_needed(ids) > len(logits):
        raise ValueError(f"{len(ids)} characters do not fit into {len(logits)} frames")
    if normalizers is None:
        normalizers = log_normalizers(logits)
    states = np.zeros(2 * len(ids) + 1, np.int64)  # blank, first, blank, second, …, blank
    states[1::2] = ids
    scores = logits[:, states] - normalizers[:, None]  # (T, 2K + 1)
    # A path may leap over the blank between two different characters.
    leaps = np.full(len(states), IMPOSSIBLE, np.float32)
    leaps[2:][(states[2:] != BLANK) & (states[2:] != states[:-2])] = 0
    steps = np.zeros(scores.shape, np.int8)  # states back to where the best path came from
    current = np.full(len(states), IMPOSSIBLE, np.float32)
    current[:2] = scores[0, :2]
    arrivals = np.full((3, len(states)), IMPOSSIBLE, np.float32)
    for frame in range(1, len(scores)):
        arrivals[0] = current
        arrivals[1, 1:] = current[:-1]
        arrivals[2, 2:] = current[:-2] + leaps[2:]
        steps[frame] = arrivals.argmax(axis=0)
        current = arrivals.max(axis=0) + scores[frame]
    state = len(states) - (1 if current[-1] >= current[-2] else 2)
    path = np.empty(len(scores), np.int64)
    for frame in range(len(scores) - 1, -1, -1):
        path[frame] = state
        state -= int(steps[frame, state])  # NumPy would count in 8 bits, too few for the states of a long line
    frames, confidences = np.empty(len(ids), np.float32), np.empty(len(ids), np.float32)
    for place in range(len(ids)):
        held = np.flatnonzero(path == 2 * place + 1)
        frames[place] = (held[0] + held[-1]) / 2
        confidences[place] = np.exp(scores[held, 2 * place + 1].max())
    confidences = np.minimum(confidences, 1)
    return CtcPath(np.array(ids, np.int64), frames, confidences, log_score(confidences))
