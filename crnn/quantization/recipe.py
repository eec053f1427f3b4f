"""What is quantized, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    """See the module."""

    dynamic = "dynamic"
    dynamic_rnn = "dynamic_rnn"
    static = "static"
    hybrid = "hybrid"


class Method(StrEnum):
    """How a calibration turns the values it saw into a range (of an activation)."""

    minmax = "minmax"  # all of them
    entropy = "entropy"  # the range that loses least information (Kullback-Leibler)
    percentile = "percentile"  # all but the rarest


@dataclass
class Recipe:
    """What is quantized, and how.

    Attributes:
        mode: see `crnn.quantization.modes`.
        static_operators: quantized with calibrated scales by `static` and `hybrid`.
        dynamic_operators: quantized at run time by `dynamic_rnn` and `hybrid` (`dynamic` takes all there are).
        keep_first_convolution: leave the convolution that sees the picture in FP32.
        exclude: names of further nodes to leave in FP32, as layers.md gives them.
        method: of calibration.
        percentile: share of the values that `percentile` keeps, in per cent.
        seven_bits: weights of the dynamic operators, and of convolutions behind another without a ReLU, in [-64, 63].
    """

    mode: Mode = Mode.hybrid
    # Pools and ReLUs too, or every convolution would go back to float.
    static_operators: list[str] = field(default_factory=lambda: ["Conv", "MaxPool", "Relu"])
    dynamic_operators: list[str] = field(default_factory=lambda: ["LSTM", "MatMul", "Gemm"])
    # One input channel: little work to save, but the largest error of all layers. Without VNNI its sums overflow too
    # (see seven_bits), and the error is five times as large again.
    keep_first_convolution: bool = True
    exclude: list[str] = field(default_factory=list)
    method: Method = Method.minmax
    percentile: float = 99.999
    # Processors without VNNI add pairs of 8-bit products in 16 bits. That overflows where inputs lie around 128, as
    # those of LSTMs and of the head do: with random weights the logits' error was ten times as large. Seven bits
    # cannot overflow, so every processor reads alike. Convolutions behind a ReLU have inputs near 0: there, eight
    # bits gave the same logits as exact arithmetic, and seven gave a third more error. Behind another convolution
    # inputs lie around 128 again (the logits' error: .20 with eight bits, .09 with seven).
    seven_bits: bool = True
