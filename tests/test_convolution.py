from __future__ import annotations

import pytest
import torch

from crnn import convolution
from crnn.convolution import Convolution


@pytest.mark.parametrize(("kernel", "padding"), [(3, 1), ((2, 1), 0)])
def test_gradients_equal_those_of_torch(
    kernel: int | tuple[int, int], padding: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer = Convolution(5, 7, kernel, padding)
    images = torch.randn(3, 5, 4, 9).to(memory_format=torch.channels_last).requires_grad_()
    scale = torch.randn(layer(images).shape)
    gradients = []
    for faster in (False, True):
        monkeypatch.setattr(convolution, "FASTER", faster)
        gradients.append(torch.autograd.grad((layer(images) * scale).sum(), [images, layer.weight]))
    torch.testing.assert_close(gradients[0], gradients[1])


def test_frozen_weights_get_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "FASTER", True)
    layer = Convolution(2, 3, 3, 1).requires_grad_(False)
    images = torch.randn(1, 2, 4, 6, requires_grad=True)
    layer(images).sum().backward()
    assert layer.weight.grad is None
    assert images.grad is not None
