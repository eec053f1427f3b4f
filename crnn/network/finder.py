"""The finder's network: a small feature pyramid of plain 3×3 convolutions that marks the text of a page.

Source of the idea: Liao et al. 2020, "Real-time Scene Text Detection with Differentiable Binarization"
(arXiv:1911.08947), here without the threshold map. Letters: N pages, H and W pixels, multiples of 32.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from crnn.finder.info import STRIDE


@dataclass
class FinderNetworkConfig:
    """Sizes of the finder's network.

    Attributes:
        channels: of the features at strides 4, 8, 16 and 32.
        convolutions: 3×3 convolutions at each of these strides, the one that halves the size included.
        pyramid: channels that the four levels share when they are added up.
    """

    channels: list[int] = field(default_factory=lambda: [32, 56, 96, 128])
    convolutions: list[int] = field(default_factory=lambda: [2, 3, 3, 2])
    pyramid: int = 32


def _activated(convolution: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True))


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """3×3. One that keeps size and channels starts near the identity, so that deep stacks train as residual ones do.

    A residual connection folded into its kernel is the same network (Ding et al. 2021, RepVGG, arXiv:2101.03697).
    """
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    if inputs == outputs and stride == 1:
        with torch.no_grad():
            convolution.weight.mul_(0.5)
            convolution.weight[:, :, 1, 1] += torch.eye(inputs)
    return convolution


class FinderNetwork(nn.Module):
    """Page in, text map and line heights out."""

    def __init__(self, config: FinderNetworkConfig) -> None:
        """Args:
        config: sizes.
        """
        super().__init__()
        self.config = config
        first = config.channels[0]
        # 4×4 patches: as fast as reading the picture once, and what INT8 kernels do well.
        self.stem = _activated(nn.Conv2d(3, first, STRIDE, STRIDE, bias=False))
        stages, inputs = [], first
        for level, (outputs, count) in enumerate(zip(config.channels, config.convolutions, strict=True)):
            layers = []
            for number in range(count):
                halves = level > 0 and number == 0
                layers.append(_activated(_convolution(inputs, outputs, 2 if halves else 1)))
                inputs = outputs
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)
        self.laterals = nn.ModuleList(nn.Conv2d(channels, config.pyramid, 1) for channels in config.channels)
        self.merge = _activated(_convolution(config.pyramid, config.pyramid))
        self.head = nn.Conv2d(config.pyramid, 2, 1)
        assert self.head.bias is not None
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([-2.0, 4.5]))  # little of a page is text; its lines are about 22 px high

    def forward(self, images: Tensor) -> Tensor:
        """Args:
            images: uint8 (N, 3, H, W), BGR.

        Returns:
            float32 (N, 2, H / 4, W / 4): the logit of a cell lying in the middle of a line, and log2 of that line's
            height in pixels.
        """
        x = self.stem((images.float() - 127.5) / 64.0)
        levels = []
        for stage, lateral in zip(self.stages, self.laterals, strict=True):
            x = stage(x)  # (N, C, H / s, W / s), s = 4, 8, 16, 32
            levels.append(lateral(x))
        merged = levels.pop()
        while levels:
            merged = levels.pop() + interpolate(merged, scale_factor=2.0, mode="nearest")
        maps: Tensor = self.head(self.merge(merged))
        return maps.float()
