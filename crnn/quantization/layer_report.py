"""What each layer adds to the error and to the time of an INT8 model: for whoever wants to choose layers by hand."""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from crnn.quantization.modes import quantize
from crnn.quantization.recipe import Mode, Recipe
from crnn.recognition.session import open_session

CANVASES = 32  # lines that errors are measured on: an average over their frames and classes, it settles fast
RUNS = 20  # of the profiled line; the fastest counts, which other programs disturb least


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        node: its name in the FP32 graph, as `exclude` takes it.
        operator: ONNX operator.
        error: of the logits when this layer alone is quantized, root mean square over their spread.
        fp32_ms, int8_ms: time in the whole FP32 and INT8 graphs for one line of median width.
    """

    node: str
    operator: str
    error: float
    fp32_ms: float
    int8_ms: float


def write_layer_report(fp32: Path, int8: Path, recipe: Recipe, canvases: Sequence[np.ndarray], path: Path) -> str:
    """Measure every layer that INT8 may touch and write a Markdown table to `path`; returns the table."""
    layers = measure(fp32, int8, recipe, canvases)
    rows = ["| layer | operator | error alone | FP32 ms | INT8 ms |", "| --- | --- | --- | --- | --- |"]
    rows += [
        f"| {layer.node} | {layer.operator} | {layer.error:.4f} | {layer.fp32_ms:.3f} | {layer.int8_ms:.3f} |"
        for layer in sorted(layers, key=lambda layer: -layer.error)
    ]
    table = "\n".join(rows)
    path.write_text(table + "\n", encoding="utf-8")
    return table


def measure(fp32: Path, int8: Path, recipe: Recipe, canvases: Sequence[np.ndarray]) -> list[Layer]:
    """Error and time of each convolution, LSTM and matrix product, in the order of the graph."""
    sample = list(canvases[:CANVASES])
    widest = sorted(sample, key=lambda canvas: canvas.shape[3])[len(sample) // 2]
    before, after = _times(fp32, widest), _times(int8, widest)
    reference = _logits(fp32, sample)
    nodes = [node for node in onnx.load(str(fp32)).graph.node if _mode(node.op_type, recipe) is not None]
    layers = []
    for node in nodes:
        alone = _alone(node, nodes, recipe)
        with tempfile.TemporaryDirectory() as folder:
            quantize(fp32, Path(folder, "alone.onnx"), alone, sample)
            logits = _logits(Path(folder, "alone.onnx"), sample)
        error = float(np.sqrt(np.mean((logits - reference) ** 2)) / reference.std())
        key = _layer(node.name)
        layers.append(Layer(node.name, node.op_type, error, before.get(key, 0.0), after.get(key, 0.0)))
    return layers


def _mode(operator: str, recipe: Recipe) -> Mode | None:
    """How a recipe treats an operator that has weights."""
    if operator == "Conv":
        return Mode.static
    return Mode.dynamic_rnn if operator in recipe.dynamic_operators else None


def _alone(node: onnx.NodeProto, nodes: Sequence[onnx.NodeProto], recipe: Recipe) -> Recipe:
    """The recipe that quantizes `node` and nothing else."""
    mode = _mode(node.op_type, recipe)
    assert mode is not None
    return dataclasses.replace(
        recipe,
        mode=mode,
        static_operators=["Conv"],
        keep_first_convolution=False,
        exclude=[other.name for other in nodes if other.name != node.name and _mode(other.op_type, recipe) is mode],
    )


def _logits(path: Path, canvases: Sequence[np.ndarray]) -> np.ndarray:
    """Logits of all frames of all canvases, float32 (frames, C)."""
    session = open_session(path, str(path), 1)
    frames = np.concatenate([session.run(["logits"], {"images": canvas})[0][:, 0] for canvas in canvases])
    return frames - frames.mean(1, keepdims=True)  # what all classes share changes nothing


def _times(path: Path, canvas: np.ndarray) -> dict[str, float]:
    """Milliseconds of each layer, the fastest of `RUNS`."""
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(path, str(path), 1, True, Path(folder, "profile"))
        for _ in range(RUNS):
            session.run(None, {"images": canvas})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    kernels: dict[str, list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            kernels[event["name"].removesuffix("_kernel_time")].append(event["dur"] / 1000)
    layers: dict[str, float] = defaultdict(float)
    for kernel, milliseconds in kernels.items():
        layers[_layer(kernel)] += min(milliseconds)
    return dict(layers)


def _layer(node: str) -> str:
    """The layer a node belongs to: optimization renames and fuses nodes, but keeps the module they came from.

    Of a convolution split in two the first is a layer of its own.

    >>> _layer("/cnn/cnn.7/cnn.7.2/Relu_output_0_nchwc"), _layer("/head/MatMul_quant")
    ('/cnn/cnn.7', '/head/MatMul')
    """
    name = re.sub(r"(_token_\d+|_quant|_output_0.*|_nchwc)$", "", node)
    if first_of_two := re.match(r".*\.\d+\.0\.0(?=/)", name):
        return first_of_two.group()
    parts = name.split("/")
    return "/".join(parts[:3]) if len(parts) > 4 else name
