from __future__ import annotations

import torch
import torch.nn.functional as F

from crnn.loss import IGNORED, aligned_loss, ctc_loss


def test_ctc_equals_torch_in_value_and_gradient() -> None:
    torch.manual_seed(0)
    logits = torch.randn(20, 5, 11, requires_grad=True)
    targets = torch.randint(1, 11, (5, 6))
    targets[:, 1] = targets[:, 0]  # a repeat needs a blank between
    lengths = torch.tensor([6, 1, 3, 2, 5])
    ours = ctc_loss(logits, targets, lengths)
    theirs = F.ctc_loss(logits.log_softmax(2), targets, torch.full((5,), 20), lengths, reduction="none")
    torch.testing.assert_close(ours, theirs)
    weights = torch.arange(5.0)  # each line's gradient is scaled by what comes after the loss
    expected = torch.autograd.grad((theirs * weights).sum(), logits)[0]
    actual = torch.autograd.grad((ours * weights).sum(), logits)[0]
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=5e-5)


def test_ctc_of_a_label_that_just_fits() -> None:
    logits = torch.zeros(3, 1, 4)
    one_path = 3 * torch.log(torch.tensor(4.0))  # "1, blank, 1" is the only way, each frame has probability 1/4
    torch.testing.assert_close(ctc_loss(logits, torch.tensor([[1, 1]]), torch.tensor([2])), one_path[None])


def test_aligned_loss_sees_known_frames_only() -> None:
    head = torch.nn.Linear(4, 3)
    embeddings = torch.randn(5, 2, 4)  # (T, N, D)
    targets = torch.full((2, 5), IGNORED)
    targets[0, 2], targets[1, 4] = 1, 2
    losses, frames = aligned_loss(embeddings, head, targets)
    expected = F.cross_entropy(head(torch.stack([embeddings[2, 0], embeddings[4, 1]])), torch.tensor([1, 2]))
    assert frames == 2
    torch.testing.assert_close(losses / frames, expected)


def test_aligned_loss_without_known_frames_is_zero() -> None:
    losses, frames = aligned_loss(torch.randn(3, 1, 4), torch.nn.Linear(4, 3), torch.full((1, 3), IGNORED))
    assert losses == 0 and frames == 0
