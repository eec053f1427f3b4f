"""The wish to have the model loaded again: a file in the state folder that is touched.

One sign reaches every worker, also one that is only just starting; a signal would kill that one. Imports nothing heavy,
since gunicorn's own process uses it, and ONNX Runtime must not be imported before a fork: the child then hangs or
aborts when it ends.
"""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger("serve.engine.model_holder")

WISH = "reload"

Stamp = tuple[int, int, int] | None


def ask_reload(state: Path) -> None:
    """Have the workers that share the folder `state` load their model again soon; if it cannot be written, say so."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        (state / WISH).touch()
    except OSError as error:
        reason = f"the state folder cannot be written ({error}); a model file that changes is noticed without it"
        log.error({"event": "reload_failed", "reason": reason})


def stamp(path: Path) -> Stamp:
    """What changes when a file is written, touched or replaced; None while there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
