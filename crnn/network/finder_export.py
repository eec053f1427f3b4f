"""Writes a finder's checkpoint as an ONNX graph and compares the two."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from crnn.core.atomic import replacing
from crnn.core.errors import UserError
from crnn.finder.info import METADATA_KEY
from crnn.network.checkpoint import Checkpoint
from crnn.network.finder import FinderNetwork, FinderNetworkConfig
from crnn.recognition.session import open_session

OPSET = 17
SHAPES = ((32, 32), (64, 160), (320, 256))  # (height, width) compared with torch
TOLERANCE = 1e-3  # largest difference of a logit, relative to the logits' spread when that exceeds 1


def build_finder(checkpoint: Checkpoint) -> FinderNetwork:
    """The network of a checkpoint with its deployed weights, ready to find."""
    network = FinderNetwork(FinderNetworkConfig(**checkpoint.info.network))
    network.load_state_dict(checkpoint.weights)
    return network.eval()


def export_finder(checkpoint: Checkpoint, output: Path) -> Path:
    """Write the graph, with dynamic batch, height and width and its description, atomically; returns `output`.

    Raises:
        UserError: the outputs differ by more than `TOLERANCE`; nothing is written then.
    """
    network = build_finder(checkpoint)
    axes = {0: "N", 2: "H", 3: "W"}
    output.parent.mkdir(parents=True, exist_ok=True)
    with replacing(output) as unfinished:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the older exporter, which says so, as for the reader
            torch.onnx.export(
                network, (torch.zeros(1, 3, 64, 96, dtype=torch.uint8),), str(unfinished),
                dynamo=False, opset_version=OPSET,
                input_names=["images"], output_names=["maps"], dynamic_axes={"images": axes, "maps": axes},
            )  # fmt: skip
        graph = onnx.load(str(unfinished))
        info = dataclasses.replace(checkpoint.info, source_sha256=checkpoint.sha256)
        onnx.helper.set_model_props(graph, {METADATA_KEY: info.to_json()})
        onnx.checker.check_model(graph)
        onnx.save(graph, str(unfinished))
        error = largest_difference(network, unfinished)
        if error > TOLERANCE:
            raise UserError(
                f"ONNX Runtime and torch differ by {error:.1e} (allowed {TOLERANCE:.0e}): nothing was exported"
            )
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB, differs from torch by at most {error:.1e}")
    return output


@torch.inference_mode()
def largest_difference(network: FinderNetwork, path: Path) -> float:
    """Largest difference of an output between torch and ONNX Runtime over `SHAPES`, relative to spreads above 1."""
    session = open_session(path, str(path), 1)
    rng = np.random.default_rng(0)
    worst = 0.0
    for height, width in SHAPES:
        images = rng.integers(0, 256, (1, 3, height, width), dtype=np.uint8)
        expected = network(torch.from_numpy(images)).numpy()
        (maps,) = session.run(None, {"images": images})
        worst = max(worst, float(np.abs(maps - expected).max() / max(1.0, expected.std())))
    return worst
