"""The queue of pages to read, as workers see it.

A worker takes a page by a lease, which it renews while it reads; whoever dies lets it run out, and another takes the
page. What was read is stored in one transaction, and only if nothing is there: each page is once in the result.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
import zlib
from pathlib import Path

from crnn.documents.json import page_as_json
from crnn.documents.result import Page
from serve.engine.job_file import COLUMNS, FOLDER, Claim, JobFile, is_of_a_job, job_of

LEASE_SECONDS = 10.0  # after which a page is another's, if its worker has not renewed its lease
ATTEMPTS = 3  # at a page; then it is taken for one that ends whoever reads it
STRAY_SECONDS = 3600  # age of a folder without a job from which it is removed


class JobQueue(JobFile):
    """Pages to read, of which each is given to one worker at a time.

    Args:
        most_bytes: of all documents and results on disk.
    """

    def __init__(self, state: Path, most_bytes: int) -> None:
        super().__init__(state)
        self._most_bytes = most_bytes

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
                f"SELECT {COLUMNS} FROM jobs WHERE status IN ('waiting', 'running') ORDER BY taken, created"
            ).fetchall()
            for job in map(job_of, unfinished):
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
        """Remove what has expired, and folders of jobs that are no longer known."""
        if not self._path.exists():
            return
        with self._reading() as database:
            expired = database.execute("SELECT id FROM jobs WHERE expires < ?", (time.time(),)).fetchall()
            known = {identity for (identity,) in database.execute("SELECT id FROM jobs")}
        for (identity,) in expired:
            self._remove(identity)
        for folder in (self._state / FOLDER).glob("*"):
            is_old = time.time() - folder.stat().st_mtime > STRAY_SECONDS
            if folder.name not in known and is_old and folder.is_dir() and is_of_a_job(folder):
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


def _given_up(number: int) -> bytes:
    error = f"could not be read: it was begun {ATTEMPTS} times, and whoever read it did not come to the end"
    return json.dumps(page_as_json(Page(number, error=error))).encode()
