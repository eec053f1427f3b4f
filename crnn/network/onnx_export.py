"""Exports a checkpoint to ONNX and compares the graph with torch.

The TorchScript exporter is used on purpose: it writes LSTMs as ONNX LSTM nodes, which ONNX Runtime runs as one
kernel and can quantize; the dynamo exporter unrolls or refuses them when batch and width are dynamic.
"""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from omegaconf import MISSING

from crnn.core.atomic import replacing
from crnn.core.errors import UserError
from crnn.core.files import MODEL
from crnn.core.model_info import METADATA_KEY, ArtifactInfo
from crnn.finder.info import FinderInfo
from crnn.network.checkpoint import Checkpoint, load
from crnn.network.crnn import CRNN, ModelConfig
from crnn.network.finder_export import export_finder
from crnn.recognition.session import open_session

OPSET = 17
SHAPES = ((1, 32), (1, 288), (2, 64), (3, 160), (5, 320), (1, 800), (8, 96))  # (lines, width) compared with torch
# Largest difference of a logit, relative to the logits' spread when that exceeds 1; in a network tuned hard to one face
# rounding alone made 1e-4.
TOLERANCE = 1e-3


@dataclass
class ExportConfig:
    """Attributes:
    checkpoint: file written by train.py.
    output: ONNX file; by default model.onnx beside the checkpoint.
    mode: enhancement to read with instead of the one it was trained with, to measure what it does.
    """

    checkpoint: str = MISSING
    output: str | None = None
    mode: str | None = None


def build(checkpoint: Checkpoint) -> CRNN:
    """The network of a checkpoint with its deployed weights, ready to read."""
    model = CRNN(ModelConfig(**checkpoint.info.model), len(checkpoint.info.charset))
    model.load_state_dict(checkpoint.weights)
    return model.eval()


def export(config: ExportConfig) -> Path:
    """Write the graph with its description, and compare it with torch; returns its path.

    Raises:
        UserError: no checkpoint, LSTM nodes were lost, or the outputs differ by more than `TOLERANCE`.
    """
    checkpoint = load(config.checkpoint)
    output = Path(config.output) if config.output else Path(config.checkpoint).with_name(MODEL)
    if isinstance(checkpoint.info, FinderInfo):
        return export_finder(checkpoint, output)
    if config.mode is not None:
        canvas = dataclasses.replace(checkpoint.info.canvas, mode=config.mode)
        checkpoint.info = dataclasses.replace(checkpoint.info, canvas=canvas)
    model = build(checkpoint)
    output.parent.mkdir(parents=True, exist_ok=True)
    with replacing(output) as unfinished:
        write_graph(model, checkpoint, unfinished)
        error = largest_difference(model, unfinished)
        if error > TOLERANCE:
            raise UserError(
                f"ONNX Runtime and torch differ by {error:.1e} (allowed {TOLERANCE:.0e}): nothing was exported"
            )
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB, differs from torch by at most {error:.1e}")
    return output


def write_graph(model: CRNN, checkpoint: Checkpoint, output: Path) -> None:
    """Write `model` to `output`, with dynamic batch and width and the artifact's description."""
    example = torch.zeros(2, 1, model.config.height, 64, dtype=torch.uint8)
    with warnings.catch_warnings():
        # The exporter warns that it is the older one (wanted, see above) and of LSTM batch sizes (tested below).
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (example,), str(output), dynamo=False, opset_version=OPSET,
            input_names=["images"], output_names=["logits"],
            dynamic_axes={"images": {0: "N", 3: "W"}, "logits": {0: "T", 1: "N"}},
        )  # fmt: skip
    graph = onnx.load(str(output))
    lstms = sum(node.op_type == "LSTM" for node in graph.graph.node)
    if lstms != model.config.layers:
        raise UserError(f"the exporter wrote {lstms} LSTM nodes for {model.config.layers} layers: use another torch")
    info: ArtifactInfo = dataclasses.replace(checkpoint.info, source_sha256=checkpoint.sha256)
    onnx.helper.set_model_props(graph, {METADATA_KEY: info.to_json()})
    onnx.checker.check_model(graph)
    onnx.save(graph, str(output))


@torch.inference_mode()
def largest_difference(model: CRNN, path: Path) -> float:
    """Largest difference of a logit between torch and ONNX Runtime over `SHAPES`, relative to spreads above 1."""
    session = open_session(path, str(path), 1)
    rng = np.random.default_rng(0)
    worst = 0.0
    for lines, width in SHAPES:
        images = rng.integers(0, 256, (lines, 1, model.config.height, width), dtype=np.uint8)
        expected = model(torch.from_numpy(images)).numpy()
        (logits,) = session.run(None, {"images": images})
        worst = max(worst, float(np.abs(logits - expected).max() / max(1.0, expected.std())))
    return worst
