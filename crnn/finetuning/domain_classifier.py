"""Tells the lines of a domain from others by how they look: a linear probe of the general network of a pair.

The probe (Alain & Bengio 2016, arXiv:1610.01644) is a logistic regression on what the convolutions make of a line: the
mean and the highest value of each of their features over the line's frames. It becomes a second output of that
network's graph, `likeness`, and takes no time worth measuring. Needs onnx: it is fitted where models are made.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from crnn.core.canvas import CanvasSpec
from crnn.core.errors import UserError
from crnn.image.preprocess import decode_image, pad_to_bucket, to_strip
from crnn.recognition.session import DOMAIN_LOGIT, open_session

POOLED, WEIGHT, BIAS = "likeness.pooled", "likeness.weight", "likeness.bias"
RIDGE = 0.003  # a line: a weaker one tells the same lines, but its larger log-odds drown what the networks say
STEPS = 30  # of Newton's method; it converges within ten


def add_probe(model: onnx.ModelProto, domain: Sequence[bytes], general: Sequence[bytes], spec: CanvasSpec) -> None:
    """Give `model` a probe that tells `domain` from `general` lines, encoded pictures, beside those it has.

    Afterwards its output `likeness`, float32 (N, probes), holds for each line the log-odds that it is of the domain.

    Raises:
        UserError: there are no lines of one kind, or `model` has no LSTM to look in front of.
    """
    if not domain or not general:
        raise UserError("a probe needs lines of the domain and general ones")
    former = {tensor.name: tensor for tensor in model.graph.initializer if tensor.name in (WEIGHT, BIAS)}
    if not former:
        _pool(model)
    lines = _features(model, [*domain, *general], spec)
    weight, bias = _fit(lines, np.arange(len(lines)) < len(domain))
    columns, biases = weight[:, None], np.array([bias])
    if former:
        columns = np.hstack([numpy_helper.to_array(former[WEIGHT]), columns])
        biases = np.append(numpy_helper.to_array(former[BIAS]), biases)
        for tensor in former.values():
            model.graph.initializer.remove(tensor)
    else:
        model.graph.node.append(helper.make_node("Gemm", [POOLED, WEIGHT, BIAS], [DOMAIN_LOGIT]))
        model.graph.output.append(helper.make_tensor_value_info(DOMAIN_LOGIT, TensorProto.FLOAT, ["N", "probes"]))
    model.graph.initializer.extend(
        numpy_helper.from_array(array.astype(np.float32), name) for array, name in ((columns, WEIGHT), (biases, BIAS))
    )


def _pool(model: onnx.ModelProto) -> None:
    """Add nodes that turn the first LSTM's input, (T, N, C), into (N, 2 C): means and maxima over the frames."""
    seen = next((node.input[0] for node in model.graph.node if node.op_type.endswith("LSTM")), None)
    if seen is None:
        raise UserError("the network has no LSTM: it is no recognizer of this project")
    parts = ("likeness.mean", "likeness.highest")
    for operator, name in zip(("ReduceMean", "ReduceMax"), parts, strict=True):
        model.graph.node.append(helper.make_node(operator, [seen], [name], axes=[0], keepdims=0))
    model.graph.node.append(helper.make_node("Concat", parts, [POOLED], axis=1))


def _features(model: onnx.ModelProto, lines: Sequence[bytes], spec: CanvasSpec) -> np.ndarray:
    """What the probe sees of each line, float64 (lines, F); of lines wider than a canvas, their beginning."""
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    del cut.graph.output[:]
    cut.graph.output.append(helper.make_tensor_value_info(POOLED, TensorProto.FLOAT, None))
    session = open_session(cut.SerializeToString(), "the general network", 1)
    rows = []
    for line in lines:
        canvas = pad_to_bucket(to_strip(decode_image(line), spec)[:, : spec.max_width], spec)
        rows.append(session.run(None, {"images": canvas[None, None]})[0][0])
    return np.array(rows, np.float64)


def _fit(features: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, float]:
    """Logistic regression with a ridge, both kinds of equal weight.

    Args:
        features: float64 (lines, F).
        positive: bool (lines,).

    Returns:
        weights, float64 (F,), and bias.
    """
    center, spread = features.mean(0), features.std(0) + 1e-6
    inputs = np.c_[(features - center) / spread, np.ones(len(features))]
    counts = np.where(positive, 0.5 / positive.sum(), 0.5 / (~positive).sum()) * len(features)
    ridge = np.full(inputs.shape[1], RIDGE * len(features))
    ridge[-1] = 1e-9  # the bias is free
    weights = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        probability = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        gradient = inputs.T @ (counts * (probability - positive)) + ridge * weights
        curvature = (inputs * (counts * probability * (1 - probability))[:, None]).T @ inputs + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-6:
            break
    scaled = weights[:-1] / spread
    return scaled, float(weights[-1] - scaled @ center)
