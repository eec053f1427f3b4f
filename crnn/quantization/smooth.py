"""Makes neck and classifier ready for eight bits, without changing what the network says.

Two numbers are free. What all classes have in common, no probability depends on: trained classifiers hold large weights
that are alike for all classes, beside which their differences would be rounded away. And a channel between two matrix
products may be divided by a number if its weights in the second are multiplied by it (SmoothQuant, Xiao et al. 2022,
arXiv:2211.10438), so that one scale suits all channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from crnn.quantization.gptq import matrix_inputs


def equalize(path: Path, canvases: Sequence[np.ndarray]) -> None:
    """Center the classifier of the FP32 graph at `path`, and even out the channels between two products in a row.

    Args:
        canvases: uint8 (1, 1, H, W) each, to see the channels' ranges with.
    """
    model = onnx.load(str(path))
    tables = {table.name: table for table in model.graph.initializer}
    layers = {layer.output: layer for layer in _layers(model.graph, tables)}
    logits = layers.get(model.graph.output[0].name)
    if logits is not None:
        for name in (logits.weights, logits.bias):
            values = numpy_helper.to_array(tables[name])
            _set(tables[name], values - values.mean(-1, keepdims=True))
    pairs = [(layers[layer.input], layer) for layer in layers.values() if layer.input in layers]
    seen = matrix_inputs(model, [after.product for _, after in pairs], canvases)
    for (before, after), inputs in zip(pairs, seen, strict=True):
        weights = numpy_helper.to_array(tables[after.weights])
        share = divisors(inputs, weights)
        for name in (before.weights, before.bias):
            _set(tables[name], numpy_helper.to_array(tables[name]) / share)
        _set(tables[after.weights], weights * share[:, None])
    onnx.save(model, str(path))


def divisors(inputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """By what each channel is divided: then its values reach as far, in their scale, as its weights in theirs.

    Args:
        inputs: float32 (frames, K), as they are met.
        weights: float32 (K, N) that they are multiplied by.

    Returns:
        float32 (K,), positive, 1 on the geometric average.
    """
    reach = np.abs(inputs).max(0).clip(1e-6) / np.abs(weights).max(1).clip(1e-6)
    share = np.sqrt(reach)
    return (share / np.exp(np.log(share).mean())).astype(np.float32)


@dataclass(frozen=True)
class _Layer:
    """A matrix product and its bias, with the names of their tables and of what goes in and comes out."""

    product: onnx.NodeProto
    input: str
    weights: str
    bias: str
    output: str


def _layers(graph: onnx.GraphProto, tables: dict[str, onnx.TensorProto]) -> Iterator[_Layer]:
    """The layers whose output no more than one node reads."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for product in graph.node:
        if product.op_type != "MatMul" or product.input[1] not in tables:
            continue
        for add in readers.get(product.output[0], []):
            bias = [name for name in add.input if name in tables]
            if add.op_type == "Add" and bias and len(readers.get(add.output[0], [])) <= 1:
                yield _Layer(product, product.input[0], product.input[1], bias[0], add.output[0])


def _set(table: onnx.TensorProto, values: np.ndarray) -> None:
    table.CopyFrom(numpy_helper.from_array(values.astype(np.float32), table.name))
