"""CTC through a linear classifier. Letters: T frames, N lines, C classes, S characters."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from crnn.core.charset import BLANK

ROWS = 128  # frames classified at a time: 128 × 7,000 scores stay in the cache through all that is done with them
_NEVER = -1e30  # log of zero that stays finite under subtraction


def _paths(targets: Tensor) -> Tensor:
    """The classes of CTC's states blank, c1, blank, c2, …, blank: int64 (N, 2S + 1)."""
    path = targets.new_full((len(targets), 2 * targets.shape[1] + 1), BLANK)
    path[:, 1::2] = targets
    return path


def _emissions(embeddings: Tensor, weight: Tensor, bias: Tensor, path: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities of each line's own states, without ever holding the table of all classes.

    Returns:
        float32 (T, N, 2S + 1), and the logarithm of each frame's softmax denominator, float32 (T * N,).
    """
    steps, lines, _ = embeddings.shape
    emission = embeddings.new_empty(steps, lines, path.shape[1])
    normalizer = embeddings.new_empty(steps, lines)
    slab = max(1, ROWS // lines)
    for t in range(0, steps, slab):
        logits = (embeddings[t : t + slab] @ weight.T).add_(bias)  # faster than the fused form
        torch.gather(logits, 2, path.expand(len(logits), -1, -1), out=emission[t : t + slab])
        torch.logsumexp(logits, 2, out=normalizer[t : t + slab])
    return emission.sub_(normalizer[:, :, None]), normalizer.flatten()


def _occupancy(emission: Tensor, path: Tensor, target_lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The forward-backward recursion of CTC.

    Args:
        emission: float32 (T, N, 2S + 1), log-probabilities of the states.
        path: int64 (N, 2S + 1), their classes.

    Returns:
        Log-likelihoods (N,), and each state's share of the paths through each frame (T, N, 2S + 1), which sums to 1.
    """
    steps, lines, states = emission.shape
    if emission.device.type != "mps":  # which has no double precision
        emission = emission.double()  # small: the recursion can afford it
    # A state may be entered from itself, its neighbor, and two back unless that skips a needed blank.
    skip = torch.zeros_like(path, dtype=torch.bool)
    skip[:, 3::2] = path[:, 3::2] != path[:, 1:-2:2]
    last = 2 * target_lengths  # index of the closing blank
    state = torch.arange(states, device=path.device)
    reachable = state <= last[:, None]

    alpha = emission.new_full((steps, lines, states), _NEVER)
    alpha[0, :, :2] = emission[0, :, :2]
    alpha[0].masked_fill_(~reachable, _NEVER)
    for t in range(1, steps):
        alpha[t] = (_arrivals(alpha[t - 1], skip) + emission[t]).masked_fill_(~reachable, _NEVER)

    # The backward variable is the forward one of the reversed path; its emission is left out.
    beta = emission.new_full((steps, lines, states), _NEVER)
    ends = (state == last[:, None]) | (state == last[:, None] - 1)
    beta[-1].masked_fill_(ends, 0.0)
    skip_back = torch.zeros_like(skip)
    skip_back[:, :-2] = skip[:, 2:]
    for t in range(steps - 2, -1, -1):
        following = (beta[t + 1] + emission[t + 1]).flip(1)
        beta[t] = _arrivals(following, skip_back.flip(1)).flip(1)

    total = torch.logsumexp(alpha[-1].masked_fill(~ends, _NEVER), dim=1)  # (N,)
    return total.float(), (alpha + beta - total[:, None]).exp().float()


def _arrivals(scores: Tensor, skip: Tensor) -> Tensor:
    """Log-sum over the states that lead to each state; `scores` (N, 2S + 1) in logarithms."""
    one = F.pad(scores[:, :-1], (1, 0), value=_NEVER)
    two = F.pad(scores[:, :-2], (2, 0), value=_NEVER).masked_fill_(~skip, _NEVER)
    return torch.logaddexp(torch.logaddexp(scores, one), two)


class _CTC(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx,
        embeddings: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        target_lengths: Tensor,
        negligible: float,
        twins: Tensor | None,
    ) -> Tensor:
        path = _paths(targets)
        if twins is None:
            emission, normalizer = _emissions(embeddings, weight, bias, path)
            likelihood, occupancy = _occupancy(emission, path, target_lengths)
        else:
            with_twin = torch.cat([path, twins[:, None]], dim=1)
            emission, normalizer = _emissions(embeddings, weight, bias, with_twin)
            likelihood, occupancy = _occupancy_with_twins(emission, path, target_lengths, twins)
            path = with_twin
        # A frame's gradient is softmax − occupancy; its L1 norm is 2 (1 − Σ min(softmax, occupancy)), and the best
        # single class bounds that sum from below.
        probability = emission.exp()
        states = 2 * targets.shape[1] + 1
        blank = torch.minimum(occupancy[:, :, :states:2].sum(2), probability[:, :, 0])
        character = torch.minimum(occupancy, probability)[:, :, 1::2].amax(2)  # a twin stands at an odd place, too
        rows = (2 * (1 - torch.maximum(blank, character)) >= negligible).flatten().nonzero().squeeze(1)
        occupancy = occupancy.flatten(0, 1).index_select(0, rows)
        ctx.save_for_backward(embeddings, weight, bias, path, normalizer, occupancy, rows)
        return -likelihood

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, scale: Tensor) -> tuple[Tensor | None, ...]:
        embeddings, weight, bias, path, normalizer, occupancy, rows = ctx.saved_tensors  # type: ignore[attr-defined]
        flat = embeddings.flatten(0, 1)
        to_embeddings, to_weight, to_bias = torch.zeros_like(flat), torch.zeros_like(weight), torch.zeros_like(bias)
        for own, shares in zip(rows.split(ROWS), occupancy.split(ROWS), strict=True):
            inputs, lines = flat.index_select(0, own), own % embeddings.shape[1]
            gradient = (inputs @ weight.T).add_(bias)
            gradient.sub_(normalizer.index_select(0, own)[:, None]).exp_()  # softmax
            gradient.scatter_add_(1, path.index_select(0, lines), -shares)
            gradient *= scale.index_select(0, lines)[:, None]
            to_embeddings.index_copy_(0, own, gradient @ weight)
            if ctx.needs_input_grad[1]:  # type: ignore[attr-defined]
                to_weight.addmm_(gradient.T, inputs)
                to_bias += gradient.sum(0)
        return to_embeddings.view_as(embeddings), to_weight, to_bias, None, None, None, None


