"""Which class each frame of a line should be, where the places of its characters are known."""

from __future__ import annotations

import numpy as np

from crnn.core.charset import BLANK
from crnn.training.aligned_loss import IGNORED

# Share of the way between two centers in which a frame is clearly neither character: taught to be blank.
BLANK_ZONE = 0.3


def align(ids: np.ndarray, positions: np.ndarray, frames: int, rng: np.random.Generator) -> np.ndarray:
    """Class of each frame, where known: the character at its center, blank well between two characters.

    Characters of one frame are moved apart to neighboring frames. As many blanks as characters are taught, chosen
    by `rng`; the remaining frames may become either, so no hard border is drawn inside a character.

    Args:
        ids: int64 (S,), not more than `frames`.
        positions: float (S,), centers in frames, rising.

    Returns:
        int64 (frames,), `IGNORED` where nothing is known.
    """
    result = np.full(frames, IGNORED, np.int64)
    order = np.arange(len(ids))
    centers = np.maximum.accumulate(positions.astype(np.int64) - order) + order  # at least one frame apart
    centers = np.minimum(centers, frames - len(ids) + order)
    result[centers] = ids
    middles = np.arange(frames) + 0.5
    edges = np.concatenate([[-np.inf], (positions[1:] + positions[:-1]) / 2, [np.inf]])
    owner = np.searchsorted(edges, middles, side="right") - 1
    gaps = np.diff(positions) if len(ids) > 1 else np.array([4.0])
    left, right = np.append(gaps[0], gaps), np.append(gaps, gaps[-1])
    reach = np.where(middles < positions[owner], left[owner], right[owner]) * BLANK_ZONE
    blanks = np.flatnonzero((np.abs(middles - positions[owner]) > np.maximum(reach, 1.0)) & (result == IGNORED))
    if len(blanks) > len(ids):
        blanks = rng.choice(blanks, len(ids), replace=False)
    result[blanks] = BLANK
    return result
