"""The SQLite file that jobs are kept in, and the folder of each with its document and its results."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serve.base.errors import NotFound
from serve.base.sqlite import connect

FILE, FOLDER, DOCUMENT = "jobs.sqlite", "jobs", "document"
ID_BYTES = 18  # of chance in a job's id, which is a third longer
NO_SUCH_JOB = "there is no such job: it has expired, was deleted, or is another key's"

SCHEMA = """
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
COLUMNS = "id, owner, name, request_id, options, model, status, error, pages, pages_done, seconds, created, expires"


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


class JobFile:
    """Jobs and pages. Safe for threads and processes; nothing is made before the first job comes.

    Args:
        state: folder of what outlives a request.
    """

    def __init__(self, state: Path) -> None:
        self._state = state

    def folder(self, identity: str) -> Path:
        """Where a job's files are."""
        return self._state / FOLDER / identity

    @property
    def _path(self) -> Path:
        return self._state / FILE

    def _remove(self, identity: str) -> None:
        with self._changing() as database:
            database.execute("DELETE FROM pages WHERE job = ?", (identity,))
            database.execute("DELETE FROM jobs WHERE id = ?", (identity,))
        shutil.rmtree(self.folder(identity), ignore_errors=True)

    def _get(self, database: sqlite3.Connection, identity: str) -> Job:
        row = database.execute(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (identity,)).fetchone()
        if row is None:
            raise NotFound(NO_SUCH_JOB)
        return job_of(row)

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
            raise NotFound(NO_SUCH_JOB)
        with closing(self._open()) as database:
            yield database

    def _open(self) -> sqlite3.Connection:
        database = connect(self._path, timeout=10.0, isolation_level=None)
        try:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'pages_to_read'").fetchone():
                database.executescript(SCHEMA)
        except sqlite3.Error:
            database.close()
            raise
        return database


def is_of_a_job(folder: Path) -> bool:
    """Whether a folder looks like a job's, by its name and what is in it: others may keep theirs in a folder `jobs`."""
    is_id = re.fullmatch(rf"[\w-]{{{ID_BYTES * 4 // 3}}}", folder.name, re.ASCII)
    return bool(is_id) and ((folder / DOCUMENT).is_file() or not any(folder.iterdir()))


def job_of(row: Sequence[Any]) -> Job:
    """The job of a row of `COLUMNS`."""
    identity, owner, name, request_id, options, model, *rest = row
    return Job(identity, owner, name, request_id, json.loads(options), json.loads(model), *rest)
