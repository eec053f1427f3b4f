"""Checkpoints that survive a crash at any moment."""

from __future__ import annotations

import hashlib
import io
import json
import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from crnn.core.atomic import replacing, sync
from crnn.core.errors import UserError
from crnn.core.model_info import ArtifactInfo
from crnn.finder.info import FinderInfo

State = dict[str, Tensor]
DEFAULT_CHECKPOINT = Path(__file__).parents[2] / "models" / "crnn-zh-en.fp16.pt"  # to train on from

# A checkpoint is a torch file followed by its digest (torch ignores what follows): torch itself does not notice a
# flipped bit, and fails in many ways on a cut file.
SEAL = b"crnn-sha256:"
SEAL_BYTES = len(SEAL) + 64


def _seal(body: bytes | memoryview) -> bytes:
    return SEAL + hashlib.sha256(body).hexdigest().encode()


@dataclass
class Checkpoint:
    """A model that can be read with, exported or trained further.

    Attributes:
        info: what the artifact says of itself.
        weights: the network's state, averaged over the last steps (what is deployed).
        trained: everything else that resuming needs: raw weights, optimizer, step, …; empty in a slim one.
    """

    info: Any  # ArtifactInfo of a reader, FinderInfo of a finder
    weights: State
    trained: dict[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Digest of the deployed weights."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.weights.items()):
            digest.update(name.encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()


def previous(path: Path) -> Path:
    """Where `save` keeps the checkpoint before the newest."""
    return path.with_suffix(".previous.pt")


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write atomically: to a temporary file, synced, then renamed; the former file becomes `previous(path)`."""
    content = io.BytesIO()
    torch.save(
        {"info": checkpoint.info.to_json(), "weights": checkpoint.weights, "trained": checkpoint.trained},
        content,
    )
    with replacing(path) as unfinished:
        with open(unfinished, "wb") as file:
            file.write(content.getbuffer())
            file.write(_seal(content.getbuffer()))
        if path.exists():
            sync(unfinished)  # the former one moves only when the new one is on the disk
            os.replace(path, previous(path))


def load(path: str | Path) -> Checkpoint:
    """Read one checkpoint file; half-precision weights come back as float32.

    Raises:
        UserError: missing, damaged, not a checkpoint of this project, or its weights are not finite.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"no checkpoint at {path} ({error.strerror}): train one first, or name another") from None
    body, seal = data[:-SEAL_BYTES], data[-SEAL_BYTES:]
    if not seal.startswith(SEAL):
        raise UserError(f"{path} is not a whole checkpoint of this project: it does not end in its seal")
    if seal != _seal(body):
        raise UserError(f"{path} is damaged: its content does not match its digest")
    content = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    kind = FinderInfo if json.loads(content["info"]).get("task") == "finder" else ArtifactInfo
    info, weights, trained = kind.from_json(content["info"]), content["weights"], content["trained"]
    weights = {k: v.float() if v.dtype == torch.float16 else v for k, v in weights.items()}
    spoiled = [name for name, value in weights.items() if value.is_floating_point() and not value.isfinite().all()]
    if spoiled:
        raise UserError(
            f"{path} holds weights that are infinite or not a number ({spoiled[0]}): take an earlier checkpoint"
        )
    return Checkpoint(info, weights, trained)


def read_info(path: str | Path) -> ArtifactInfo:
    """What a model says of itself: its charset and its canvas; `path` is a checkpoint or an exported graph.

    Raises:
        UserError: missing, damaged, or not a model of this project.
    """
    if Path(path).suffix != ".onnx":
        return load(path).info
    from crnn.network.onnx_info import read_info as read_graph_info

    return read_graph_info(Path(path), fp32=False)


def load_newest(path: Path) -> Checkpoint | None:
    """The newest intact checkpoint of a run: `path`, else the one before; None if the run has none.

    Raises:
        UserError: there are files, but none can be read.
    """
    candidates = [p for p in (path, previous(path)) if p.exists()]
    errors = []
    for candidate in candidates:
        try:
            return load(candidate)
        except UserError as error:
            errors.append(str(error))
            warnings.warn(f"{error}; falling back to the checkpoint before it", RuntimeWarning, stacklevel=2)
    if errors:
        raise UserError("; ".join(errors) + ": delete them to start the run afresh")
    return None


def save_slim(checkpoint: Checkpoint, path: Path) -> None:
    """Write the deployed weights alone, in half precision, to publish and to fine-tune from."""
    save(Checkpoint(checkpoint.info, {name: _halved(value) for name, value in checkpoint.weights.items()}), path)


def _halved(value: Tensor) -> Tensor:
    """In half precision, but for what is too large for it, as variances of a batch norm may be."""
    half = value.half()
    return half if value.is_floating_point() and bool(half.isfinite().all()) else value
