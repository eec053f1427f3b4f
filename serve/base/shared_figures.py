"""The folder in which the workers share their figures (prometheus_client's multiprocess mode).

Each worker maps files of it into its memory. A mapped file for which the disk has no room kills its process. So the
files are in shared memory and their size is reserved before they are used; where that fails, a worker counts alone.

gunicorn's own process uses this, so prometheus_client is not imported here: it looks at the environment only then.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from pathlib import Path

log = logging.getLogger("serve.base.metrics")

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client looks for the folder
SHARED_MEMORY = "/dev/shm"
KINDS = ("counter", "gauge_livesum", "histogram")  # a file each; prometheus_client's names
BYTES = 262_144  # of a file: four times what all routes, statuses and stages together take
DEAD_KEPT = 16  # ended workers whose counts stay; should workers die again and again, the oldest counts go


def shared_memory() -> str | None:
    """A folder that is in memory; None if there is none that we may write to."""
    return SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK | os.X_OK) else None


def make_folder() -> None:
    """Make a new folder, which is ours alone, and tell the workers."""
    os.environ.pop(VARIABLE, None)
    for place in (shared_memory(), None):  # the last: the system's folder for temporary files
        try:
            os.environ[VARIABLE] = tempfile.mkdtemp(prefix="crnn-ocr-figures-", dir=place)
        except OSError as error:
            log.warning({"event": "figures_not_shared", "reason": str(error)})
        else:
            return


def remove_folder() -> None:
    """Remove what `make_folder` made."""
    if folder := os.environ.pop(VARIABLE, None):
        shutil.rmtree(folder, ignore_errors=True)


def reserve() -> None:
    """Reserve this worker's files. If there is no room for them, it counts for itself."""
    if not (folder := os.environ.get(VARIABLE)):
        return
    files = [Path(folder, f"{kind}_{os.getpid()}.db") for kind in KINDS]
    try:
        for file in files:
            with file.open("wb") as new:
                os.posix_fallocate(new.fileno(), 0, BYTES)
    except OSError as error:
        log.warning({"event": "figures_not_shared", "reason": str(error)})
        del os.environ[VARIABLE]
        for file in files:
            file.unlink(missing_ok=True)


def forget(pid: int) -> None:
    """Take an ended worker's gauges out of the figures, and the counts of those that ended long ago."""
    if not (folder := os.environ.get(VARIABLE)):
        return
    Path(folder, f"gauge_livesum_{pid}.db").unlink(missing_ok=True)
    counters = Path(folder).glob("counter_*.db")
    ended = [file for file in counters if not Path("/proc", file.stem.removeprefix("counter_")).exists()]
    for file in sorted(ended, key=lambda file: file.stat().st_mtime)[:-DEAD_KEPT]:
        file.unlink(missing_ok=True)
        file.with_name(file.name.replace("counter", "histogram")).unlink(missing_ok=True)
