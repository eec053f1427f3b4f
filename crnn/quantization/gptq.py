"""Rounds the weights of matrix products so that their errors cancel on real lines, not each to its nearest number.

GPTQ (Frantar et al. 2022, arXiv:2210.17323): one input after the other is rounded, and what its rounding adds to the
outputs is taken back by the weights of the inputs to come, as far as they vary together. Costs no byte and no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from crnn.recognition.session import open_session

DAMPING = 0.01  # of the inputs' mean square: keeps the inverse stable, as in the paper


def round_on_lines(source: Path, quantized: Path, canvases: Sequence[np.ndarray], limit: int) -> None:
    """Round the weights of each MatMul of the graph at `quantized` anew, which ONNX Runtime made INT8 of `source`.

    Args:
        source: FP32 graph with the same names.
        canvases: uint8 (1, 1, H, W) each.
        limit: largest absolute value of a weight.
    """
    float_graph, graph = onnx.load(str(source)), onnx.load(str(quantized))
    floats = {table.name: numpy_helper.to_array(table) for table in float_graph.graph.initializer}
    tables = {table.name: table for table in graph.graph.initializer}
    products = [node for node in float_graph.graph.node if f"{node.input[-1]}_quantized" in tables]
    products = [node for node in products if node.op_type == "MatMul"]
    for node, inputs in zip(products, matrix_inputs(float_graph, products, canvases), strict=True):
        name = node.input[1]
        scale = numpy_helper.to_array(tables[f"{name}_scale"])
        weights = rounded(floats[name], scale, inputs, limit)
        tables[f"{name}_quantized"].CopyFrom(numpy_helper.from_array(weights, f"{name}_quantized"))
    onnx.save(graph, str(quantized))


def rounded(weights: np.ndarray, scale: np.ndarray, inputs: np.ndarray, limit: int) -> np.ndarray:
    """Whole numbers q such that `inputs @ (q * scale)` is close to `inputs @ weights`.

    Args:
        weights: float32 (K, N).
        scale: float32, of all weights or (N,).
        inputs: float32 (frames, K), as they are met.

    Returns:
        int8 (K, N) in [-limit, limit].
    """
    gram = inputs.T.astype(np.float64) @ inputs
    order = np.argsort(-np.diag(gram))  # the largest first, while there are weights left to make up for them
    gram = gram[np.ix_(order, order)] + (DAMPING * np.trace(gram) / len(gram) + 1e-9) * np.eye(len(gram))
    factor = np.linalg.cholesky(np.linalg.inv(gram)).T  # upper triangular (K, K)
    left = weights[order].astype(np.float64)
    numbers = np.empty(weights.shape, np.int8)
    for step, row in enumerate(order):
        number = np.clip(np.rint(left[step] / scale), -limit, limit)
        numbers[row] = number
        error = (left[step] - number * scale) / factor[step, step]
        left[step + 1 :] -= np.outer(factor[step, step + 1 :], error)
    return numbers


def matrix_inputs(
    model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], canvases: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """What each of `nodes` is given when the canvases are read, float32 (frames, K)."""
    names = [node.input[0] for node in nodes]
    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    probed.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = open_session(probed.SerializeToString(), "the graph that is quantized", 1)
    runs = [session.run(names, {"images": canvas}) for canvas in canvases]
    return [np.concatenate([run[i].reshape(-1, run[i].shape[-1]) for run in runs]) for i in range(len(names))]
