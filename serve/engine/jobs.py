"""Documents that are read as jobs, as their clients see them: sent, followed, fetched, deleted."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from serve.base.errors import NotFound, NotReady, RequestError, StorageFull, TooBusy, TooLarge
from serve.engine.job_file import DOCUMENT, ID_BYTES, NO_SUCH_JOB, Job
from serve.engine.job_queue import JobQueue

log = logging.getLogger("serve.engine.jobs")

PAGES_AT_ONCE = 20  # that are told of a job at a time
SHELL_BYTES = 400  # about what a page takes in the file, besides what was read


class JobStore(JobQueue):
    """The queue and its files. Safe for threads and processes; nothing is made before the first job comes.

    Args:
        state: folder of what outlives a request.
        most: jobs that may wait or be read.
        most_bytes: on disk.
        hours: after which a job is deleted.
    """

    def __init__(self, state: Path, most: int, most_bytes: int, hours: float) -> None:
        super().__init__(state, most_bytes)
        self._most, self._hours = most, hours

    def add(
        self,
        document: bytes,
        numbers: Sequence[int],
        *,
        owner: str,
        name: str,
        request_id: str,
        options: dict[str, Any],
        model: dict[str, str],
    ) -> Job:
        """Keep a document of which the pages of these numbers are to be read; on disk before this returns.

        Raises:
            TooBusy: as many jobs as may be are waiting.
            TooLarge: it would never fit on the disk.
            StorageFull: it does not at present.
            NotReady: the state folder cannot be written.
        """
        size = len(document) + SHELL_BYTES * len(numbers)
        if size > self._most_bytes:
            raise TooLarge(f"the document takes {size} bytes, jobs may take {self._most_bytes}", code="too_many_bytes")
        now = time.time()
        identity = secrets.token_urlsafe(ID_BYTES)
        written = (identity, owner, name, request_id, json.dumps(options), json.dumps(model))
        folder = self.folder(identity)
        try:
            with self._changing() as database:
                self._check_room(database, size)
            folder.mkdir(parents=True)
            with (folder / DOCUMENT).open("wb") as file:
                file.write(document)
                file.flush()
                os.fsync(file.fileno())
            with self._changing() as database:  # that it is checked again: others have not waited for the disk
                self._check_room(database, size)
                database.execute(
                    "INSERT INTO jobs (id, owner, name, request_id, options, model, status, pages, bytes, created, "
                    "expires) VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?, ?)",
                    (*written, len(numbers), size, now, now + self._hours * 3600),
                )
                rows = ((identity, number) for number in numbers)
                database.executemany("INSERT INTO pages (job, number) VALUES (?, ?)", rows)
                return self._get(database, identity)
        except (RequestError, sqlite3.Error, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise error if isinstance(error, RequestError) else _unavailable(error) from None

    def get(self, identity: str, owner: str) -> Job:
        """A job of `owner`.

        Raises:
            NotFound: he has none of this id.
            NotReady: the file cannot be read at present.
        """
        try:
            with self._reading() as database:
                job = self._get(database, identity)
        except (sqlite3.Error, OSError) as error:
            raise _unavailable(error) from None
        if job.owner != owner or job.expires < time.time():
            raise NotFound(NO_SUCH_JOB)
        return job

    def rows(self, job: Job, after: int = 0) -> Iterator[bytes]:
        """JSON of its pages from behind page `after` on, in order, up to the first that is still to be read."""
        return (row for _, row in self.numbered_rows(job, after))

    def numbered_rows(self, job: Job, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """The same, each with the number of its page."""
        with self._reading() as database:
            pages = database.execute(
                "SELECT number, result FROM pages WHERE job = ? AND number > ? ORDER BY number", (job.id, after)
            )
            for number, result in pages:
                if result is None:
                    return
                yield number, zlib.decompress(result)

    def check_page(self, job: Job, number: int) -> None:
        """Refuse a page that is not among those to read.

        Raises:
            NotFound: it is not.
            NotReady: the file cannot be read at present.
        """
        try:
            with self._reading() as database:
                found = database.execute("SELECT 1 FROM pages WHERE job = ? AND number = ?", (job.id, number))
                if found.fetchone() is None:
                    raise NotFound(f"the job has no page {number}")
        except (sqlite3.Error, OSError) as error:
            raise _unavailable(error) from None

    def remove(self, job: Job) -> None:
        """Forget a job, its document and its result; a page that is being read is dropped.

        Raises:
            NotReady: the file cannot be written at present.
        """
        try:
            self._remove(job.id)
        except (sqlite3.Error, OSError) as error:
            raise _unavailable(error) from None

    def add_bytes(self, job: Job, size: int) -> None:
        """Count a file that was written into the job's folder.

        Raises:
            StorageFull: it is too much; the file is to be removed.
        """
        with self._changing() as database:
            self._check_disk(database, size)
            database.execute("UPDATE jobs SET bytes = bytes + ? WHERE id = ?", (size, job.id))

    def _check_room(self, database: sqlite3.Connection, size: int) -> None:
        (unfinished,) = database.execute("SELECT count(*) FROM jobs WHERE status IN ('waiting', 'running')").fetchone()
        if unfinished >= self._most:
            raise TooBusy(f"{unfinished} documents are waiting to be read", code="jobs_full", retry_after=30)
        self._check_disk(database, size)

    def _check_disk(self, database: sqlite3.Connection, size: int) -> None:
        (used,) = database.execute("SELECT coalesce(sum(bytes), 0) FROM jobs").fetchone()
        if used + size > self._most_bytes:
            raise StorageFull("there is no room for another document: delete jobs, or wait until they expire")


def _unavailable(error: Exception) -> RequestError:
    log.error({"event": "jobs_failed", "reason": str(error)})
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL or getattr(error, "errno", 0) == 28:
        return StorageFull("the disk is full: the document was not kept")
    reason = "jobs need a state folder that can be written (OCR_STATE_DIR); short documents are read without"
    return NotReady(reason, code="jobs_unavailable", retry_after=60)
