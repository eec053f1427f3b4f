"""Makes INT8 of an exported model; it replaces its FP32 source only if it is smaller, faster and as good."""

from __future__ import annotations

import dataclasses
import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
from omegaconf import MISSING
from tqdm import tqdm

from crnn.core.atomic import put
from crnn.core.canvas import CanvasSpec
from crnn.core.errors import UserError
from crnn.datasets.labeled import LabeledLine, read_lines
from crnn.image.preprocess import decode_image, pad_to_bucket, to_strip
from crnn.network.onnx_info import read_info, write_info
from crnn.quantization.acceptance import GateConfig, Verdict, judge
from crnn.quantization.layer_report import write_layer_report
from crnn.quantization.modes import quantize
from crnn.quantization.recipe import Mode, Recipe
from crnn.recognition.chunks import cut


@dataclass
class QuantizeConfig:
    """Attributes:
    model: FP32 ONNX file, written by export.py.
    dataset: LMDB folder or labels TSV: calibration lines and, apart from them, the gate's lines.
    output: by default model.int8.onnx beside the model (model.MODE.onnx for other modes than hybrid).
    seed: draws the lines.
    layers: also write layers.md: error and time of each layer (a minute or two).
    """

    model: str = MISSING
    dataset: str = MISSING
    output: str | None = None
    seed: int = 0
    calibration_lines: int = 200  # ranges have settled by then; more only take time
    layers: bool = False
    recipe: Recipe = field(default_factory=Recipe)
    gate: GateConfig = field(default_factory=GateConfig)


def quantize_model(config: QuantizeConfig) -> Path:
    """Write the INT8 model, if the gate lets it pass; returns its path.

    A model that is refused is kept as `*.rejected.onnx` for study, and nothing stands under the name that would be
    deployed: a file of an earlier run there would belong to other weights.

    Raises:
        UserError: the model or the dataset cannot be read, or the gate refuses the INT8 model.
    """
    source = Path(config.model)
    output = Path(config.output) if config.output else source.with_suffix(_suffix(config.recipe.mode))
    rejected = output.with_suffix(".rejected.onnx")
    info = read_info(source)
    calibration, judged = _draw(config)
    canvases = _canvases(calibration, info.canvas)
    for stale in (output, rejected):
        stale.unlink(missing_ok=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".quantize-", dir=output.parent) as folder:
        candidate = Path(folder, "int8.onnx")
        quantize(source, candidate, config.recipe, canvases)
        with tqdm(total=len(judged) * config.gate.repeats, desc="gate", unit="line", mininterval=1) as bar:
            verdict = judge(source, candidate, judged, config.gate, bar.update)
        print(_table(verdict))
        if config.layers:
            print(write_layer_report(source, candidate, config.recipe, canvases, output.with_name("layers.md")))
        _record(candidate, config, calibration, verdict)
        put(candidate, rejected if verdict.objections else output)
    if verdict.objections:
        raise UserError(f"{config.recipe.mode} INT8 is refused: {'; '.join(verdict.objections)}. Deploy {source}")
    print(f"{output}: may be deployed in place of {source}")
    return output


def _record(candidate: Path, config: QuantizeConfig, calibration: list[LabeledLine], verdict: Verdict) -> None:
    """Add to the candidate's description what it was calibrated with and how it was judged."""
    info = read_info(candidate, fp32=False)
    lines = {"dataset": config.dataset, "seed": config.seed, "lines": [line.name for line in calibration]}
    quantization = info.quantization | {
        "calibration": info.quantization["calibration"] | (lines if info.quantization["static"] else {}),
        "onnxruntime": onnxruntime.__version__,
        "gate": dataclasses.asdict(verdict),
    }
    write_info(candidate, dataclasses.replace(info, quantization=quantization, confidence=verdict.confidence))


def _suffix(mode: Mode) -> str:
    return ".int8.onnx" if mode is Mode.hybrid else f".{mode}.onnx"


def _draw(config: QuantizeConfig) -> tuple[list[LabeledLine], list[LabeledLine]]:
    """Lines to calibrate with and, apart from them, lines to judge by; half and half where there are too few."""
    lines = read_lines(config.dataset, config.calibration_lines + config.gate.lines, config.seed)
    if len(lines) < 2:
        raise UserError(f"{config.dataset} holds one line only: one is needed to calibrate and one to judge by")
    random.Random(config.seed).shuffle(lines)
    calibration = min(config.calibration_lines, len(lines) // 2)
    return lines[:calibration], lines[calibration:]


def _canvases(lines: list[LabeledLine], spec: CanvasSpec) -> list[np.ndarray]:
    """What the model sees of the lines, uint8 (1, 1, H, W) each."""
    strips = [to_strip(decode_image(line.image), spec) for line in lines]
    pieces = [strip[:, piece.start : piece.end] for strip in strips for piece in cut(strip, spec)]
    return [pad_to_bucket(piece, spec)[None, None] for piece in pieces]


def _table(verdict: Verdict) -> str:
    rows = [f"{'':5}{'exact':>8}{'CER':>9}{'CPU ms':>9}{'ms':>9}{'MB':>8}   ({verdict.lines} lines, medians)"]
    for name, of in (("FP32", verdict.fp32), ("INT8", verdict.int8)):
        rows.append(f"{name:5}{of.exact:8.4f}{of.cer:9.5f}{of.cpu_p50_ms:9.2f}{of.p50_ms:9.2f}{of.size_mb:8.2f}")
    fp32, int8 = verdict.fp32, verdict.int8
    faster, smaller = fp32.cpu_p50_ms / int8.cpu_p50_ms, fp32.size_mb / int8.size_mb
    for name, change in (("exact", verdict.exact_change), ("CER", verdict.cer_change)):
        bounds = f"{100 * change.low:+.3f} to {100 * change.high:+.3f}"
        rows.append(f"{name} changes by {100 * change.mean:+.3f} points (95 %: {bounds})")
    return "\n".join([*rows, f"{faster:.2f} times as fast (CPU), {smaller:.2f} times as small"])
