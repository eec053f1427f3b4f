"""Losses for CTC training. Knows nothing of the network. Letters: T frames, N lines, C classes, S characters."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from crnn.charset import BLANK

IGNORED = -1  # a frame without an aligned target
_NEVER = -1e30  # log of zero that stays finite under subtraction


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


class _CTC(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, logits: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
        steps, lines, _ = logits.shape
        states = 2 * targets.shape[1] + 1
        path = targets.new_full((lines, states), BLANK)  # blank, c1, blank, c2, …, blank
        path[:, 1::2] = targets
        normaliser = torch.logsumexp(logits, dim=2)  # (T, N)
        emission = logits.gather(2, path.expand(steps, -1, -1)) - normaliser[:, :, None]
        emission = emission.double()  # (T, N, 2S + 1), small: the recursion can afford the precision
        # A state may be entered from itself, its neighbour, and two back unless that skips a needed blank.
        skip = torch.zeros_like(path, dtype=torch.bool)
        skip[:, 3::2] = path[:, 3::2] != path[:, 1:-2:2]
        last = 2 * target_lengths  # index of the closing blank
        reachable = torch.arange(states) <= last[:, None]

        alpha = emission.new_full((steps, lines, states), _NEVER)
        alpha[0, :, :2] = emission[0, :, :2]
        alpha[0].masked_fill_(~reachable, _NEVER)
        for t in range(1, steps):
            alpha[t] = (_arrivals(alpha[t - 1], skip) + emission[t]).masked_fill_(~reachable, _NEVER)

        # The backward variable is the forward one of the reversed path; its emission is left out.
        beta = emission.new_full((steps, lines, states), _NEVER)
        ends = (torch.arange(states) == last[:, None]) | (torch.arange(states) == last[:, None] - 1)
        beta[-1].masked_fill_(ends, 0.0)
        skip_back = torch.zeros_like(skip)
        skip_back[:, :-2] = skip[:, 2:]
        for t in range(steps - 2, -1, -1):
            following = (beta[t + 1] + emission[t + 1]).flip(1)
            beta[t] = _arrivals(following, skip_back.flip(1)).flip(1)

        total = torch.logsumexp(alpha[-1].masked_fill(~ends, _NEVER), dim=1)  # (N,)
        occupancy = (alpha + beta - total[:, None]).exp().float()
        ctx.save_for_backward(logits, normaliser, path, occupancy)
        return -total.float()

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None]:
        logits, normaliser, path, occupancy = ctx.saved_tensors  # type: ignore[attr-defined]
        result = (logits - normaliser[:, :, None]).exp_()  # softmax
        result.scatter_add_(2, path.expand_as(occupancy), -occupancy)
        return result.mul_(gradient[None, :, None]), None, None


def _arrivals(scores: Tensor, skip: Tensor) -> Tensor:
    """Log-sum over the states that lead to each state; `scores` (N, 2S + 1) in logarithms."""
    one = F.pad(scores[:, :-1], (1, 0), value=_NEVER)
    two = F.pad(scores[:, :-2], (2, 0), value=_NEVER).masked_fill_(~skip, _NEVER)
    return torch.logaddexp(torch.logaddexp(scores, one), two)


def ctc_loss(logits: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Connectionist temporal classification (Graves et al. 2006), one loss a line.

    Equals `torch.nn.functional.ctc_loss(log_softmax(logits), …, reduction="none")` where every line fills all T
    frames, but gathers only the blank and the line's own labels: the gradient is softmax − occupancy, and the
    (T, N, C) table is walked twice instead of five times.

    Args:
        logits: float32 (T, N, C), unnormalised.
        targets: int64 (N, S), padded with any class.
        target_lengths: int64 (N,), at least 1.

    Returns:
        Negative log-likelihoods, float32 (N,); about 1e30 where the label does not fit into T frames.
    """
    return _CTC.apply(logits, targets, target_lengths)
