"""Starts the server: `python -m serve`. Settings are environment variables, see `serve.base.config`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from crnn.core.errors import UserError, exit_cleanly
from serve.base.config import ServeConfig

# What libraries read when they start, so it must be set before they do.
ENVIRONMENT = {
    # Pages of 2 MB, since HTTP and network else drive each other from the TLB. A threshold of 32 MB that stays, for one
    # that follows the largest picture keeps more of what is freed: a third more memory after a few thousand requests.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432",
    "MALLOC_ARENA_MAX": "2",  # glibc else keeps freed pictures in an arena for every thread
    "OMP_NUM_THREADS": "1",  # a worker has one core
    "OPENCV_LOG_LEVEL": "ERROR",  # damaged pictures are the client's business, not the log's
}


def main() -> None:
    """Check settings, model and folder, then become gunicorn."""
    os.environ.update({**ENVIRONMENT, **os.environ})
    # Now that it is set, the libraries may start.
    from serve.engine.loaded_model import load

    with exit_cleanly():
        config = ServeConfig.from_environment()
        load(config.model_file, config.max_batch, config.language_model_file, finder=config.finder_file)
        _make_state_folder(config)
    settings = Path(__file__).parent / "process" / "gunicorn_conf.py"
    arguments = [sys.executable, "-m", "gunicorn", "--config", str(settings)]
    os.execv(sys.executable, arguments)


def _make_state_folder(config: ServeConfig) -> None:
    """Make the folder of what outlives a request; a passing one where the usual one cannot be made.

    One that is there but cannot be written is a warning, since reading needs none.

    Raises:
        UserError: the folder that OCR_STATE_DIR names cannot be made.
    """
    try:
        config.state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{config.state_dir!r} cannot be made: {error.strerror}"
        if os.environ.get("OCR_STATE_DIR"):
            raise UserError(f"OCR_STATE_DIR={reason}") from None
        os.environ["OCR_STATE_DIR"] = folder = tempfile.mkdtemp(prefix="crnn-ocr-")
        _warn(f"{reason}; corrections go to {folder} until OCR_STATE_DIR names a folder")
        return
    try:
        with tempfile.NamedTemporaryFile(dir=config.state):
            pass
    except OSError as error:
        _warn(
            f"OCR_STATE_DIR={config.state_dir!r} cannot be written ({error.strerror}): nothing is cached, "
            "corrections are refused"
        )


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
