"""Finds where the characters of a known text stand in its logits."""

from __future__ import annotations

import numpy as np

from crnn.core.charset import BLANK
from crnn.decoding.ctc import CtcPath, frames_needed, log_score
from crnn.decoding.peaks import softmax_totals

IMPOSSIBLE = np.float32(-1e30)  # a log-probability that no path recovers from, yet finite: sums stay free of NaN


def align(logits: np.ndarray, ids: list[int]) -> CtcPath:
    """The most probable path of `ids` through the frames (Viterbi over the CTC states, Graves et al. 2006).

    Args:
        logits: float32 (T, C), unnormalized.
        ids: K ids, none blank; at most as long as T frames can hold.

    Returns:
        `ids` with the middle of each one's frames and its probability at the surest of them.

    Raises:
        ValueError: `ids` need more frames than there are.
    """
    if not ids:
        return CtcPath(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32))
    if frames_needed(ids) > len(logits):
        raise ValueError(f"{len(ids)} characters do not fit into {len(logits)} frames")
    states = np.zeros(2 * len(ids) + 1, np.int64)  # blank, first, blank, second, …, blank
    states[1::2] = ids
    highest = logits.max(axis=1)
    scores = logits[:, states] - highest[:, None]  # (T, 2K + 1); all states of a frame lack the same to be logarithms
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
    emitting = np.flatnonzero(path % 2)
    held = path[emitting]
    starts = np.flatnonzero(np.diff(held, prepend=-1))
    ends = np.append(starts[1:], len(held)) - 1
    probabilities = np.exp(scores[emitting, held]) / softmax_totals(logits, highest, emitting)
    confidences = np.maximum.reduceat(probabilities, starts)
    frames = ((emitting[starts] + emitting[ends]) / 2).astype(np.float32)
    return CtcPath(np.array(ids, np.int64), frames, confidences, log_score(confidences))
