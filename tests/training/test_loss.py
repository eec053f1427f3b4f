from __future__ import annotations

import torch
import torch.nn.functional as F

from crnn.training.aligned_loss import IGNORED, aligned_loss
from crnn.training.ctc_loss import ctc_loss
from crnn.training.distillation_loss import distillation_loss


def _through_torch(
    embeddings: torch.Tensor, head: torch.nn.Linear, targets: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    steps, lines, _ = embeddings.shape
    frames = torch.full((lines,), steps)
    return F.ctc_loss(head(embeddings).log_softmax(2), targets, frames, lengths, reduction="none")


def test_ctc_equals_torch_in_value_and_gradient() -> None:
    torch.manual_seed(0)
    head = torch.nn.Linear(7, 11)
    embeddings = torch.randn(20, 5, 7, requires_grad=True)  # (T, N, D)
    targets = torch.randint(1, 11, (5, 6))
    targets[:, 1] = targets[:, 0]  # a repeat needs a blank between
    lengths = torch.tensor([6, 1, 3, 2, 5])
    ours = ctc_loss(embeddings, head, targets, lengths)
    theirs = _through_torch(embeddings, head, targets, lengths)
    torch.testing.assert_close(ours, theirs)
    weights = torch.arange(5.0)  # each line's gradient is scaled by what comes after the loss
    inputs = [embeddings, head.weight, head.bias]
    expected = torch.autograd.grad((theirs * weights).sum(), inputs)
    actual = torch.autograd.grad((ours * weights).sum(), inputs)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=5e-5)


def test_ctc_leaves_out_only_frames_it_may_neglect() -> None:
    classes = 6
    head = torch.nn.Linear(classes, classes)
    torch.nn.init.eye_(head.weight)
    torch.nn.init.zeros_(head.bias)
    path = torch.tensor([0, 2, 0, 3, 0, 0, 0, 3])  # reads 2, 3, 3
    sure = 12.0 * F.one_hot(path, classes)[:, None]  # (T, 1, C), each frame at 0.99997
    unsure = sure.clone()
    unsure[3] *= 0.1
    embeddings = torch.cat([sure, unsure], dim=1).requires_grad_()
    targets, lengths = torch.tensor([[2, 3, 3]] * 2), torch.tensor([3, 3])
    (exact,) = torch.autograd.grad(_through_torch(embeddings, head, targets, lengths).sum(), embeddings)
    (ours,) = torch.autograd.grad(ctc_loss(embeddings, head, targets, lengths, negligible=0.01).sum(), embeddings)
    kept = ours.abs().sum(2) > 0
    assert not kept[:, 0].any()
    assert kept[3, 1]
    torch.testing.assert_close(ours[kept], exact[kept], rtol=1e-4, atol=1e-5)
    assert exact[~kept].abs().sum(1).max() < 0.01


def test_ctc_with_a_frozen_classifier() -> None:
    head = torch.nn.Linear(4, 3).requires_grad_(False)
    embeddings = torch.randn(5, 1, 4, requires_grad=True)
    ctc_loss(embeddings, head, torch.tensor([[1, 2]]), torch.tensor([2])).sum().backward()
    assert head.weight.grad is None
    assert embeddings.grad is not None


def test_ctc_of_a_label_that_just_fits() -> None:
    head = torch.nn.Linear(2, 4)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    one_path = 3 * torch.log(torch.tensor(4.0))  # "1, blank, 1" is the only way, each frame has probability 1/4
    loss = ctc_loss(torch.zeros(3, 1, 2), head, torch.tensor([[1, 1]]), torch.tensor([2]))
    torch.testing.assert_close(loss, one_path[None])


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


def test_distillation_is_the_divergence_from_the_wanted_scores() -> None:
    torch.manual_seed(3)
    embeddings, head = torch.randn(5, 2, 6, requires_grad=True), torch.nn.Linear(6, 9)
    wanted, wanted_head = torch.randn(5, 2, 6), torch.nn.Linear(6, 9)
    losses = distillation_loss(embeddings, head, wanted, wanted_head, negligible=0.0)
    target = F.softmax(wanted_head(wanted).detach(), 2)
    plain = F.kl_div(F.log_softmax(head(embeddings), 2), target, reduction="none").sum((0, 2))
    torch.testing.assert_close(losses, plain)
    scale = torch.tensor([1.0, 3.0])
    inputs = (embeddings, *head.parameters())
    ours = torch.autograd.grad((losses * scale).sum(), inputs)
    torch.testing.assert_close(ours, torch.autograd.grad((plain * scale).sum(), inputs))


def test_distillation_reaches_the_embeddings_through_a_held_classifier() -> None:
    torch.manual_seed(4)
    embeddings, head = torch.randn(5, 2, 6, requires_grad=True), torch.nn.Linear(6, 9)
    wanted, wanted_head = torch.randn(5, 2, 6), torch.nn.Linear(6, 9)
    (free,) = torch.autograd.grad(distillation_loss(embeddings, head, wanted, wanted_head).sum(), embeddings)
    distillation_loss(embeddings, head.requires_grad_(False), wanted, wanted_head).sum().backward()
    torch.testing.assert_close(embeddings.grad, free)
    assert head.weight.grad is None


def test_distillation_of_itself_is_nothing() -> None:
    embeddings, head = torch.randn(5, 2, 6, requires_grad=True), torch.nn.Linear(6, 9)
    losses = distillation_loss(embeddings, head, embeddings.detach(), head)
    (gradient,) = torch.autograd.grad(losses.sum(), embeddings)
    assert losses.abs().max() < 1e-6
    assert not gradient.any()


def test_a_twin_counts_as_the_blank_and_nothing_is_learned_of_which_of_them_it_is() -> None:
    torch.manual_seed(0)
    head = torch.nn.Linear(7, 6)
    embeddings = torch.randn(9, 2, 7)
    targets, lengths = torch.tensor([[1, 1, 2], [3, 1, 0]]), torch.tensor([3, 2])
    twins = torch.tensor([5, 0])  # class 5 in the first line, none in the second
    ours = ctc_loss(embeddings, head, targets, lengths, negligible=0, twins=twins)

    logits = head(embeddings)
    merged = logits.clone()
    merged[:, 0, 0] = torch.logaddexp(logits[:, 0, 0], logits[:, 0, 5])
    merged[:, 0, 5] = -1e9
    expected = F.ctc_loss(merged.log_softmax(2), targets, torch.tensor([9, 9]), lengths, reduction="none")
    torch.testing.assert_close(ours, expected)
    actual = torch.autograd.grad(ours.sum(), [head.weight, head.bias], retain_graph=True)
    wanted = torch.autograd.grad(expected.sum(), [head.weight, head.bias])
    torch.testing.assert_close(actual, wanted, rtol=1e-4, atol=1e-5)
