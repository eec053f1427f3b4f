"""INT8 of a small model that was really trained, and the gate in front of it."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from crnn.core.errors import UserError
from crnn.evaluation.measures.scoring import Change
from crnn.network.checkpoint import load, save
from crnn.network.onnx_export import ExportConfig, export
from crnn.network.onnx_info import read_info
from crnn.network.transfer import factorize
from crnn.quantization.acceptance import Figures, GateConfig, Verdict, objections
from crnn.quantization.gptq import round_on_lines, rounded
from crnn.quantization.layer_report import _layer, measure
from crnn.quantization.modes import quantize
from crnn.quantization.recipe import Method, Mode, Recipe
from crnn.quantization.run import QuantizeConfig, _canvases, _draw, quantize_model
from crnn.quantization.smooth import equalize
from crnn.recognizer import Recognizer
from tests.barcode import save_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(trained: Path, held_out_digits: Path, tmp_path: Path) -> QuantizeConfig:
    return QuantizeConfig(
        model=str(trained / "model.onnx"),
        dataset=str(held_out_digits),
        output=str(tmp_path / "model.int8.onnx"),
        calibration_lines=30,
        gate=GateConfig(lines=60, repeats=1, warmup=2),
    )


def operators(path: Path) -> set[str]:
    return {node.op_type for node in onnx.load(str(path)).graph.node}


@pytest.mark.parametrize(
    ("mode", "there", "gone"),
    [
        (Mode.dynamic, {"ConvInteger", "DynamicQuantizeLSTM"}, {"Conv", "LSTM"}),
        (Mode.dynamic_rnn, {"Conv", "DynamicQuantizeLSTM"}, {"LSTM", "ConvInteger"}),
        (Mode.static, {"Conv", "QuantizeLinear", "LSTM"}, {"DynamicQuantizeLSTM"}),
        (Mode.hybrid, {"Conv", "QuantizeLinear", "DynamicQuantizeLSTM"}, {"LSTM", "ConvInteger"}),
    ],
)
def test_modes_touch_their_operators_and_read_like_the_source(
    config: QuantizeConfig, mode: Mode, there: set[str], gone: set[str]
) -> None:
    source, output = Path(config.model), Path(str(config.output))
    calibration, judged = _draw(config)
    quantize(source, output, Recipe(mode), _canvases(calibration, read_info(source).canvas))
    assert there <= operators(output)
    assert not gone & operators(output)
    fp32, int8 = Recognizer(source), Recognizer(output)
    assert int8.info == replace(fp32.info, quantization=int8.info.quantization)  # metadata survives
    assert int8.info.quantization["mode"] == mode
    assert int8.max_batch == (8 if mode is Mode.static else 1)
    images = [line.image for line in judged]
    alike = [a.text == b.text for a, b in zip(fp32.read_many(images), int8.read_many(images), strict=True)]
    assert sum(alike) >= 0.95 * len(alike)


@pytest.mark.parametrize("method", Method)
def test_every_calibration_method_takes_lines_of_all_widths(config: QuantizeConfig, method: Method) -> None:
    source, output = Path(config.model), Path(str(config.output))
    canvases = _canvases(_draw(config)[0], read_info(source).canvas)
    assert len({canvas.shape for canvas in canvases}) > 1
    quantize(source, output, Recipe(Mode.static, method=method), canvases)
    assert "QuantizeLinear" in operators(output)


def test_rounding_on_lines_beats_rounding_to_the_nearest() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(500, 4)) @ rng.normal(size=(4, 16)) + 0.1 * rng.normal(size=(500, 16))
    weights, scale = rng.normal(size=(16, 30)), np.array(0.2)
    nearest, found = np.rint(weights / scale), rounded(weights, scale, inputs, limit=127)

    def error(numbers: np.ndarray) -> float:
        return float(np.square(inputs @ (numbers * scale - weights)).mean())

    assert found.dtype == np.int8
    assert error(found) < error(nearest) / 4
    assert abs(rounded(weights, scale, inputs, limit=3)).max() == 3


def log_probabilities(model: Path, canvases: list[np.ndarray]) -> np.ndarray:
    frames = np.concatenate([Recognizer(model).run(canvas)[:, 0] for canvas in canvases])
    return (
        frames
        - np.log(np.exp(frames - frames.max(1, keepdims=True)).sum(1, keepdims=True))
        - frames.max(1, keepdims=True)
    )


def test_what_all_classes_share_costs_no_precision(config: QuantizeConfig, tmp_path: Path) -> None:
    """Weights that are alike for all classes, as trained classifiers hold them, change no probability."""
    source, shifted, output = Path(config.model), tmp_path / "shifted.onnx", Path(str(config.output))
    model = onnx.load(str(source))
    tables = {table.name: table for table in model.graph.initializer}
    head = next(node for node in model.graph.node if node.name == "/head/MatMul").input[1]
    weights = numpy_helper.to_array(tables[head])
    offsets = 20 * weights.std() * np.random.default_rng(0).choice([-1, 1], (len(weights), 1))
    tables[head].CopyFrom(numpy_helper.from_array((weights + offsets).astype(np.float32), head))
    onnx.save(model, str(shifted))
    canvases = _canvases(_draw(config)[0], read_info(source).canvas)
    wanted = log_probabilities(source, canvases)
    errors = []
    for graph in (source, shifted):
        quantize(graph, output, Recipe(Mode.hybrid), canvases)
        errors.append(np.abs(log_probabilities(output, canvases) - wanted).mean())
    assert errors[1] < 1.2 * errors[0]

    equalize(shifted, canvases)
    assert log_probabilities(shifted, canvases) == pytest.approx(wanted, abs=0.01)  # as near as float32 comes


def test_a_quarter_of_the_size(config: QuantizeConfig) -> None:
    source, output = Path(config.model), Path(str(config.output))
    quantize(source, output, Recipe(Mode.dynamic_rnn), [])
    graph = onnx.load(str(output)).graph
    sizes = {table.name: len(table.raw_data) for table in graph.initializer if table.data_type == 1}
    assert all(size < 512 * 4 for size in sizes.values())  # no large float table is left
    assert not graph.value_info


def test_the_convolution_that_sees_the_picture_stays_in_fp32(config: QuantizeConfig) -> None:
    source, output = Path(config.model), Path(str(config.output))
    canvases = _canvases(_draw(config)[0], read_info(source).canvas)
    quantize(source, output, Recipe(Mode.static), canvases)
    graph = onnx.load(str(output)).graph
    first = next(node for node in graph.node if node.op_type == "Conv")
    assert first.name in read_info(output, fp32=False).quantization["excluded"]
    producers = {name: node.op_type for node in graph.node for name in node.output}
    assert producers[first.input[0]] != "DequantizeLinear"


def test_weights_behind_a_convolution_have_seven_bits(config: QuantizeConfig, trained: Path, tmp_path: Path) -> None:
    """Their inputs lie around 128, where sums of eight bits overflow on processors without VNNI."""
    save(factorize(load(trained / "checkpoint.pt"), [0, 16, 24, 32]), tmp_path / "split.pt")
    source = export(ExportConfig(str(tmp_path / "split.pt"), str(tmp_path / "split.onnx")))
    output = tmp_path / "split.int8.onnx"
    quantize(source, output, Recipe(), _canvases(_draw(config)[0], read_info(source).canvas))
    tables = {table.name: numpy_helper.to_array(table) for table in onnx.load(str(output)).graph.initializer}
    largest = {kernel.shape[2:]: 0 for kernel in tables.values() if kernel.ndim == 4}
    for kernel in tables.values():
        if kernel.ndim == 4 and kernel.dtype == np.int8:
            largest[kernel.shape[2:]] = max(largest[kernel.shape[2:]], int(np.abs(kernel.astype(int)).max()))
    assert largest[(1, 3)] == 64
    assert largest[(3, 1)] == 127


def largest_weights(path: Path) -> dict[str, int]:
    """Largest absolute INT8 weight of each LSTM and matrix product of a graph, by the node's name."""
    graph = onnx.load(str(path)).graph
    tables = {table.name: numpy_helper.to_array(table).astype(int) for table in graph.initializer}
    weights = {"DynamicQuantizeLSTM": (1, 2), "MatMulInteger": (1,)}
    found = {}
    for node in graph.node:
        names = [node.input[place] for place in weights.get(node.op_type, ())]
        found |= {name: int(np.abs(tables[name]).max()) for name in names if name in tables}
    return found


