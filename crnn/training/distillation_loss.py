"""How far a classifier's scores have moved from another network's. Letters: T frames, N lines, C classes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from crnn.training.ctc_loss import ROWS


class _Distillation(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx,
        embeddings: Tensor,
        weight: Tensor,
        bias: Tensor,
        wanted: Tensor,
        wanted_weight: Tensor,
        wanted_bias: Tensor,
        negligible: float,
    ) -> Tensor:
        flat, flat_wanted = embeddings.flatten(0, 1), wanted.flatten(0, 1)
        losses = flat.new_empty(len(flat))
        rows, gradients = [], []
        for begin in range(0, len(flat), ROWS):
            own = slice(begin, begin + ROWS)
            log_probs = F.log_softmax((flat[own] @ weight.T).add_(bias), dim=1)
            log_wanted = F.log_softmax((flat_wanted[own] @ wanted_weight.T).add_(wanted_bias), dim=1)
            probabilities = log_wanted.exp()
            losses[own] = (probabilities * log_wanted.sub_(log_probs)).sum(1)
            difference = log_probs.exp_().sub_(probabilities)  # the gradient at the logits
            kept = (difference.abs().sum(1) >= negligible).nonzero().squeeze(1)
            rows.append(kept + begin)
            gradients.append(difference.index_select(0, kept))
        ctx.save_for_backward(embeddings, weight, torch.cat(gradients), torch.cat(rows))
        return losses.view(embeddings.shape[:2]).sum(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, scale: Tensor) -> tuple[Tensor | None, ...]:
        embeddings, weight, gradient, rows = ctx.saved_tensors  # type: ignore[attr-defined]
        gradient = gradient * scale.index_select(0, rows % embeddings.shape[1])[:, None]
        flat = embeddings.flatten(0, 1)
        to_embeddings = torch.zeros_like(flat).index_copy_(0, rows, gradient @ weight).view_as(embeddings)
        if not ctx.needs_input_grad[1]:  # type: ignore[attr-defined]
            return to_embeddings, None, None, None, None, None, None
        return to_embeddings, gradient.T @ flat.index_select(0, rows), gradient.sum(0), None, None, None, None


def distillation_loss(
    embeddings: Tensor,
    head: torch.nn.Linear,
    wanted: Tensor,
    wanted_head: torch.nn.Linear,
    negligible: float = 0.004,
) -> Tensor:
    """How far the classifier's scores have moved from those of another network, frame by frame (Li & Hoiem 2016,
    Learning without Forgetting): KL(softmax(wanted_head(wanted)) || softmax(head(embeddings))), summed over a line's
    frames.

    Args:
        embeddings: float32 (T, N, D), the classifier's input.
        head: the classifier, D -> C.
        wanted: float32 (T, N, D), `embeddings` of the network that is to be remembered.
        wanted_head: its classifier, which learns nothing here.
        negligible: frames whose gradient has a smaller L1 norm take no part in the backward pass, as in `ctc_loss`.

    Returns:
        float32 (N,), 0 where nothing has moved.
    """
    return _Distillation.apply(
        embeddings, head.weight, head.bias, wanted, wanted_head.weight, wanted_head.bias, negligible
    )
