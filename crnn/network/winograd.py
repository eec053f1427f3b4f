"""A 3×3 convolution that trains faster on processors with AVX2 alone. Reads like `nn.Conv2d`, weights and all.

Winograd's minimal filtering (Lavin and Gray 2015, arXiv:1509.09308): a tile of outputs takes as many products as the
tile and the window that it sees have places in common, not nine an output; the rest is sums. Letters: N lines, C and O
channels, H and W pixels, P places of a tile's window, L tiles.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

# Against oneDNN's kernels for AVX2, whose gradients are slow; those for other processors were not measured.
FASTER = torch.backends.cpu.get_cpu_capability() == "AVX2"
LEAST_OUTPUTS = 64  # with 32 the sums take what the products save

# Points at which the polynomials of a tile of so many outputs are evaluated, infinity apart: small ones, whose powers
# lose few digits.
POINTS = {5: (0, 1, -1, 2, -2, 0.5), 4: (0, 1, -1, 0.5, -2), 2: (0, 1, -1)}
COLUMNS = 4  # of a tile; its rows are the most of 5, 4 and 2 that divide the picture's


@cache
def _bases(outputs: int) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices of the method of Cook and Toom in one direction: to `outputs` results from as many places and two more.

    Returns:
        float32 (outputs, places), (places, 3) and (places, places): the article's transposed A, for results, its G, for
        filters, and its transposed B, for windows.
    """
    points = np.array(POINTS[outputs], np.float64)
    others = [np.delete(points, i) for i in range(len(points))]
    scale = np.array([np.prod(point - rest) for point, rest in zip(points, others, strict=True)])
    places = outputs + 2
    back, filters, windows = np.zeros((outputs, places)), np.zeros((places, 3)), np.zeros((places, places))
    back[:, :-1], back[-1, -1] = np.vander(points, outputs, increasing=True).T, 1
    filters[:-1], filters[-1, -1] = np.vander(points, 3, increasing=True) / scale[:, None], 1
    for i, roots in enumerate(others):
        windows[i, :-1] = np.poly(roots)[::-1]
    windows[-1] = np.poly(points)[::-1]
    return tuple(torch.from_numpy(matrix).float() for matrix in (back, filters, windows))  # type: ignore[return-value]


def _windows(images: Tensor, rows: int) -> Tensor:
    """(N, C, H, W) to (P, L, C): the window of each tile, transformed."""
    n, c, h, w = images.shape
    padded = F.pad(images.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    image, row, column, _ = padded.stride()
    slices = padded.as_strided((rows + 2, n, h // rows, row), (row, image, rows * row, 1))
    tall = torch.mm(_bases(rows)[2], slices.reshape(rows + 2, -1))
    tiles = (rows + 2) * n * (h // rows)
    slices = tall.as_strided((COLUMNS + 2, tiles, w // COLUMNS, c), (column, row, COLUMNS * column, 1))
    return torch.mm(_bases(COLUMNS)[2], slices.reshape(COLUMNS + 2, -1)).view((COLUMNS + 2) * (rows + 2), -1, c)


def _filter_basis(rows: int) -> Tensor:
    return torch.kron(_bases(COLUMNS)[1], _bases(rows)[1])


def _filters(weight: Tensor, rows: int) -> Tensor:
    """(O, C, 3, 3) to (P, C, O)."""
    o, c = weight.shape[:2]
    return torch.mm(_filter_basis(rows), weight.permute(3, 2, 1, 0).reshape(9, -1)).view(-1, c, o)


def _images(places: Tensor, rows: int, shape: tuple[int, int, int]) -> Tensor:
    """(P, L, O) to (N, O, H, W), `shape` being N, H and W."""
    n, h, w = shape
    tall = torch.mm(_bases(COLUMNS)[0], places.view(COLUMNS + 2, -1)).view(COLUMNS, rows + 2, -1)
    tiles = torch.matmul(_bases(rows)[0], tall).view(COLUMNS, rows, n, h // rows, w // COLUMNS, -1)
    return tiles.permute(2, 3, 1, 4, 0, 5).reshape(n, h, w, -1).permute(0, 3, 1, 2)


def _places(gradient: Tensor, rows: int) -> Tensor:
    """(N, O, H, W) to (P, L, O): what `_images` passes back."""
    n, o, h, w = gradient.shape
    tiles = gradient.permute(0, 2, 3, 1).reshape(n, h // rows, rows, w // COLUMNS, COLUMNS, o)
    tall = torch.matmul(_bases(rows)[0].T, tiles.permute(4, 2, 0, 1, 3, 5).reshape(COLUMNS, rows, -1))
    return torch.mm(_bases(COLUMNS)[0].T, tall.view(COLUMNS, -1)).view((COLUMNS + 2) * (rows + 2), -1, o)


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, images: Tensor, weight: Tensor, rows: int) -> Tensor:
        windows = _windows(images, rows)
        ctx.save_for_backward(windows, weight)
        ctx.rows = rows  # type: ignore[attr-defined]
        n, _, h, w = images.shape
        return _images(torch.bmm(windows, _filters(weight, rows)), rows, (n, h, w))

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        windows, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        rows: int = ctx.rows  # type: ignore[attr-defined]
        wanted = ctx.needs_input_grad  # type: ignore[attr-defined]
        to_images = to_weight = None
        if wanted[0]:  # a convolution again, its filters turned round
            turned = _filters(weight.transpose(0, 1).flip(2, 3), rows)
            n, _, h, w = gradient.shape
            to_images = _images(torch.bmm(_windows(gradient, rows), turned), rows, (n, h, w))
        if wanted[1]:
            products = torch.bmm(windows.transpose(1, 2), _places(gradient, rows))
            flat = torch.mm(_filter_basis(rows).T, products.view(len(products), -1))
            to_weight = flat.view(3, 3, *products.shape[1:]).permute(3, 2, 1, 0)
        return to_images, to_weight, None


class Convolution(nn.Conv2d):
    """3×3, padded by 1, without bias; in training by Winograd's method where that is faster and tiles fit."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """float32 (N, C, H, W) to (N, O, H, W)."""
        rows = next((rows for rows in POINTS if images.shape[2] % rows == 0), 0)
        pays = FASTER and self.out_channels >= LEAST_OUTPUTS and not torch.is_autocast_enabled("cpu")
        pays = pays and images.device.type == "cpu"
        if self.training and pays and rows and images.shape[3] % COLUMNS == 0:
            return _Winograd.apply(images, self.weight, rows)
        return super().forward(images)
