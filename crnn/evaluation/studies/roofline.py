"""Where a model stands against the machine's own limit: its multiply-accumulates, their time, the best rate.

The machine's rates come from plain matrix products and a copy, run on one thread by the same runtime.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from crnn.recognition.session import open_session

SIZE = 384  # rows and columns of the measured products: a millisecond, so that some go uninterrupted
COPIED = 1 << 26  # bytes: beyond the last cache
KINDS = {  # operators, also under the names that ONNX Runtime's fusions give them
    "convolution": {"Conv", "FusedConv", "NhwcFusedConv", "QLinearConv", "ConvInteger"},
    "lstm": {"LSTM", "DynamicQuantizeLSTM"},
    "matmul": {"MatMul", "Gemm", "FusedMatMul", "FusedGemm", "QLinearMatMul", "QGemm"}
    | {"MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"},
}
INTEGER = ("QLinear", "Integer", "DynamicQuantize", "QGemm")  # parts of the names of integer operators


@dataclass(frozen=True)
class MachineRates:
    """Of one thread: 10^9 multiply-accumulates a second, uint8 × int8 and float32, and 10^9 bytes moved."""

    int8: float
    float32: float
    copy: float


@dataclass(frozen=True)
class KindCost:
    """One kind of operator in one run.

    Attributes:
        kind: key of `KINDS`, or "other".
        megamacs: 10^6 multiply-accumulates.
        milliseconds: measured inside the runtime.
        integer: whether it runs on integers.
        limit_ms: the time at the machine's rate for such numbers.
    """

    kind: str
    megamacs: float
    milliseconds: float
    integer: bool
    limit_ms: float


@dataclass(frozen=True)
class Roofline:
    """A model on one line of `width` pixels; its file's `megabytes` take `weights_ms` at copy speed."""

    width: int
    kinds: tuple[KindCost, ...]
    megabytes: float
    weights_ms: float

    @property
    def megamacs(self) -> float:
        return sum(kind.megamacs for kind in self.kinds)

    @property
    def milliseconds(self) -> float:
        return sum(kind.milliseconds for kind in self.kinds)

    @property
    def limit_ms(self) -> float:
        return sum(kind.limit_ms for kind in self.kinds)


def measure_machine(rounds: int = 40) -> MachineRates:
    """The machine's rates, the best of `rounds`."""
    source = np.ones(COPIED // 8)
    target = np.empty_like(source)
    # A copy reads and writes: two bytes moved for each copied.
    copy = 2 * COPIED / _best(lambda: np.copyto(target, source), rounds) / 1e9
    return MachineRates(_product_rate(np.uint8, rounds), _product_rate(np.float32, rounds), copy)


def _product_rate(dtype: type, rounds: int) -> float:
    """10^9 multiply-accumulates a second of a square product with a constant right side, as in a layer."""
    integer = dtype is np.uint8
    weights = np.ones((SIZE, SIZE), np.int8 if integer else np.float32)
    node = helper.make_node("MatMulInteger" if integer else "MatMul", ["x", "w"], ["y"])
    kind = (TensorProto.UINT8, TensorProto.INT32) if integer else (TensorProto.FLOAT, TensorProto.FLOAT)
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("x", kind[0], [SIZE, SIZE])],
        [helper.make_tensor_value_info("y", kind[1], [SIZE, SIZE])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = open_session(model.SerializeToString(), "the product", 1, arena=True)
    x: np.ndarray = np.ones((SIZE, SIZE), dtype)
    return float(SIZE**3 / _best(lambda: session.run(None, {"x": x}), rounds) / 1e9)


def _best(call: Any, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return min(times)


def roofline(path: Path, height: int, width: int, rates: MachineRates, rounds: int = 15) -> Roofline:
    """Profile the model at `path` on one canvas (1, 1, height, width)."""
    macs = _count_macs(path, height, width)
    milliseconds: dict[str, float] = defaultdict(float)
    integers: dict[str, bool] = defaultdict(bool)
    # Each operator's least time over the runs: as for the machine's rates, interruptions must not count.
    for events in zip(*_profile(path, height, width, rounds, optimize=True), strict=True):
        kind = _kind(events[0])
        milliseconds[kind] += min(event["dur"] for event in events) / 1e3
        integers[kind] |= any(part in events[0]["args"]["op_name"] for part in INTEGER)
    kinds = []
    for kind in [*KINDS, "other"]:
        rate = rates.int8 if integers[kind] else rates.float32
        kinds.append(KindCost(kind, macs[kind] / 1e6, milliseconds[kind], integers[kind], macs[kind] / rate / 1e6))
    megabytes = path.stat().st_size / 1e6
    return Roofline(width, tuple(kinds), megabytes, megabytes / rates.copy)


def _kind(event: dict[str, Any]) -> str:
    name = event["args"]["op_name"]
    return next((kind for kind, names in KINDS.items() if name in names), "other")


def _profile(path: Path, height: int, width: int, rounds: int, optimize: bool) -> list[list[dict[str, Any]]]:
    """The runtime's own record of every operator of each of `rounds` runs, after one to warm up."""
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(path, str(path), 1, True, Path(folder, "profile"), optimize)
        image = np.random.default_rng(0).integers(0, 256, (1, 1, height, width), dtype=np.uint8)
        for _ in range(rounds + 1):
            session.run(None, {"images": image})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    kernels = [e for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")]
    each = len(kernels) // (rounds + 1)
    return [kernels[i * each : (i + 1) * each] for i in range(1, rounds + 1)]


def _count_macs(path: Path, height: int, width: int) -> dict[str, float]:
    """Multiply-accumulates of each kind: weights' shapes from the graph, activations' from an unfused run."""
    graph = onnx.load(str(path)).graph
    nodes = {node.name: node for node in graph.node}
    macs: dict[str, float] = defaultdict(float)
    for event in _profile(path, height, width, 1, optimize=False)[0]:
        node = nodes.get(event["name"].removesuffix("_kernel_time"))
        kind = _kind(event)
        if node is None or kind == "other":
            continue
        inputs, outputs = (_shapes(event["args"][f"{side}_type_shape"]) for side in ("input", "output"))
        macs[kind] += _node_macs(kind, inputs[0], outputs[0], [s for s in _weights(graph, node) if len(s) > 1])
    return macs


def _node_macs(kind: str, given: Sequence[int], made: Sequence[int], weights: list[Sequence[int]]) -> float:
    if kind == "convolution":  # weights (O, I / groups, h, w): each output sums over all but O
        return math.prod(made) * math.prod(weights[0][1:])
    if kind == "lstm":  # every weight is used once a step and line; given (T, N, inputs); W and R come first
        return given[0] * given[1] * sum(math.prod(shape) for shape in weights[:2])
    return math.prod(made) * given[-1]


def _shapes(described: list[dict[str, list[int]]]) -> list[list[int]]:
    return [next(iter(entry.values())) for entry in described]


def _weights(graph: onnx.GraphProto, node: onnx.NodeProto) -> list[Sequence[int]]:
    """Shapes of the initializers that feed `node`, whether as they are or stored in fewer bits."""
    initializers = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    stored = {n.output[0]: n.input[0] for n in graph.node if n.op_type in ("DequantizeLinear", "Cast")}
    names = [stored.get(name, name) for name in node.input]
    return [initializers[name] for name in names if name in initializers]
