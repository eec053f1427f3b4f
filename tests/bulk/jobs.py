"""What the workers of tests do."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from crnn.bulk.sources import Entry
from crnn.bulk.table import Row, rows_of
from crnn.core.errors import UserError
from crnn.documents.result import Page, Result


def double(item: Any) -> Any:
    """Twice the item; what is told to fail, fails."""
    if not isinstance(item, str):
        return item + item
    if item == "user error":
        raise UserError("give something else")
    if item == "error":
        raise ValueError("odd")
    if item == "print":
        print("noise")  # must not reach the pool's pipe
        sys.stdout.flush()
    return item + item


def die_once(marker: str) -> int:
    """Kills its process the first time; then its number."""
    if marker and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def die(item: int) -> int:
    """Kills its process where the item is 3."""
    if item == 3:
        os._exit(7)
    return item


def cores(_: int) -> tuple[int, list[int]]:
    """Number of this process, and the processors it may use."""
    time.sleep(0.05)
    return os.getpid(), sorted(os.sched_getaffinity(0))


class CannotLoad:
    """Fails when a worker unpickles it."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return int, ("no number",)

    def __call__(self, item: Any) -> Any:
        return item


class RowsOrDeath:
    """In the place of `ReadEntry`: a document named deadly kills the process."""

    def __call__(self, entry: Entry) -> list[Row]:
        if entry.path == "deadly":
            os._exit(7)
        return rows_of(Result(entry.path, (Page(1),)), "m")

    def failure(self, entry: Entry, error: str) -> list[Row]:
        return rows_of(Result(entry.path, error=error), "m")
