"""Cross-entropy of frames whose character is known.

Letters: T frames, N lines, C classes, D inputs of the classifier.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -1  # a frame without an aligned target


def aligned_loss(embeddings: Tensor, head: torch.nn.Module, frame_targets: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the frames whose character is known, summed.

    Synthetic lines know where each character stands, which spares the long plateau CTC goes through before it
    has found the alignment by itself; and the classifier runs on these frames only.

    Args:
        embeddings: float32 (T, N, D), the classifier's input.
        head: the classifier, D -> C.
        frame_targets: int64 (N, T), class of a frame or `IGNORED`.

    Returns:
        Sum of the losses, and the number of frames it sums over (both scalars; the sum is 0 without frames).
    """
    flat = frame_targets.T.reshape(-1)  # (T * N,), the order of the embeddings
    known = (flat != IGNORED).nonzero().squeeze(1)
    logits = head(embeddings.flatten(0, 1).index_select(0, known))
    return F.cross_entropy(logits, flat[known], reduction="sum"), flat.new_tensor(len(known))
