"""The model in service: loaded, self-tested, replaced while it serves.

A new file goes into service only after it has read a line; until then, and if it fails, the old model
serves on. A copy of the model in service is kept in the state folder, so that a worker that starts while
the configured file is bad still has something to serve.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from crnn.core.errors import UserError
from crnn.core.reading import RETRY_BELOW
from crnn.core.shipped import DEFAULT_FINDER
from serve.base.errors import NotReady
from serve.base.reload import WISH, Stamp, stamp
from serve.engine.loaded_model import LoadedModel, load, sha256_of

log = logging.getLogger("serve.engine.model_holder")

KEPT = "accepted.onnx"


class ModelHolder:
    """Holds the model in service and replaces it when its file, or one beside it, changes.

    Args:
        path: the configured file.
        state: folder for the copy of the model in service.
        max_batch, unsure: see `Recognizer`.
        language_model, finder: loaded beside every model; no language model where it is None.
        watch_seconds: how often to look at the files, and whether a reload was asked for; 0 for never.
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
        finder: Path = DEFAULT_FINDER,
        watch_seconds: float,
        on_reload: Callable[[str], None] = lambda outcome: None,
    ) -> None:
        self.path = path
        self._kept = state / KEPT
        self._load = partial(load, max_batch=max_batch, language_model=language_model, unsure=unsure, finder=finder)
        self._watched = [path, finder, *([language_model] if language_model else [])]
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
            if self._kept.is_file() and sha256_of(self._kept) == model.sha256:
                return
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.path, partial)
            if sha256_of(partial) == model.sha256:  # else the file has changed since, and is next to be looked at
                os.replace(partial, self._kept)
        except (UserError, OSError) as error:
            log.warning({"event": "model_not_kept", "reason": str(error)})
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)

    def _watch(self) -> None:
        before = self._seen
        while not self._closed.wait(self._watch_seconds):
            files, wish = now = self._stamps()
            # A file still being written changes between two looks: wait until it rests.
            rests = files == before[0]
            if wish != self._seen[1] or (rests and files != self._seen[0]):
                self._seen = now
                try:
                    self.reload()
                except Exception:  # whatever it was, the next file is to be noticed
                    log.exception("the model could not be loaded again")
            before = now

    def _stamps(self) -> tuple[list[Stamp], Stamp]:
        return [stamp(file) for file in self._watched], stamp(self._wish)