def _occupancy_with_twins(
    emission: Tensor, path: Tensor, target_lengths: Tensor, twins: Tensor
) -> tuple[Tensor, Tensor]:
    """`_occupancy` where another class may stand wherever the blank may.

    Args:
        emission: float32 (T, N, 2S + 2), the last column the twin's.

    Returns:
        Log-likelihoods (N,), and the shares (T, N, 2S + 2): those of the blanks are divided between blank and twin as
        their probabilities are, so that nothing is learned of which of them it should be.
    """
    blank, twin = emission[:, :, 0], emission[:, :, -1]
    either = torch.where(twins == BLANK, blank, torch.logaddexp(blank, twin))  # (T, N)
    merged = emission[:, :, :-1].clone()
    merged[:, :, ::2] = either[:, :, None]
    likelihood, occupancy = _occupancy(merged, path, target_lengths)
    blanks_part = (blank - either).exp()
    twins_share = occupancy[:, :, ::2].sum(2) * (1 - blanks_part)
    occupancy[:, :, ::2] *= blanks_part[:, :, None]
    return likelihood, torch.cat([occupancy, twins_share[:, :, None]], dim=2)


def ctc_loss(
    embeddings: Tensor,
    head: torch.nn.Linear,
    targets: Tensor,
    target_lengths: Tensor,
    negligible: float = 0.004,
    twins: Tensor | None = None,
) -> Tensor:
    """Connectionist temporal classification (Graves et al. 2006) through a linear classifier, one loss a line.

    Equals `torch.nn.functional.ctc_loss(log_softmax(head(embeddings)), …, reduction="none")` where every line fills
    all T frames, but is cheaper. 7,000 classes make the scores of all frames a table of tens of megabytes: here the
    classifier runs on a few frames at a time, whose scores stay in the cache. The recursion gathers only the blank and
    the line's own labels. A frame whose gradient is negligible (two in three, mostly sure blanks, once a network
    reads) takes no part in the backward pass.

    Args:
        embeddings: float32 (T, N, D), the classifier's input.
        head: the classifier, D -> C.
        targets: int64 (N, S), padded with any class.
        target_lengths: int64 (N,), at least 1.
        negligible: a frame is left out of the gradient where the L1 norm of its own, softmax − occupancy, which
            can reach 2, is surely below this; 0 leaves out none. 0.004 takes 0.2 to 0.7 % of the gradient's norm away.
        twins: int64 (N,), a class that counts as the blank in each line, which must not occur in its label; the blank
            itself for no other. So lines whose labels say nothing of spaces teach everything but spaces.

    Returns:
        Negative log-likelihoods, float32 (N,); about 1e30 where the label does not fit into T frames.
    """
    return _CTC.apply(embeddings, head.weight, head.bias, targets, target_lengths, negligible, twins)
