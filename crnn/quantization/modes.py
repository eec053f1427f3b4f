"""The ways to make INT8 of an exported graph. Whether one is good enough is judged elsewhere (`acceptance`).

What each mode does, and why `hybrid` is the default:

- `dynamic`: every operator, activations quantized as the graph runs. Convolutions become ConvInteger, for which
  ONNX Runtime has no fast kernel: several times slower than FP32.
- `dynamic_rnn`: the same for LSTM and MatMul only, whose kernels are fast.
- `static`: convolutions with scales fixed by calibration lines (QDQ); ONNX Runtime fuses them into QLinearConv.
- `hybrid`: `static`, then `dynamic_rnn`: every layer by the method that is fastest for it. The matrix products, where
  seven bits err most, are evened out before (see `smooth`) and rounded on the calibration lines (`gptq`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from crnn.core.errors import UserError
from crnn.network.onnx_info import read_info, write_info
from crnn.quantization.gptq import round_on_lines
from crnn.quantization.recipe import Method, Mode, Recipe
from crnn.quantization.smooth import equalize

LARGE_TABLE = 512  # floats; smaller ones are not worth a node
TILE_WIDTH = 288  # pixels: about the mean line's

METHODS = {
    Method.minmax: CalibrationMethod.MinMax,
    Method.entropy: CalibrationMethod.Entropy,
    Method.percentile: CalibrationMethod.Percentile,
}


def quantize(source: Path, output: Path, recipe: Recipe, canvases: Sequence[np.ndarray]) -> None:
    """Write the INT8 graph of `source` to `output`, described as its source is.

    Args:
        source: exported FP32 graph.
        canvases: uint8 (1, 1, H, W) each, to calibrate static operators with.

    Raises:
        UserError: `source` is no FP32 graph of ours, `exclude` names no node, or there is nothing to calibrate with.
    """
    info = read_info(source)
    with tempfile.TemporaryDirectory() as folder, _quiet():
        prepared, static = Path(folder, "prepared.onnx"), Path(folder, "static.onnx")
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        excluded = excluded_nodes(onnx.load(str(prepared)), recipe)
        if recipe.mode is Mode.dynamic:
            quantize_dynamic(str(prepared), str(output), weight_type=QuantType.QInt8, nodes_to_exclude=excluded)
        elif recipe.mode is Mode.dynamic_rnn:
            _quantize_dynamic(prepared, output, recipe, excluded)
        elif recipe.mode is Mode.static:
            _quantize_static(prepared, output, recipe, excluded, canvases)
        else:
            equalize(prepared, canvases)
            _quantize_static(prepared, static, recipe, excluded, canvases)
            _quantize_dynamic(static, output, recipe, excluded)
            round_on_lines(prepared, output, canvases, limit=64 if recipe.seven_bits else 127)
    shrink(output)
    write_info(output, dataclasses.replace(info, quantization=describe(recipe, excluded)))


def _quantize_dynamic(source: Path, output: Path, recipe: Recipe, excluded: list[str]) -> None:
    quantize_dynamic(
        str(source),
        str(output),
        op_types_to_quantize=recipe.dynamic_operators,
        weight_type=QuantType.QInt8,
        reduce_range=recipe.seven_bits,
        nodes_to_exclude=excluded,
    )


def _quantize_static(
    source: Path, output: Path, recipe: Recipe, excluded: list[str], canvases: Sequence[np.ndarray]
) -> None:
    if not canvases:
        raise UserError(f"mode {recipe.mode} needs calibration lines: there are none")
    histogram = recipe.method is not Method.minmax
    options: dict[str, Any] = {"CalibPercentile": recipe.percentile} if recipe.method is Method.percentile else {}
    if recipe.seven_bits:
        seven = [{"quant_type": QuantType.QInt8, "reduce_range": True}]
        options["TensorQuantOverrides"] = dict.fromkeys(_weights_behind_convolutions(source), seven)
    quantize_static(
        str(source),
        str(output),
        _Canvases(_tiles(canvases) if histogram else canvases),
        quant_format=QuantFormat.QDQ,  # the QOperator format has no fast signed kernels on x86
        op_types_to_quantize=recipe.static_operators,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=excluded,
        calibrate_method=METHODS[recipe.method],
        extra_options=options,
    )


def _weights_behind_convolutions(path: Path) -> list[str]:
    """Weights of the convolutions whose input is another's output as it is, positive and negative."""
    graph = onnx.load(str(path)).graph
    raw = {node.output[0] for node in graph.node if node.op_type == "Conv"}
    return [node.input[1] for node in graph.node if node.op_type == "Conv" and node.input[0] in raw]


def _tiles(canvases: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The lines side by side, cut to one width: ONNX Runtime's histograms take arrays of one shape only."""
    row = np.concatenate(canvases, axis=3)
    width = min(row.shape[3], TILE_WIDTH)
    return [row[..., start : start + width] for start in range(0, row.shape[3] - width + 1, width)]


class _Canvases(CalibrationDataReader):
    """Hands one canvas after the other to ONNX Runtime's calibration."""

    def __init__(self, canvases: Sequence[np.ndarray]) -> None:
        self._canvases = iter(canvases)

    def get_next(self) -> dict[str, np.ndarray] | None:
        canvas = next(self._canvases, None)
        return None if canvas is None else {"images": canvas}


def excluded_nodes(model: onnx.ModelProto, recipe: Recipe) -> list[str]:
    """Names of the nodes that stay in FP32.

    Raises:
        UserError: `exclude` names a node that the graph has not.
    """
    names = {node.name for node in model.graph.node}
    unknown = [name for name in recipe.exclude if name not in names]
    if unknown:
        raise UserError(f"exclude names {unknown[0]!r}, but the graph has no such node: see the layer report")
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
    first = convolutions[:1] if recipe.keep_first_convolution and recipe.mode is not Mode.dynamic else []
    return [*first, *recipe.exclude]


def shrink(path: Path) -> None:
    """Drop what only quantization needed from the graph at `path`, and halve the float tables that are left.

    Biases and layers left in float are stored in half precision; ONNX Runtime turns them back once, as it loads the
    graph, so that they cost no time. Their rounding is a hundredth of that of eight bits.
    """
    model = onnx.load(str(path))
    graph = model.graph
    del graph.value_info[:]
    casts = []
    for table in graph.initializer:
        if table.data_type != onnx.TensorProto.FLOAT or np.prod(table.dims) < LARGE_TABLE:
            continue
        name, values = table.name, onnx.numpy_helper.to_array(table)
        table.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(onnx.helper.make_node("Cast", [table.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, str(path))


def describe(recipe: Recipe, excluded: Sequence[str]) -> dict[str, Any]:
    """What the artifact says of its quantization; `dynamic` tells the recognizer that batches are not exact."""
    static = recipe.static_operators if recipe.mode in (Mode.static, Mode.hybrid) else []
    dynamic = {Mode.dynamic: ["all"], Mode.static: []}.get(recipe.mode, recipe.dynamic_operators)
    calibration = {"method": str(recipe.method)} if static else {}
    return {
        "mode": str(recipe.mode),
        "static": list(static),
        "dynamic": list(dynamic),
        "excluded": list(excluded),
        "calibration": calibration,
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """ONNX Runtime's quantizer logs hints about steps that are taken here already, and prints."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
