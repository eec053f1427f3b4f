"""Documents that are read as jobs: a queue of pages in one SQLite file, shared by the workers.

A worker takes a page by a lease, which it renews while it reads; whoever dies lets it run out, and another takes the
page. What was read is stored in one transaction, and only if nothing is there: each page is once in the result. The
documents themselves, and results as files, lie in a folder for each job.
"""

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
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crnn.documents.json import page_as_json
from crnn.documents.result import Page
from serve.base.errors import NotFound, NotReady, RequestError, StorageFull, TooBusy, TooLarge
from serve.base.sqlite import connect

log = logging.getLogger("serve.engine.jobs")

FILE, FOLDER, DOCUMENT = "jobs.sqlite", "jobs", "document"
LEASE_SECONDS = 10.0  # after which a page is another's, if its worker has not renewed its lease
ATTEMPTS = 3  # at a page; then it is taken for one that ends whoever reads it
PAGES_AT_ONCE = 20  # that are told of a job at a time
STRAY_SECONDS = 3600  # age of a folder without a job from which it is removed
SHELL_BYTES = 400  # about what a page takes in the file, besides what was read

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, request_id TEXT NOT NULL, options TEXT NOT NULL,
    model TEXT NOT NULL, status TEXT NOT NULL, error TEXT NOT NULL DEFAULT '', pages INTEGER NOT NULL,
    pages_done INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0, bytes INTEGER NOT NULL,
    created REAL NOT NULL, expires REAL NOT NULL, taken REAL NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS pages (
    job TEXT NOT NULL, number INTEGER NOT NULL, lease REAL NOT NULL DEFAULT 0, holder TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0, result BLOB, PRIMARY KEY (job, number)
);
CREATE INDEX IF NOT EXISTS pages_to_read ON pages (job, number) WHERE result IS NULL;
"""
_COLUMNS = "id, owner, name, request_id, options, model, status, error, pages, pages_done, seconds, created, expires"


@dataclass(frozen=True)
class Job:
    """A document that is read as a job.

    Attributes:
        id: not to be guessed.
        owner: whose it is; "" where there are no keys.
        name: of the document.
        request_id: of the request that brought it.
        options: what was asked for, JSON values.
        model: the one in service when it came.
        status: waiting, running, done or failed.
        error: why it failed.
        pages, pages_done: how many are to be read, and were.
        seconds: that reading took, over all workers.
        created, expires: seconds since the epoch.
    """

    id: str
    owner: str
    name: str
    request_id: str
    options: dict[str, Any]
    model: dict[str, str]
    status: str
    error: str
    pages: int
    pages_done: int
    seconds: float
    created: float
    expires: float

    def as_json(self) -> dict[str, Any]:
        """What its owner is told."""
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "pages": self.pages,
            "pages_done": self.pages_done,
            "created": round(self.created, 3),
            "expires": round(self.expires, 3),
            **({"error": self.error} if self.error else {}),
        }


@dataclass(frozen=True)
class Claim:
    """A page that is ours to read until the lease runs out."""

    job: Job
    number: int
    holder: str


class JobStore:
    """The queue and its files. Safe for threads and processes; nothing is made before the first job comes.

    Args:
        state: folder of what outlives a request.
        most: jobs that may wait or be read.
        most_bytes: on disk.
        hours: after which a job is deleted.
    """

    def __init__(self, state: Path, most: int, most_bytes: int, hours: float) -> None:
        self._state = state
        self._most, self._most_bytes, self._hours = most, most_bytes, hours

    # ---- for clients -----------------------------------------------------------------------------------------

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
        identity = secrets.token_urlsafe(18)
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
            raise NotFound("there is no such job: it has expired, was deleted, or is another key's")
        return job

    def rows(self, job: Job, after: int = 0) -> Iterator[bytes]:
        """JSON of its pages from behind page `after` on, in order, up to the first that is still to be read."""
        with self._reading() as database:
            pages = database.execute(
                "SELECT result FROM pages WHERE job = ? AND number > ? ORDER BY number", (job.id, after)
            )
            for (result,) in pages:
                if result is None:
                    return
                yield zlib.decompress(result)

    def remove(self, job: Job) -> None:
        """Forget a job, its document and its result; a page that is being read is dropped.

        Raises:
            NotReady: the file cannot be written at present.
        """
        try:
            self._remove(job.id)
        except (sqlite3.Error, OSError) as error:
            raise _unavailable(error) from None

    def folder(self, identity: str) -> Path:
        """Where a job's files are."""
        return self._state / FOLDER / identity

    def add_bytes(self, job: Job, size: int) -> None:
        """Count a file that was written into the job's folder.

        Raises:
            StorageFull: it is too much; the file is to be removed.
        """
        with self._changing() as database:
            self._check_disk(database, size)
            database.execute("UPDATE jobs SET bytes = bytes + ? WHERE id = ?", (size, job.id))

    # ---- for the workers -------------------------------------------------------------------------------------

    def claim(self, holder: str) -> Claim | None:
        """The next page to read, of the job whose last page was taken longest ago; None if there is none."""
        if not self._path.exists():
            return None
        with self._reading() as database:
            if not database.execute("SELECT 1 FROM jobs WHERE status IN ('waiting', 'running') LIMIT 1").fetchone():
                return None
        with self._changing() as database:
            now = time.time()
            unfinished = database.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE status IN ('waiting', 'running') ORDER BY taken, created"
            ).fetchall()
            for job in map(_job, unfinished):
                while page := database.execute(
                    "SELECT number, attempts FROM pages WHERE job = ? AND result IS NULL AND lease < ? "
                    "ORDER BY number LIMIT 1",
                    (job.id, now),
                ).fetchone():
                    number, attempts = page
                    begun = database.execute(
                        "UPDATE jobs SET status = 'running', taken = ? WHERE id = ? "
                        "AND status IN ('waiting', 'running')",
                        (now, job.id),
                    )
                    if not begun.rowcount:  # it has just failed for want of room
                        break
                    if attempts >= ATTEMPTS:
                        self._store(database, job.id, number, _given_up(number), 0.0)
                        continue
                    database.execute(
                        "UPDATE pages SET lease = ?, holder = ?, attempts = attempts + 1 WHERE job = ? AND number = ?",
                        (now + LEASE_SECONDS, holder, job.id, number),
                    )
                    return Claim(job, number, holder)
        return None

    def renew(self, claim: Claim) -> bool:
        """Keep the page; False if it is no longer ours, or wanted by nobody."""
        with self._changing() as database:
            found = database.execute(
                "UPDATE pages SET lease = ? WHERE job = ? AND number = ? AND holder = ? AND result IS NULL",
                (time.time() + LEASE_SECONDS, claim.job.id, claim.number, claim.holder),
            )
            return found.rowcount == 1

    def release(self, claim: Claim) -> None:
        """Give back a page that could not be read for reasons that are none of its own."""
        with self._changing() as database:
            database.execute(
                "UPDATE pages SET lease = 0, holder = '', attempts = attempts - 1 "
                "WHERE job = ? AND number = ? AND holder = ? AND result IS NULL",
                (claim.job.id, claim.number, claim.holder),
            )

    def store(self, claim: Claim, page: bytes, seconds: float) -> bool:
        """Keep the JSON of a page that was read; False if it was stored already, or is wanted by nobody."""
        with self._changing() as database:
            return self._store(database, claim.job.id, claim.number, page, seconds)

    def fail(self, claim: Claim, error: str) -> None:
        """End a job that cannot be read."""
        with self._changing() as database:
            database.execute(
                "UPDATE jobs SET status = 'failed', error = ? WHERE id = ? AND status != 'done'", (error, claim.job.id)
            )

    def sweep(self) -> None:
        """Remove what has expired, and folders that belong to no job."""
        if not self._path.exists():
            return
        with self._reading() as database:
            expired = database.execute("SELECT id FROM jobs WHERE expires < ?", (time.time(),)).fetchall()
            known = {identity for (identity,) in database.execute("SELECT id FROM jobs")}
        for (identity,) in expired:
            self._remove(identity)
        for folder in (self._state / FOLDER).glob("*"):
            if folder.name not in known and time.time() - folder.stat().st_mtime > STRAY_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    def waiting_pages(self) -> int:
        """Pages of all jobs that are still to be read; 0 where that cannot be told."""
        if not self._path.exists():
            return 0
        try:
            with self._reading() as database:
                (pages,) = database.execute(
                    "SELECT coalesce(sum(pages - pages_done), 0) FROM jobs WHERE status IN ('waiting', 'running')"
                ).fetchone()
                return int(pages)
        except (sqlite3.Error, OSError):
            return 0

    # ---- the file --------------------------------------------------------------------------------------------

    @property
    def _path(self) -> Path:
        return self._state / FILE

    def _store(self, database: sqlite3.Connection, job: str, number: int, page: bytes, seconds: float) -> bool:
        result = zlib.compress(page, 1)
        stored = database.execute(
            "UPDATE pages SET result = ?, lease = 0 WHERE job = ? AND number = ? AND result IS NULL "
            "AND EXISTS (SELECT 1 FROM jobs WHERE id = job AND status = 'running')",
            (result, job, number),
        )
        if not stored.rowcount:
            return False
        database.execute(
            "UPDATE jobs SET pages_done = pages_done + 1, bytes = bytes + ?, seconds = seconds + ?, "
            "status = CASE pages_done + 1 WHEN pages THEN 'done' ELSE status END WHERE id = ?",
            (len(result), seconds, job),
        )
        (used,) = database.execute("SELECT sum(bytes) FROM jobs").fetchone()
        if used > self._most_bytes:
            error = "there is no room for what was read: the server's disk is full"
            database.execute("UPDATE jobs SET status = 'failed', error = ? WHERE id = ?", (error, job))
        return True

    def _check_room(self, database: sqlite3.Connection, size: int) -> None:
        (unfinished,) = database.execute("SELECT count(*) FROM jobs WHERE status IN ('waiting', 'running')").fetchone()
        if unfinished >= self._most:
            raise TooBusy(f"{unfinished} documents are waiting to be read", code="jobs_full", retry_after=30)
        self._check_disk(database, size)

    def _check_disk(self, database: sqlite3.Connection, size: int) -> None:
        (used,) = database.execute("SELECT coalesce(sum(bytes), 0) FROM jobs").fetchone()
        if used + size > self._most_bytes:
            raise StorageFull("there is no room for another document: delete jobs, or wait until they expire")

    def _remove(self, identity: str) -> None:
        with self._changing() as database:
            database.execute("DELETE FROM pages WHERE job = ?", (identity,))
            database.execute("DELETE FROM jobs WHERE id = ?", (identity,))
        shutil.rmtree(self.folder(identity), ignore_errors=True)

    def _get(self, database: sqlite3.Connection, identity: str) -> Job:
        row = database.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (identity,)).fetchone()
        if row is None:
            raise NotFound("there is no such job: it has expired, was deleted, or is another key's")
        return _job(row)

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on disk when it ends."""
        self._state.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if not self._path.exists():
            raise NotFound("there is no such job: it has expired, was deleted, or is another key's")
        with closing(self._open()) as database:
            yield database

    def _open(self) -> sqlite3.Connection:
        database = connect(self._path, timeout=10.0, isolation_level=None)
        try:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'pages_to_read'").fetchone():
                database.executescript(_SCHEMA)
        except sqlite3.Error:
            database.close()
            raise
        return database


def _job(row: Sequence[Any]) -> Job:
    identity, owner, name, request_id, options, model, *rest = row
    return Job(identity, owner, name, request_id, json.loads(options), json.loads(model), *rest)


def _given_up(number: int) -> bytes:
    error = f"could not be read: it was begun {ATTEMPTS} times, and whoever read it did not come to the end"
    return json.dumps(page_as_json(Page(number, error=error))).encode()


def _unavailable(error: Exception) -> RequestError:
    log.error({"event": "jobs_failed", "reason": str(error)})
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL or getattr(error, "errno", 0) == 28:
        return StorageFull("the disk is full: the document was not kept")
    reason = "jobs need a state folder that can be written (OCR_STATE_DIR); short documents are read without"
    return NotReady(reason, code="jobs_unavailable", retry_after=60)
