"""A convolution that trains faster on processors with AVX2 alone. Reads like `nn.Conv2d`, weights and all."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

# oneDNN's kernels for AVX2 make the gradient of weights at 12 to 30 GMAC/s on a core where the forward pass reaches 31
# to 56: it was 30 % of a training step, its largest item. As matrix products it takes two thirds of that time. Its
# kernels for other processors were not measured and are kept.
FASTER = torch.backends.cpu.get_cpu_capability() == "AVX2"


def weight_gradient(images: Tensor, gradient: Tensor, kernel: tuple[int, int], padding: tuple[int, int]) -> Tensor:
    """Gradient of a convolution's weights (stride 1), as one matrix product for each row of the kernel.

    Args:
        images: float32 (N, C, H, W), the convolution's input.
        gradient: float32 (N, C', H', W'), of its output.
        kernel: rows and columns.
        padding: rows above and below, columns left and right.

    Returns:
        float32 (C', C, rows, columns).
    """
    rows, columns = kernel
    channels = images.shape[1]
    padded = F.pad(images.permute(0, 2, 3, 1), (0, 0, padding[1], padding[1], padding[0], padding[0]))
    lines, height, width, outputs = gradient.permute(0, 2, 3, 1).shape
    flat = gradient.permute(0, 2, 3, 1).reshape(-1, outputs)
    result = flat.new_empty(rows, outputs, columns * channels)
    image, row, column, _ = padded.stride()
    for r in range(rows):  # a row at a time: its windows, overlapping in `padded`, stay in the cache once copied
        windows = padded.as_strided((lines, height, width, columns * channels), (image, row, column, 1), r * row)
        torch.mm(flat.T, windows.reshape(-1, columns * channels), out=result[r])
    return result.view(rows, outputs, columns, channels).permute(1, 3, 0, 2)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, images: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.padding = padding  # type: ignore[attr-defined]
        return F.conv2d(images, weight, padding=padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        padding = ctx.padding  # type: ignore[attr-defined]
        wanted = ctx.needs_input_grad  # type: ignore[attr-defined]
        to_images = to_weight = None
        if wanted[0]:
            to_images, _, _ = torch.ops.aten.convolution_backward(
                gradient, images, weight, None, [1, 1], padding, [1, 1], False, [0, 0], 1, [True, False, False]
            )
        if wanted[1]:
            to_weight = weight_gradient(images, gradient, (weight.shape[2], weight.shape[3]), padding)
        return to_images, to_weight, None


class Convolution(nn.Conv2d):
    """`nn.Conv2d` of stride 1 without bias, its weight gradient by `weight_gradient` where that is faster."""

    def __init__(self, inputs: int, outputs: int, kernel: int | tuple[int, int], padding: int = 0) -> None:
        super().__init__(inputs, outputs, kernel, padding=padding, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """float32 (N, C, H, W) to (N, C', H', W')."""
        if FASTER and self.training and not torch.is_autocast_enabled("cpu"):
            return _Convolution.apply(images, self.weight, self.padding)
        return super().forward(images)
