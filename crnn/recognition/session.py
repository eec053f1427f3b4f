"""One exported network in an ONNX Runtime session: reads each line once."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from crnn.core.cpus import check_threads
from crnn.core.errors import UserError
from crnn.core.model_info import METADATA_KEY, ArtifactInfo
from crnn.core.reading import CharReading, Reading
from crnn.decoding.ctc import GreedyPath
from crnn.decoding.decoder import Decoder, may_read
from crnn.decoding.spacing import separate
from crnn.image.preprocess import pad_to_bucket, to_strip
from crnn.recognition.chunks import Piece, cut, join

LIKENESS = "likeness"  # output that tells a domain's lines from others, see `crnn.finetuning.domain_classifier`
NEVER = -1e4  # logit of a character that a network does not know
BLANK_CONTRAST = 4  # gray levels: a strip that varies less shows no text, and a network may still imagine some


@dataclass(frozen=True)
class Look:
    """What a network makes of one line at one scale.

    Attributes:
        reading: characters, x in pixels of the image.
        score: the decoder's (`GreedyPath.score`), summed over the pieces of a long line; -inf where nothing was read.
        likeness: log-odds that the line is of a domain the network was fitted to, the mean over its pieces; 0 where it
            knows of none.
    """

    reading: Reading
    score: float
    likeness: float


class Network:
    """The network of the ONNX model `source`, a file or its content. Safe to share between threads.

    Args:
        source: the model.
        name: what errors call it.
        threads: of ONNX Runtime.
        max_batch: lines of one width that are read in one run. Always 1 for graphs that quantize activations
            as they run: their scales span the batch, so a line would read differently beside other lines.

    Attributes:
        info: what the model says of itself.
        classes: columns of the logits that decoders get. Of a network beside one with a longer charset they may be made
            more: the further ones are never read.
        metadata: all that is written beside its graph.

    Raises:
        UserError: no such file, not one of our models, or more `threads` than there are processors.
    """

    def __init__(self, source: Path | bytes, name: str, threads: int = 1, max_batch: int = 8) -> None:
        self._session = open_session(source, name, check_threads(threads))
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        self.info = _read_info(self._session, self.metadata, name)
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.max_batch = 1 if self.info.quantization.get("dynamic") else max_batch
        self._charset = self.info.charset
        self.classes = len(self._charset)

    def read(self, images: Sequence[np.ndarray], decode: Decoder, stretch: float = 1.0) -> list[Look]:
        """Read lines, uint8 (H, W) or (H, W, 3), once each, drawn out by `stretch`.

        Raises:
            ImageError: one of them is no line.
        """
        spec = self.info.canvas
        strips = [to_strip(image, spec, stretch) for image in images]
        pieces = [cut(strip, spec) if _has_contrast(strip) else [] for strip in strips]
        chars, scores, likenesses = self._read_pieces(strips, pieces, decode)
        spaces = " " in self._charset and may_read(decode, self._charset.encode(" ")[0])
        looks = []
        for line, (image, strip) in enumerate(zip(images, strips, strict=True)):
            joined = self._join(pieces[line], chars[line])
            if spaces:
                joined = separate(joined, strip)
            scale = image.shape[1] / strip.shape[1]
            placed = [CharReading(c.char, c.confidence, c.x * scale) for c in joined]
            reading = Reading.of(placed, **self.info.confidence)
            score = sum(scores[line]) if scores[line] else -math.inf
            likeness = float(np.mean(likenesses[line])) if likenesses[line] else 0.0
            looks.append(Look(reading, score, likeness))
        return looks

    def run(self, images: np.ndarray) -> np.ndarray:
        """The bare network: uint8 (N, 1, H, W) canvases of one width to float32 logits (T, N, C)."""
        logits: np.ndarray = self._session.run(["logits"], {"images": images})[0]
        return logits

    def _read_pieces(
        self, strips: list[np.ndarray], pieces: list[list[Piece]], decode: Decoder
    ) -> tuple[list[list[list[CharReading]]], list[list[float]], list[list[float]]]:
        """Of each line's pieces the characters, x in pixels of the strip; the scores; and the likenesses.

        Pieces of one width share a run.
        """
        canvases: dict[int, list[tuple[int, int, np.ndarray]]] = defaultdict(list)
        chars: list[list[list[CharReading]]] = [[[] for _ in line] for line in pieces]
        scores: list[list[float]] = [[] for _ in pieces]
        likenesses: list[list[float]] = [[] for _ in pieces]
        for line, strip in enumerate(strips):
            for number, piece in enumerate(pieces[line]):
                canvas = pad_to_bucket(strip[:, piece.start : piece.end], self.info.canvas)
                canvases[canvas.shape[1]].append((line, number, canvas))
        for queue in canvases.values():
            for begin in range(0, len(queue), self.max_batch):
                batch = queue[begin : begin + self.max_batch]
                images = np.stack([canvas for _, _, canvas in batch])[:, None]
                logits, *likeness = self._session.run(self._outputs, {"images": images})
                if lacking := self.classes - logits.shape[2]:
                    logits = np.pad(logits, ((0, 0), (0, 0), (0, lacking)), constant_values=NEVER)
                for position, (line, number, _) in enumerate(batch):
                    path = decode(logits[:, position])
                    chars[line][number] = self._place(path, pieces[line][number].start)
                    if len(path.ids):
                        scores[line].append(path.score)
                    likenesses[line] += [of_probes[position].max() for of_probes in likeness]
        return chars, scores, likenesses

    def _place(self, path: GreedyPath, start: int) -> list[CharReading]:
        """Characters of one piece, x in pixels of the strip; the piece begins at `start`."""
        stride = self.info.frame_stride
        return [
            CharReading(char, float(confidence), start + (float(frame) + 0.5) * stride)
            for char, confidence, frame in zip(
                self._charset.decode_ids(path.ids), path.confidences, path.frames, strict=True
            )
        ]

    def _join(self, pieces: list[Piece], chars: list[list[CharReading]]) -> list[CharReading]:
        joined = chars[0] if chars else []
        for number in range(1, len(pieces)):
            overlap = Piece(pieces[number].start, pieces[number - 1].end)
            joined = join(joined, chars[number], overlap, self.info.canvas.height)
        return joined


def _has_contrast(strip: np.ndarray) -> bool:
    return int(strip.max()) - int(strip.min()) >= BLANK_CONTRAST


def open_session(source: Path | bytes, name: str, threads: int, arena: bool = False) -> ort.InferenceSession:
    """A session that leaves the processors to others when it has nothing to do.

    Args:
        arena: whether it keeps the memory of its tensors for the next run. What it needs for its largest input it then
            holds for good, once for each thread that runs it at the same time. Without, it returns all: right for
            small tensors. Large ones leave holes in the process's heap, between what lives longer, which grows and
            grows.

    Raises:
        UserError: no such file, or nothing that ONNX Runtime can load; `name` is what it is called there.
    """
    if isinstance(source, Path) and not source.is_file():
        raise UserError(f"no model at {source}: give the path of an exported .onnx file")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = arena
    options.enable_mem_pattern = False  # one is kept for each shape of the input
    options.log_severity_level = 3
    try:
        model = source if isinstance(source, bytes) else str(source)
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class of their own
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{name} cannot be loaded as an ONNX model: {reason}") from None


def _read_info(session: ort.InferenceSession, metadata: dict[str, str], name: str) -> ArtifactInfo:
    """The model's description, which must fit its graph."""
    description = metadata.get(METADATA_KEY)
    if description is None:
        raise UserError(f"{name} does not describe itself (no metadata {METADATA_KEY!r}): export it with export.py")
    info = ArtifactInfo.from_json(description)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if (
        [i.name for i in inputs] != ["images"]
        or inputs[0].type != "tensor(uint8)"
        or [o.name for o in outputs] not in (["logits"], ["logits", LIKENESS])
    ):
        raise UserError(f"{name} is not a line recognizer: its graph must turn uint8 images into logits")
    classes = outputs[0].shape[-1]
    if isinstance(classes, int) and classes != len(info.charset):
        raise UserError(f"{name} has {classes} classes, but its charset has {len(info.charset)} : export it again")
    return info
