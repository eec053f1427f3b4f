"""How often a client may ask, counted over all workers. Knows nothing of HTTP.

The generic cell rate algorithm (ITU-T I.371, annex A): of each client one number is kept, the time at which
it would have used up what it asked for. It lies in a SQLite file, so that the workers count together.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

from serve.database import connect

FORGET_EVERY = 256  # requests between two clean-ups of clients that owe nothing


class RateLimit:
    """`per_minute` requests a client, `burst` of them at once. Safe for threads and processes."""

    def __init__(self, path: Path, per_minute: int, burst: int) -> None:
        self._path = path
        self._interval = 60 / per_minute
        self._tolerance = self._interval * (burst - 1)
        self._local = threading.local()
        self._asked = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection().execute(
            "CREATE TABLE IF NOT EXISTS clients (name TEXT PRIMARY KEY, paid_until REAL NOT NULL)"
        )

    def wait(self, client: str) -> float:
        """Seconds until `client` may ask again; 0 if it may now, and then this request is counted."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            now = time.time()
            row = connection.execute("SELECT paid_until FROM clients WHERE name = ?", (client,)).fetchone()
            paid_until = max(now, row[0]) if row else now
            excess = paid_until - now - self._tolerance
            if excess > 0:
                return float(excess)
            connection.execute("INSERT OR REPLACE INTO clients VALUES (?, ?)", (client, paid_until + self._interval))
            self._asked += 1
            if self._asked % FORGET_EVERY == 0:
                connection.execute("DELETE FROM clients WHERE paid_until < ?", (now,))
            return 0.0
        finally:
            connection.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            connection = self._local.connection = connect(self._path, timeout=5.0, isolation_level=None)
            connection.execute("PRAGMA synchronous = OFF")
        kept: sqlite3.Connection = self._local.connection
        return kept
