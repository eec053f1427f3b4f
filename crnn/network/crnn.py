"""The network: a VGG-style CNN, a BiLSTM and a linear head for CTC (Shi et al. 2015, arXiv:1507.05717).

Letters: N lines, H and W pixels, T = W / 4 frames, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from crnn.core.canvas import CanvasSpec
from crnn.network.winograd import Convolution


@dataclass
class ModelConfig:
    """Sizes of the network.

    Attributes:
        height: pixels of the canvas, even; stem and pools halve it once a stage, rounding down, the last convolution
            takes the rest.
        stem: channels of the first, strided convolution.
        channels: channels of each stage; a stage is some 3×3 convolutions and a pool that halves the height.
        convolutions: 3×3 convolutions in each stage.
        ranks: of each stage's convolutions: they are 3×1 ones into so many channels and 1×3 ones from there (Jaderberg
            et al. 2014, arXiv:1405.3866) where that takes at most three quarters of the products; 0 leaves them whole.
        hidden: LSTM units a direction.
        layers: LSTM layers.
        bottleneck: width before the classifier: 7,000 classes make it the largest layer otherwise.
        shortcut: a second way from the convolutions to the classifier, past the LSTM, that training may use (Hu et al.
            2020, GTC, arXiv:2002.01276, guide theirs by attention); reading never does, and no export has it.
    """

    height: int = CanvasSpec.height
    stem: int = 24
    channels: list[int] = field(default_factory=lambda: [32, 96, 192, 256])
    convolutions: list[int] = field(default_factory=lambda: [1, 2, 2, 1])
    ranks: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    hidden: int = 128
    layers: int = 2
    bottleneck: int = 128
    shortcut: bool = False


def _pool(rows: int, columns: int) -> nn.MaxPool2d:
    """Halves the rows, and the columns if `columns` is 2; windows over an odd number of rows overlap: none is lost."""
    return nn.MaxPool2d((2 + rows % 2, columns), stride=(2, columns))


def _activated(convolution: nn.Module, outputs: int) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


@torch.no_grad()
def _pass_on(weight: Tensor) -> None:
    """Let a fresh 3×3 convolution (C, C, 3, 3) begin near the identity, so that deep stacks train as residual ones do.

    A residual connection folded into the kernel is the same network (Ding et al. 2021, RepVGG, arXiv:2101.03697).
    """
    weight.mul_(0.5)
    weight[:, :, 1, 1] += torch.eye(len(weight))


def _convolution(inputs: int, outputs: int, rank: int) -> nn.Module:
    """3×3, whole or as one of columns and one of rows."""
    if not 0 < rank * (inputs + outputs) <= 0.75 * 3 * inputs * outputs:
        return Convolution(inputs, outputs)
    columns = nn.Conv2d(inputs, rank, (3, 1), padding=(1, 0), bias=False)
    return nn.Sequential(columns, nn.Conv2d(rank, outputs, (1, 3), padding=(0, 1), bias=False))


class CRNN(nn.Module):
    """Canvas in, class scores of each frame out.

    The head sees the CNN's features beside the BiLSTM's, so glyph shape has a short way to the loss and the
    LSTM is free for context; this also trains faster from scratch.
    """

    def __init__(self, config: ModelConfig, classes: int) -> None:
        """Args:
        config: sizes.
        classes: C, the charset's characters and the blank.

        Raises:
            ValueError: the height does not reduce to at least one row.
        """
        super().__init__()
        halvings = len(config.channels)  # the stem halves once, every stage but the last halves again
        if config.height >> halvings < 1 or config.height % 2:
            raise ValueError(f"height {config.height} cannot be halved {halvings} times: change height or channels")
        rows = config.height // 2
        self.config = config
        inputs = config.stem
        stem = nn.Conv2d(1, inputs, 5, stride=2, padding=2, bias=False)
        blocks: list[nn.Module] = [_activated(stem, inputs)]
        stages = zip(config.channels, config.convolutions, config.ranks, strict=True)
        for stage, (outputs, count, rank) in enumerate(stages):
            if stage > 0:  # the first pool halves both sides, later ones the height only: T stays W / 4
                blocks.append(_pool(rows, columns=2 if stage == 1 else 1))
                rows //= 2
            for _ in range(count):
                blocks.append(_activated(_convolution(inputs, outputs, rank), outputs))
                inputs = outputs
        last = nn.Conv2d(inputs, inputs, (rows, 1), bias=False)  # the remaining rows become one
        blocks.append(_activated(last, inputs))
        self.cnn = nn.Sequential(*blocks)
        self.lstm = nn.LSTM(inputs, config.hidden, config.layers, bidirectional=True)
        self.neck = nn.Linear(inputs + 2 * config.hidden, config.bottleneck)
        self.head = nn.Linear(config.bottleneck, classes)
        self.shortcut = nn.Linear(inputs, config.bottleneck) if config.shortcut else None
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if isinstance(module, Convolution) and module.in_channels == module.out_channels:
                    _pass_on(module.weight)

    def embed(self, images: Tensor) -> Tensor:
        """Everything before the classifier.

        Args:
            images: uint8 (N, 1, H, W), W a multiple of 4.

        Returns:
            float32 (T, N, bottleneck).
        """
        return self._contextual(self._features(images))

    def embed_both_ways(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """As `embed`, and the same by the shortcut, if the network has one."""
        features = self._features(images)
        return self._contextual(features), self.shortcut(features) if self.shortcut is not None else None

    def _features(self, images: Tensor) -> Tensor:
        x = self.cnn(self._standardize(images))  # (N, C', 1, T)
        return x.squeeze(2).permute(2, 0, 1)  # (N, C', 1, T) -> (T, N, C')

    def _contextual(self, features: Tensor) -> Tensor:
        context, _ = self.lstm(features)
        return self.neck(torch.cat([features, context], dim=2))

    def forward(self, images: Tensor) -> Tensor:
        """Args:
            images: uint8 (N, 1, H, W), W a multiple of 4.

        Returns:
            logits, float32 (T, N, C), unnormalized.
        """
        return self.head(self.embed(images))

    @staticmethod
    def _standardize(images: Tensor) -> Tensor:
        """uint8 to zero mean and unit spread a line: faint print and dark photographs look alike afterwards."""
        x = images.float()
        x = x - x.mean((1, 2, 3), keepdim=True)
        spread = x.square().mean((1, 2, 3), keepdim=True).sqrt()
        return x / (spread + 8.0)  # 8 gray levels: below that it is noise, not to be blown up
