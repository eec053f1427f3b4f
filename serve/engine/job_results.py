"""Files with what jobs have read, in any format, written when they are asked for first."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crnn.documents.result import Result
from serve.base.errors import Conflict, TooBusy
from serve.engine.drawing import Drawer
from serve.engine.edits import Edits
from serve.engine.job_file import DOCUMENT, Job
from serve.engine.jobs import JobStore
from serve.engine.patience import Patience

WRITERS = 4  # requests that wait for results being written, in a worker
ROWS = "pages.jsonl"


class JobResults:
    """Writes the results of the jobs in a store, by the process of a drawer."""

    def __init__(self, jobs: JobStore, drawer: Drawer) -> None:
        self._jobs, self._drawer = jobs, drawer
        self._writers = threading.BoundedSemaphore(WRITERS)

    def file(self, job: Job, form: str, chars: bool, edits: Edits, patience: Patience) -> Path:
        """The file with a job's result, which is written when it is asked for first.

        Of results with changes one is kept for each format.

        Raises:
            Conflict: it is not done, or reads otherwise than what was changed.
            RequestError: it cannot be written.
        """
        if job.status != "done":
            reason = f"it has failed, {job.error}" if job.error else f"{job.pages_done} of {job.pages} pages are read"
            raise Conflict(f"the job has no result: {reason}")
        kind = f"{'' if chars else '-short'}{'-edited-' if edits else ''}"
        path = self._jobs.folder(job.id) / f"result{kind}{edits.digest if edits else ''}.{form}"
        if path.exists():
            return path
        with self._writing(), self._drawer.opened(self._jobs.folder(job.id) / DOCUMENT, patience) as drawing:
            if path.exists():  # somebody else has just had it written
                return path
            own = f"{os.getpid()}-{threading.get_native_id()}"
            rows, unfinished = (path.with_name(f"{name}.{own}.part") for name in (ROWS, path.name))
            try:
                with rows.open("wb") as file:
                    for number, row in self._jobs.numbered_rows(job):
                        file.write(edits.row(number, row) + b"\n")
                shell = Result(job.name, join=bool(job.options["paragraphs"]), seconds=job.seconds)
                size, _ = drawing.write(
                    shell, form, rows, patience, extra={"model": job.model}, chars=chars, path=unfinished
                )
                if edits:
                    size -= _forget_others(path.parent.glob(f"result{kind}*.{form}"))
                self._jobs.add_bytes(job, size)
                unfinished.replace(path)  # what has the name is whole
            finally:
                rows.unlink(missing_ok=True)
                unfinished.unlink(missing_ok=True)
        return path

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if not self._writers.acquire(blocking=False):
            raise TooBusy("results of other documents are being written", code="queue_full")
        try:
            yield
        finally:
            self._writers.release()


def _forget_others(paths: Iterable[Path]) -> int:
    """Remove files, and tell how many bytes they had; somebody may be doing the same."""
    size = 0
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            own = path.stat().st_size
            path.unlink()
            size += own
    return size
