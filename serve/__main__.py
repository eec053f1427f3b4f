"""Starts the server: `python -m serve`. Settings are environment variables, see `serve.config`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from crnn.errors import UserError, exit_cleanly
from serve.config import ServeConfig

# What libraries read when they start, so it must be set before they do.
ENVIRONMENT = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # pages of 2 MB: HTTP and network drive each other from the TLB
    "MALLOC_ARENA_MAX": "2",  # glibc else keeps freed pictures in an arena for every thread
    "OMP_NUM_THREADS": "1",  # a worker has one core
    "OPENCV_LOG_LEVEL": "ERROR",  # damaged pictures are the client's business, not the log's
}


def main() -> None:
    """Check settings, model and folder, then become gunicorn."""
    os.environ.update({**ENVIRONMENT, **os.environ})
    # Now that it is set, the libraries may start.
    from crnn.recognizer import DEFAULT_MODEL
    from serve.model import load

    with exit_cleanly():
        config = ServeConfig.from_environment()
        model = Path(config.model) if config.model else DEFAULT_MODEL
        load(model, config.max_batch, config.language_model_file)
        _try_state(config)
    settings = Path(__file__).with_name("gunicorn_conf.py")
    arguments = [sys.executable, "-m", "gunicorn", "--config", str(settings)]
    os.execv(sys.executable, arguments)


def _try_state(config: ServeConfig) -> None:
    """Make the state folder; one that is there but cannot be written is a warning, since reading needs none.

    Raises:
        UserError: it cannot be made.
    """
    try:
        config.state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"OCR_STATE_DIR={config.state_dir!r} cannot be made: {error.strerror}") from None
    try:
        with tempfile.NamedTemporaryFile(dir=config.state):
            pass
    except OSError as error:
        print(
            f"warning: OCR_STATE_DIR={config.state_dir!r} cannot be written ({error.strerror}): nothing is cached, "
            "corrections are refused",
            file=sys.stderr,
            flush=True,
        )


if __name__ == "__main__":
    main()
