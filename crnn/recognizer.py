"""Reads line images with an exported model: one ONNX Runtime session, no torch, no configuration.

>>> Recognizer("model.onnx").read(Path("line.png").read_bytes()).text          # doctest: +SKIP
'合同编号 A-17'
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from crnn.artifact import METADATA_KEY, ArtifactInfo
from crnn.cpus import check_threads
from crnn.ctc import greedy
from crnn.errors import UserError
from crnn.preprocess import Canvas, decode_image, to_canvas

DEFAULT_MODEL = Path(__file__).resolve().parent.parent / "models" / "crnn-zh-en.int8.onnx"


@dataclass(frozen=True)
class CharReading:
    """One character: its confidence in [0, 1] and the x of its centre in pixels of the given image."""

    char: str
    confidence: float
    x: float


@dataclass(frozen=True)
class Reading:
    """One line: its text, a confidence in [0, 1] (0 if nothing was read) and its characters in reading order."""

    text: str
    confidence: float
    chars: tuple[CharReading, ...]


class Recognizer:
    """Reads lines with the model at `model` (the shipped one by default). Safe to share between threads.

    Create it after a fork: a session must not cross one.

    Raises:
        UserError: no such file, not one of our models, or more `threads` than there are processors.
    """

    def __init__(self, model: str | Path | None = None, threads: int = 1, max_batch: int = 8) -> None:
        self.path = Path(model) if model is not None else DEFAULT_MODEL
        self.max_batch = max_batch
        self._session = _open_session(self.path, check_threads(threads))
        self.info = _read_info(self._session, self.path)
        self._charset = self.info.charset

    def read(self, image: np.ndarray | bytes) -> Reading:
        """Read one line.

        Args:
            image: uint8 (H, W) grey or (H, W, 3) BGR, or an encoded picture.

        Raises:
            ImageError: not a picture that can be read.
        """
        return self.read_many([image])[0]

    def read_many(self, images: Sequence[np.ndarray | bytes]) -> list[Reading]:
        """Read many lines; each reads as it does alone, whatever its neighbours.

        Raises:
            ImageError: one of them is not a picture that can be read.
        """
        canvases = [
            to_canvas(decode_image(image) if isinstance(image, bytes) else image, self.info.canvas)
            for image in images
        ]
        by_width: dict[int, list[int]] = defaultdict(list)
        for index, canvas in enumerate(canvases):
            by_width[canvas.pixels.shape[1]].append(index)
        readings: dict[int, Reading] = {}
        for indices in by_width.values():
            for start in range(0, len(indices), self.max_batch):
                batch = indices[start : start + self.max_batch]
                logits = self.run(np.stack([canvases[i].pixels for i in batch])[:, None])
                for position, index in enumerate(batch):
                    readings[index] = self._decode(logits[:, position], canvases[index])
        return [readings[index] for index in range(len(canvases))]

    def run(self, images: np.ndarray) -> np.ndarray:
        """The bare network: uint8 (N, 1, H, W) canvases of one width to float32 logits (T, N, C)."""
        logits: np.ndarray = self._session.run(["logits"], {"images": images})[0]
        return logits

    def _decode(self, logits: np.ndarray, canvas: Canvas) -> Reading:
        """Text of one line's logits (T, C)."""
        path = greedy(logits)
        chars = [
            CharReading(char, float(confidence), float((frame + 0.5) * self.info.frame_stride / canvas.scale))
            for char, confidence, frame in zip(
                self._charset.decode_ids(path.ids), path.confidences, path.frames, strict=True
            )
        ]
        while chars and chars[0].char == " ":
            del chars[0]
        while chars and chars[-1].char == " ":
            del chars[-1]
        if not chars:
            return Reading("", 0.0, ())
        mean_log = sum(math.log(max(c.confidence, 1e-9)) for c in chars) / len(chars)
        return Reading("".join(c.char for c in chars), math.exp(mean_log), tuple(chars))


def _open_session(path: Path, threads: int) -> ort.InferenceSession:
    if not path.is_file():
        raise UserError(f"no model at {path}: give the path of an exported .onnx file")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  ONNX Runtime's errors share no base class of their own
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{path} cannot be loaded as an ONNX model: {reason}") from None


def _read_info(session: ort.InferenceSession, path: Path) -> ArtifactInfo:
    description = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if description is None:
        raise UserError(
            f"{path} does not describe itself (no metadata {METADATA_KEY!r}): export it with export.py"
        )
    return ArtifactInfo.from_json(description)
