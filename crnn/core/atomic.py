"""Writes files that are whole or not there, and makes what was written outlive a loss of power."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write in place of `path`, whose name it takes at the end of the block: whole, and on the disk.

    If the block raises, what stood at `path` stays and the unfinished file is removed.

    >>> with replacing(Path("artifacts/report.json")) as file:          # doctest: +SKIP
    ...     file.write_text("{}")
    """
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield unfinished
        put(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def put(finished: Path, path: Path) -> None:
    """Give a finished file of the same disk the name `path`, in one step and for good."""
    sync(finished)
    os.replace(finished, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk.

    A file is synced before it is renamed, or the new name may stand for nothing; its folder after, or the name is lost.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