@pytest.mark.parametrize("mode", [Mode.dynamic_rnn, Mode.hybrid])
def test_weights_of_lstm_and_matrix_products_have_seven_bits(
    config: QuantizeConfig, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums of eight bits overflow on processors without VNNI."""
    source, output = Path(config.model), Path(str(config.output))
    canvases = _canvases(_draw(config)[0], read_info(source).canvas)
    largest, limits = {}, []

    def noted(*arguments: Any, limit: int) -> None:  # errors that add up push few weights, in few networks, beyond it
        limits.append(limit)
        round_on_lines(*arguments, limit=limit)

    monkeypatch.setattr("crnn.quantization.modes.round_on_lines", noted)
    for seven_bits in (True, False):
        quantize(source, output, Recipe(mode, seven_bits=seven_bits), canvases)
        largest[seven_bits] = largest_weights(output)
    assert len(largest[True]) == 4  # of an LSTM two
    assert set(largest[True].values()) == {64}
    assert set(largest[False].values()) == {127}
    assert limits == ([64, 127] if mode is Mode.hybrid else [])


def test_lines_are_drawn_by_seed_and_judged_lines_stand_apart(config: QuantizeConfig) -> None:
    calibration, judged = _draw(config)
    assert (len(calibration), len(judged)) == (30, 60)
    assert not {line.name for line in calibration} & {line.name for line in judged}
    assert _draw(config) == (calibration, judged)
    assert _draw(replace(config, seed=1))[0] != calibration
    few = _draw(replace(config, calibration_lines=500))
    assert (len(few[0]), len(few[1])) == (100, 100)


FP32 = Figures(exact=0.9, cer=0.01, cpu_p50_ms=10.0, p50_ms=11.0, size_mb=12.0)
GOOD = Figures(exact=0.9, cer=0.0104, cpu_p50_ms=4.0, p50_ms=5.0, size_mb=3.0)
SAME = Change(0.0004, 0.0001, 0.0007)
WORSE = Change(0.01, 0.005, 0.015)


@pytest.mark.parametrize(
    ("int8", "change", "reasons"),
    [
        (GOOD, SAME, []),
        (replace(GOOD, cpu_p50_ms=38.6), SAME, ["not faster"]),
        (replace(GOOD, p50_ms=38.6), SAME, []),  # by the clock, other work on the machine would decide
        (replace(GOOD, size_mb=12.0), SAME, ["not smaller"]),
        (replace(GOOD, cer=0.02), WORSE, ["CER rises from 0.0100 to 0.0200, by 0.0050 to 0.0150"]),
        (replace(GOOD, cer=0.02), replace(WORSE, low=-0.001), []),  # too few lines to tell it from chance
        (replace(GOOD, cer=0.0), Change(-0.01, -0.02, -0.001), []),
        (replace(GOOD, cpu_p50_ms=11, size_mb=13), WORSE, ["not smaller", "not faster", "CER rises"]),
    ],
)
def test_int8_must_be_smaller_and_faster_and_as_good(int8: Figures, change: Change, reasons: list[str]) -> None:
    found = objections(FP32, int8, change, max_cer_increase=0.0005)
    assert len(found) == len(reasons)
    assert all(text.startswith(reason) for text, reason in zip(found, reasons, strict=True))


def test_what_passes_is_deployed_and_says_how_it_was_made(
    config: QuantizeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = Verdict(60, FP32, GOOD, SAME, SAME, {"scale": 0.8, "offset": -0.1}, ())
    monkeypatch.setattr("crnn.quantization.run.judge", lambda *_: verdict)  # a tiny network's time says nothing
    info = Recognizer(quantize_model(config)).info
    assert info.confidence == {"scale": 0.8, "offset": -0.1}
    assert info.quantization["gate"]["int8"]["size_mb"] == 3.0
    assert len(info.quantization["calibration"]["lines"]) == 30
    assert info.quantization["calibration"]["seed"] == 0


def test_a_bad_quantization_is_refused_and_fp32_stays(config: QuantizeConfig) -> None:
    output = Path(str(config.output))
    output.write_text("of an earlier run")
    # Ranges from a fifth of the values: everything brighter is cut off.
    bad = Recipe(Mode.static, method=Method.percentile, percentile=20.0)
    with pytest.raises(UserError, match=r"static INT8 is refused: .*CER rises .* Deploy .*model.onnx"):
        quantize_model(replace(config, recipe=bad, gate=replace(config.gate, lines=170)))  # enough to rule out chance
    assert not output.exists()
    assert Path(config.model).exists()
    rejected = Recognizer(output.with_suffix(".rejected.onnx"))
    assert "CER" in str(rejected.info.quantization["gate"]["objections"])
    assert [path.name for path in output.parent.iterdir()] == ["model.int8.rejected.onnx"]


def test_the_layer_report_covers_every_layer_with_weights(config: QuantizeConfig) -> None:
    source, output = Path(config.model), Path(str(config.output))
    canvases = _canvases(_draw(config)[0][:4], read_info(source).canvas)
    quantize(source, output, Recipe(), canvases)
    layers = measure(source, output, Recipe(), canvases)
    assert [layer.operator for layer in layers] == ["Conv"] * 6 + ["LSTM", "MatMul", "MatMul"]
    assert all(0 < layer.error < 1 and layer.fp32_ms > 0 and layer.int8_ms > 0 for layer in layers)


def test_nodes_keep_their_layer_through_optimization() -> None:
    assert _layer("/cnn/cnn.7/cnn.7.2/Relu_output_0_nchwc") == _layer("/cnn/cnn.7/cnn.7.0/Conv_token_18")
    assert _layer("/cnn/cnn.7/cnn.7.0/cnn.7.0.1/Conv_nchwc") == "/cnn/cnn.7"
    assert _layer("/cnn/cnn.7/cnn.7.0/cnn.7.0.0/Conv_quant") == "/cnn/cnn.7/cnn.7.0/cnn.7.0.0"
    assert _layer("/lstm/LSTM_1_quant") == "/lstm/LSTM_1"


def test_mistakes_are_named(config: QuantizeConfig, tmp_path: Path) -> None:
    source = Path(config.model)
    with pytest.raises(UserError, match="no model at"):
        read_info(tmp_path / "absent.onnx")
    (tmp_path / "junk.onnx").write_text("junk")
    with pytest.raises(UserError, match="not an ONNX model"):
        read_info(tmp_path / "junk.onnx")
    with pytest.raises(UserError, match="does not describe itself"):
        read_info(save_model(tmp_path / "mute.onnx", metadata=""))
    with pytest.raises(UserError, match="no such node"):
        quantize(source, tmp_path / "x.onnx", Recipe(exclude=["/nowhere"]), [])
    with pytest.raises(UserError, match="needs calibration lines"):
        quantize(source, tmp_path / "x.onnx", Recipe(Mode.static), [])
    quantize(source, tmp_path / "x.onnx", Recipe(Mode.dynamic_rnn), [])
    with pytest.raises(UserError, match="quantized already"):
        read_info(tmp_path / "x.onnx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model=absent.onnx", "dataset=x"], "no model at absent.onnx"),
        (["dataset=x"], "model"),
        (["model=m", "dataset=x", "recipe.mood=hybrid"], "mood"),
        (["model=m", "dataset=x", "recipe.mode=int4"], "int4"),
    ],
)
def test_the_command_reports_mistakes_in_one_line(arguments: list[str], message: str) -> None:
    command = [sys.executable, "quantize.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
