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
from crnn.decoding.ctc import CtcPath
from crnn.decoding.decoder import Decoder, may_read
from crnn.decoding.peaks import NEVER
from crnn.decoding.spacing import separate
from crnn.image.preprocess import pad_to_bucket, to_strip
from crnn.recognition.chunks import Piece, cut, join

DOMAIN_LOGIT = "likeness"  # output of `crnn.finetuning.domain_classifier`; its name in files since version 0.1
BLANK_CONTRAST = 4  # gray levels: a strip that varies less shows no text, and a network may still imagine some


@dataclass(frozen=True)
class Pass:
    """What a network makes of one line at one scale.

    Attributes:
        reading: characters, x in pixels of the image.
        score: the decoder's (`CtcPath.score`), summed over the pieces of a long line; -inf where nothing was read.
        domain_logit: log-odds that the line is of a domain the network was fitted to, the mean over its pieces; 0 for a
            network that was fitted to none.
    """

    reading: Reading
    score: float
    domain_logit: float


@dataclass(frozen=True)
class _PieceReading:
    """Of one piece of a line: characters, x in pixels of the strip; the decoder's score, None where nothing was read; a
    logit for each domain that the network was fitted to."""

    chars: list[CharReading]
    score: float | None
    domain_logits: list[float]


class OnnxSession:
    """The network of the ONNX model `source`, a file or its content. Safe to share between threads.

    Args:
        source: the model.
        name: what errors call it.
        threads: of ONNX Runtime.
        max_batch: lines of one width that are read in one run. Always 1 for graphs that quantize activations
            as they run: their scales span the batch, so a line would read differently beside other lines.

    Attributes:
        info: the model's description.
        classes: columns of the logits that decoders get. In an ensemble it may exceed the network's own number of
            classes: the logits that are missing are `NEVER`, and those characters are never read.
        metadata: all of the file's metadata.

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

    def read(self, images: Sequence[np.ndarray], decode: Decoder, stretch: float = 1.0) -> list[Pass]:
        """Read lines, uint8 (H, W) or (H, W, 3), once each, drawn out by `stretch`.

        Raises:
            ImageError: one of them is no line.
        """
        spec = self.info.canvas
        strips = [to_strip(image, spec, stretch) for image in images]
        pieces = [cut(strip, spec) if _has_contrast(strip) else [] for strip in strips]
        readings = self._read_pieces(strips, pieces, decode)
        spaces = " " in self._charset and may_read(decode, self._charset.encode(" ")[0])
        passes = []
        for image, strip, cuts, parts in zip(images, strips, pieces, readings, strict=True):
            joined = self._join(cuts, [part.chars for part in parts])
            if spaces:
                joined = separate(joined, strip)
            scale = image.shape[1] / strip.shape[1]
            placed = [CharReading(c.char, c.confidence, c.x * scale) for c in joined]
            scores = [part.score for part in parts if part.score is not None]
            logits = [logit for part in parts for logit in part.domain_logits]
            passes.append(
                Pass(
                    reading=Reading.of(placed, **self.info.confidence),
                    score=sum(scores) if scores else -math.inf,
                    domain_logit=float(np.mean(logits)) if logits else 0.0,
                )
            )
        return passes

    def run(self, images: np.ndarray) -> np.ndarray:
        """The bare network: uint8 (N, 1, H, W) canvases of one width to float32 logits (T, N, C)."""
        logits: np.ndarray = self._session.run(["logits"], {"images": images})[0]
        return logits

    def _read_pieces(
        self, strips: list[np.ndarray], pieces: list[list[Piece]], decode: Decoder
    ) -> list[list[_PieceReading]]:
        """What stands in each line's pieces, in their order. Pieces of one width share a run."""
        canvases: dict[int, list[tuple[int, int, np.ndarray]]] = defaultdict(list)
        for line, strip in enumerate(strips):
            for number, piece in enumerate(pieces[line]):
                canvas = pad_to_bucket(strip[:, piece.start : piece.end], self.info.canvas)
                canvases[canvas.shape[1]].append((line, number, canvas))
        read: dict[tuple[int, int], _PieceReading] = {}
        for queue in canvases.values():
            for begin in range(0, len(queue), self.max_batch):
                batch = queue[begin : begin + self.max_batch]
                images = np.stack([canvas for _, _, canvas in batch])[:, None]
                logits, *domains = self._session.run(self._outputs, {"images": images})
                if lacking := self.classes - logits.shape[2]:
                    logits = np.pad(logits, ((0, 0), (0, 0), (0, lacking)), constant_values=NEVER)
                for position, (line, number, _) in enumerate(batch):
                    path = decode(logits[:, position])
                    read[line, number] = _PieceReading(
                        self._place(path, pieces[line][number].start),
                        path.score if len(path.ids) else None,
                        [float(of_domain[position].max()) for of_domain in domains],
                    )
        return [[read[line, number] for number in range(len(pieces[line]))] for line in range(len(strips))]

    def _place(self, path: CtcPath, start: int) -> list[CharReading]:
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


def open_session(
    source: Path | bytes,
    name: str,
    threads: int,
    arena: bool = False,
    profile: Path | None = None,
    optimized: bool = True,
) -> ort.InferenceSession:
    """A session that leaves the processors to others when it has nothing to do.

    Args:
        arena: whether it keeps the memory of its tensors for the next run. What it needs for its largest input it then
            holds for good, once for each thread that runs it at the same time. Without, it returns all: right for
            small tensors. Large ones leave holes in the process's heap, between what lives longer, which grows and
            grows.
        profile: where the runtime's record of every operator's time begins its name; by default there is none.
        optimized: whether operators are fused.

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
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    if not optimized:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
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
        or [o.name for o in outputs] not in (["logits"], ["logits", DOMAIN_LOGIT])
    ):
        raise UserError(f"{name} is not a line recognizer: its graph must turn uint8 images into logits")
    classes = outputs[0].shape[-1]
    if isinstance(classes, int) and classes != len(info.charset):
        raise UserError(f"{name} has {classes} classes, but its charset has {len(info.charset)} : export it again")
    return info
