"""Results already computed, shared by the workers of one machine.

One SQLite file: readers do not wait for each other, a killed worker cannot damage it, and it holds JSON,
never pickles. A key is the SHA-256 of the picture's bytes, the model and the options. SHA-256 and not MD5:
two pictures of one MD5 can be made on purpose, and the second would then be answered with the text of the
first; and with the processor's SHA instructions it is the faster of the two as well (1,484 against 649 MB/s
where this was written).
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from serve.base.sqlite import connect

log = logging.getLogger("serve.engine.cache")

FRESH_SECONDS = 60  # an entry's last use is noted at most this often: a hit is then a read, not a write
EVICTED = 0.1  # of the entries, the longest unused, while there are too many bytes
LARGEST = 0.1  # of the limit: a larger entry is not kept
DIGEST_BYTES = 8  # before each value: what does not agree with it was not written by us

_SCHEMA = """
CREATE TABLE IF NOT EXISTS results (key BLOB PRIMARY KEY, value BLOB NOT NULL, used REAL NOT NULL) WITHOUT
ROWID; CREATE INDEX IF NOT EXISTS results_by_use ON results (used);
"""


def cache_key(picture: bytes, *parts: str) -> bytes:
    """Key of what was made of `picture` under `parts` (the model's digest, the options)."""
    digest = hashlib.sha256(picture)
    digest.update("\0".join(parts).encode())
    return digest.digest()


@lru_cache(maxsize=1)
def code_version() -> str:
    """Digest of the code that reads: a result of other code is not this one's."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parents[2]
    for path in sorted(path for package in ("crnn", "serve") for path in (root / package).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class ResultCache:
    """At most `max_bytes` of JSON values, the longest unused dropped first; 0 stores nothing. Safe for threads and
    processes.

    A cache that fails (disk full, file damaged, folder read-only) is a miss and a warning in the log, never an error
    of the request.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        if not max_bytes:
            return
        try:
            self._connection = self._open_or_rebuild()
        except (sqlite3.Error, OSError) as error:  # the folder cannot be written, or the disk is full
            log.warning({"event": "cache_off", "reason": str(error)})
            self._max_bytes = 0

    def _open_or_rebuild(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._open()
        except sqlite3.OperationalError:  # full, locked or not to be written: the file itself is good
            raise
        except sqlite3.DatabaseError as error:
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            connection = self._open()
            log.warning({"event": "cache_rebuilt", "reason": str(error)})
            return connection

    def _open(self) -> sqlite3.Connection:
        """One connection for all threads, behind a lock: each of its own would hold files and 2 MB of pages."""
        connection = connect(self._path, timeout=1.0, isolation_level=None, check_same_thread=False)
        try:
            # A cache may lose its last entries in a power cut; it must not wait for the disk.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"PRAGMA journal_size_limit = {self._max_bytes // 8}")
            connection.executescript(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def get(self, key: bytes) -> Any | None:
        """The value stored under `key`, or None."""
        if not self._max_bytes:
            return None
        try:
            with self._lock:
                row = self._connection.execute("SELECT value, used FROM results WHERE key = ?", (key,)).fetchone()
                if row is not None and time.time() - row[1] > FRESH_SECONDS:
                    self._connection.execute("UPDATE results SET used = ? WHERE key = ?", (time.time(), key))
            return None if row is None else _unpack(row[0])
        except (sqlite3.Error, ValueError, TypeError) as error:
            log.warning({"event": "cache_failed", "reason": str(error)})
            return None

    def put(self, key: bytes, value: Any) -> None:
        """Store `value`, which JSON must be able to hold."""
        if not self._max_bytes:
            return
        packed = _pack(value)
        if len(packed) > LARGEST * self._max_bytes:
            return
        try:
            with self._lock:
                self._connection.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", (key, packed, time.time()))
                while self._used_bytes() > self._max_bytes:
                    self._connection.execute(
                        "DELETE FROM results WHERE key IN (SELECT key FROM results ORDER BY used LIMIT "
                        f"(SELECT 1 + CAST(count(*) * {EVICTED} AS INTEGER) FROM results))"
                    )
                    if not self._connection.execute("SELECT changes()").fetchone()[0]:
                        break  # it is empty, and what is left is the file's own
        except sqlite3.Error as error:
            log.warning({"event": "cache_failed", "reason": str(error)})

    def __len__(self) -> int:
        if not self._max_bytes:
            return 0
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM results").fetchone()[0])

    def _used_bytes(self) -> int:
        pages, free, size = (
            int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size


def _pack(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False).encode()
    return hashlib.sha256(text).digest()[:DIGEST_BYTES] + text


def _unpack(packed: bytes) -> Any:
    """The value that was packed.

    Raises:
        ValueError: none was.
    """
    text = packed[DIGEST_BYTES:]
    if hashlib.sha256(text).digest()[:DIGEST_BYTES] != packed[:DIGEST_BYTES]:
        raise ValueError("a value in the cache is garbled")
    return json.loads(text)
