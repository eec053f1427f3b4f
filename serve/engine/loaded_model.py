"""A model that has read a line and may serve, and how it is loaded."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from crnn.core.errors import UserError
from crnn.core.reading import RETRY_BELOW
from crnn.core.shipped import DEFAULT_FINDER
from crnn.decoding.ctc import greedy
from crnn.decoding.decoder import DecodeOptions, Decoder, make_decoder
from crnn.finder.finder import Finder
from crnn.language_model.model import LanguageModel
from crnn.page import PageReader
from crnn.recognizer import Recognizer
from serve.base.errors import BadOptions
from serve.engine.options import Options


@dataclass(frozen=True)
class LoadedModel:
    """A model that passed its self-test.

    Attributes:
        recognizer: reads lines.
        pages: finds them on pages.
        language_model: for beams over this model's characters, or None.
        digests: SHA-256 of the files of model, finder and, where there is one, language model.
        name: of the file.
        loaded_at: seconds since the epoch.
        load_ms: what loading and self-test took.
    """

    recognizer: Recognizer
    pages: PageReader
    language_model: LanguageModel | None
    digests: list[str]
    name: str
    loaded_at: float
    load_ms: float

    @property
    def sha256(self) -> str:
        """Of the model's file."""
        return self.digests[0]

    def decoder(self, options: Options) -> Decoder:
        """The decoder that `options` choose; one with nothing to weigh is greedy.

        Raises:
            BadOptions: this model, or this server, cannot decode so.
        """
        language_model = self.language_model if options.decode == "beam" else None
        method = options.decode if language_model or options.hotwords else "greedy"
        wishes = DecodeOptions(method, language_model, options.hotwords or None, options.allow)
        try:
            return make_decoder(self.recognizer.info.charset, wishes)
        except UserError as error:
            raise BadOptions(str(error)) from None

    def summary(self) -> dict[str, str]:
        """What a reply says of the model that read it."""
        return {"name": self.name, "sha256": self.sha256}


def load(
    path: Path,
    max_batch: int,
    language_model: Path | None = None,
    unsure: float = RETRY_BELOW,
    finder: Path = DEFAULT_FINDER,
) -> LoadedModel:
    """Load the model at `path` and let it read a line; load the finder and the language model beside it.

    Args:
        max_batch, unsure: see `Recognizer`.

    Raises:
        UserError: no such file, not a model of ours, or it fails the self-test; or so with the files beside it.
    """
    started = time.perf_counter()
    if not path.is_file():
        raise UserError(f"no model at {path}: set OCR_MODEL to an exported .onnx file")
    files = [path, finder, *([language_model] if language_model else [])]
    digests = [sha256_of(file) for file in files]
    recognizer = Recognizer(path, threads=1, max_batch=max_batch, unsure=unsure)
    charset = recognizer.info.charset
    context = LanguageModel(language_model, charset) if language_model else None
    recognizer.decode = make_decoder(charset, DecodeOptions(language_model=context)) if context else greedy
    pages = PageReader(recognizer, Finder(finder))
    if digests != [sha256_of(file) for file in files]:  # else results would be kept under another model's name
        raise UserError(f"{path} or a file beside it was replaced while it was loaded: it will be loaded again")
    _self_test(recognizer, path)
    return LoadedModel(
        recognizer=recognizer,
        pages=pages,
        language_model=context,
        digests=digests,
        name=path.name,
        loaded_at=time.time(),
        load_ms=(time.perf_counter() - started) * 1000,
    )


def sha256_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


def _self_test(recognizer: Recognizer, path: Path) -> None:
    """Read a drawn line twice: the graph must run, give numbers, and give the same ones again.

    Whether it reads well is `evaluate.py`'s question; here it is whether it can serve at all.
    """
    line = np.full((40, 320, 3), 255, np.uint8)
    cv2.putText(line, "OCR 2468 ready", (8, 30), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
    spec = recognizer.info.canvas
    try:
        logits = recognizer.run(np.full((1, 1, spec.height, spec.bucket * 4), 128, np.uint8))
        readings = [recognizer.read(line) for _ in range(2)]
    except Exception as error:  # ONNX Runtime's errors share no base class; any of them is a refusal
        raise UserError(f"{path} failed its self-test: {str(error).splitlines()[0]}") from None
    if not np.isfinite(logits).all() or not all(math.isfinite(r.confidence) for r in readings):
        raise UserError(f"{path} failed its self-test: its scores are not numbers")
    if readings[0] != readings[1]:
        raise UserError(f"{path} failed its self-test: it read one line in two ways")
