"""The model in service: loaded, self-tested, replaced while it serves.

A new file goes into service only after it has read a line; until then, and if it fails, the old model
serves on. A copy of the model in service is kept in the state folder, so that a worker that starts while
the configured file is bad still has something to serve.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from crnn.core.errors import UserError
from crnn.core.reading import RETRY_BELOW
from crnn.decoding.ctc import greedy
from crnn.decoding.decoder import DecodeOptions, Decoder, make_decoder
from crnn.finder.finder import Finder
from crnn.language_model.model import LanguageModel
from crnn.page import PageReader
from crnn.recognizer import Recognizer
from serve.base.errors import BadOptions, NotReady
from serve.base.reload import WISH, Stamp, stamp
from serve.engine.options import Options

log = logging.getLogger("serve.engine.model_holder")

KEPT = "accepted.onnx"


@dataclass(frozen=True)
class LoadedModel:
    """A model that passed its self-test.

    Attributes:
        recognizer: reads lines.
        pages: finds them on pages, with the shipped finder.
        language_model: for beams over this model's characters, or None.
        sha256: of the model's file.
        language_sha256: of the language model's, "" without one.
        name: of the file.
        loaded_at: seconds since the epoch.
        load_ms: what loading and self-test took.
    """

    recognizer: Recognizer
    pages: PageReader
    language_model: LanguageModel | None
    sha256: str
    language_sha256: str
    name: str
    loaded_at: float
    load_ms: float

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


def load(path: Path, max_batch: int, language_model: Path | None = None, unsure: float = RETRY_BELOW) -> LoadedModel:
    """Load the model at `path` and let it read a line; load the language model beside it.

    Args:
        max_batch, unsure: see `Recognizer`.

    Raises:
        UserError: no such file, not a model of ours, or it fails the self-test; or so with the language model.
    """
    started = time.perf_counter()
    if not path.is_file():
        raise UserError(f"no model at {path}: set OCR_MODEL to an exported .onnx file")
    files = [path, language_model] if language_model else [path]
    before = [_sha256(file) for file in files]
    recognizer = Recognizer(path, threads=1, max_batch=max_batch, unsure=unsure)
    charset = recognizer.info.charset
    context = LanguageModel(language_model, charset) if language_model else None
    recognizer.decode = make_decoder(charset, DecodeOptions(language_model=context)) if context else greedy
    if before != [_sha256(file) for file in files]:  # else results would be kept under the name of another model
        raise UserError(f"{path} or its language model was replaced while it was loaded: it will be loaded again")
    _self_test(recognizer, path)
    return LoadedModel(
        recognizer=recognizer,
        pages=PageReader(recognizer, Finder()),
        language_model=context,
        sha256=before[0],
        language_sha256=before[1] if language_model else "",
        name=path.name,
        loaded_at=time.time(),
        load_ms=(time.perf_counter() - started) * 1000,
    )


def _sha256(path: Path) -> str:
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


class ModelHolder:
    """Holds the model in service and replaces it when its file changes.

    Args:
        path: the configured file.
        state: folder for the copy of the model in service.
        max_batch, unsure: see `Recognizer`.
        language_model: loaded beside every model, or None.
        watch_seconds: how often to look at the file, and whether a reload was asked for; 0 for never.
        on_reload: told "accepted" or "refused" after each attempt to replace the model.
    """

    def __init__(
        self,
        path: Path,
        state: Path,
        *,
        max_batch: int,
        unsure: float = RETRY_BELOW,
        language_model: Path | None = None,
        watch_seconds: float,
        on_reload: Callable[[str], None] = lambda outcome: None,
    ) -> None:
        self.path = path
        self._kept = state / KEPT
        self._load = partial(load, max_batch=max_batch, language_model=language_model, unsure=unsure)
        self._watch_seconds = watch_seconds
        self._on_reload = on_reload
        self._wish = state / WISH
        self._closed = threading.Event()
        self._seen = self._stamps()
        self._current = self._first()
        if watch_seconds:
            threading.Thread(target=self._watch, name="model-watch", daemon=True).start()

    @property
    def current(self) -> LoadedModel:
        """The model in service.

        Raises:
            NotReady: neither the configured file nor the copy could be loaded; the file is watched.
        """
        if self._current is None:
            raise NotReady("no model is in service: the configured one was refused, see the log")
        return self._current

    @property
    def files(self) -> list[Path]:
        """Where the model in service may be: the configured file, or the copy of the last good one."""
        return [self.path, self._kept]

    def close(self) -> None:
        """End the watch."""
        self._closed.set()

    def reload(self) -> bool:
        """Load the file again and put it into service; False, and the old one serves on, if it is refused."""
        try:
            new = self._load(self.path)
        except (UserError, OSError) as error:
            log.error({"event": "model_refused", "reason": str(error)})
            self._on_reload("refused")
            return False
        self._current = new
        self._keep(new)
        log.info({"event": "model_accepted", **new.summary(), "load_ms": round(new.load_ms)})
        self._on_reload("accepted")
        return True

    def _first(self) -> LoadedModel | None:
        """The configured model, else the copy of the last good one, else None."""
        for path in (self.path, self._kept):
            try:
                first = self._load(path)
            except (UserError, OSError) as error:
                log.error({"event": "model_refused", "reason": str(error)})
            else:
                self._keep(first)
                return first
        return None

    def _keep(self, model: LoadedModel) -> None:
        """Copy the model in service aside, in one step, so that no worker finds half a file. A disk that is full or
        cannot be written is a warning: the model serves all the same.
        """
        partial = self._kept.with_suffix(f".{os.getpid()}.partial")
        try:
            if self._kept.is_file() and _sha256(self._kept) == model.sha256:
                return
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.path, partial)
            if _sha256(partial) == model.sha256:  # else the file has changed since, and is next to be looked at
                os.replace(partial, self._kept)
        except (UserError, OSError) as error:
            log.warning({"event": "model_not_kept", "reason": str(error)})
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)

    def _watch(self) -> None:
        before = self._seen
        while not self._closed.wait(self._watch_seconds):
            file, wish = now = self._stamps()
            # A file still being written changes between two looks: wait until it rests.
            rests = file == before[0]
            if wish != self._seen[1] or (rests and file != self._seen[0]):
                self._seen = now
                try:
                    self.reload()
                except Exception:  # whatever it was, the next file is to be noticed
                    log.exception("the model could not be loaded again")
            before = now

    def _stamps(self) -> tuple[Stamp, Stamp]:
        return stamp(self.path), stamp(self._wish)
