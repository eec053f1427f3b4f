"""Reads and writes what an ONNX file says of itself (`crnn.core.model_info`). Needs onnx."""

from __future__ import annotations

from pathlib import Path

import onnx

from crnn.core.errors import UserError
from crnn.core.model_info import METADATA_KEY, ArtifactInfo


def read_info(path: Path, fp32: bool = True) -> ArtifactInfo:
    """Description of an exported graph, which must not be quantized yet if `fp32`.

    Raises:
        UserError: no such file, no graph, not one of ours, or quantized already.
    """
    try:
        model = onnx.load(str(path))
    except FileNotFoundError:
        raise UserError(f"no model at {path}: export it first") from None
    except Exception as error:  # protobuf's DecodeError has no stable home
        raise UserError(f"{path} is not an ONNX model: {error}") from None
    description = {entry.key: entry.value for entry in model.metadata_props}.get(METADATA_KEY)
    if description is None:
        raise UserError(f"{path} does not describe itself (no metadata {METADATA_KEY!r}): export it with export.py")
    info = ArtifactInfo.from_json(description)
    if fp32 and info.quantization:
        raise UserError(f"{path} is quantized already ({info.quantization['mode']}): give its FP32 source")
    return info


def write_info(path: Path, info: ArtifactInfo) -> None:
    """Replace the description of the graph at `path`; other metadata is dropped."""
    model = onnx.load(str(path))
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    onnx.save(model, str(path))
