from __future__ import annotations

import pytest
import torch
from torch import Tensor

from crnn.network import winograd as convolution
from crnn.network.winograd import Convolution


def _results(layer: Convolution, images: Tensor, scale: Tensor) -> list[Tensor]:
    outputs = layer(images)
    return [outputs, *torch.autograd.grad((outputs * scale).sum(), [images, layer.weight])]


@pytest.mark.parametrize("rows", [2, 4, 5, 8, 20])
def test_winograd_equals_torch_in_outputs_and_gradients(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    layer = Convolution(5, 64)
    images = torch.randn(3, 5, rows, 12).to(memory_format=torch.channels_last).requires_grad_()
    scale = torch.randn(3, 64, rows, 12)
    monkeypatch.setattr(convolution, "FASTER", False)
    expected = _results(layer, images, scale)
    monkeypatch.setattr(convolution, "FASTER", True)
    for ours, theirs in zip(_results(layer, images, scale), expected, strict=True):
        assert not torch.equal(ours, theirs)  # it was another method indeed
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * theirs.abs().max().item())


@pytest.mark.parametrize(("rows", "columns"), [(3, 8), (4, 10)])
def test_pictures_that_tiles_do_not_fit_go_the_usual_way(
    rows: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "FASTER", True)
    layer = Convolution(2, 64)
    images = torch.randn(1, 2, rows, columns)
    assert torch.equal(layer(images), layer.eval()(images))


def test_frozen_weights_get_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "FASTER", True)
    layer = Convolution(2, 64).requires_grad_(False)
    images = torch.randn(1, 2, 4, 8, requires_grad=True)
    layer(images).sum().backward()
    assert layer.weight.grad is None
    assert images.grad is not None
