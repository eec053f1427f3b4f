"""How often a client may ask, counted over all workers.

The generic cell rate algorithm (ITU-T I.371, annex A): of each client one number is kept, the time at which
it would have used up what it asked for. It lies in a SQLite file, so that the workers count together.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from pathlib import Path

from serve.base.sqlite import connect

log = logging.getLogger("serve.middleware.ratelimit")

FORGET_EVERY = 256  # requests between two clean-ups of clients that owe nothing
COMPLAIN_EVERY = 60.0  # seconds between two lines of the log about a file that cannot be used

_SCHEMA = "CREATE TABLE IF NOT EXISTS clients (name TEXT PRIMARY KEY, paid_until REAL NOT NULL)"


class RateLimit:
    """`per_minute` requests a client, `burst` of them at once. Safe for threads and processes.

    While the file cannot be used (damaged, disk full, not to be written), each process counts for itself.
    """

    def __init__(self, path: Path, per_minute: int, burst: int) -> None:
        self._path = path
        self._interval = 60 / per_minute
        self._tolerance = self._interval * (burst - 1)
        self._local = threading.local()
        self._asked = 0
        self._own = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._own.execute(_SCHEMA)
        self._own_lock = threading.Lock()
        self._next_complaint = 0.0

    def wait(self, client: str) -> float:
        """Seconds until `client` may ask again; 0 if it may now, and then this request is counted."""
        try:
            return self._wait(self._connection(), client)
        except (sqlite3.Error, OSError) as error:
            if time.monotonic() >= self._next_complaint:
                self._next_complaint = time.monotonic() + COMPLAIN_EVERY
                log.error({"event": "clients_counted_apart", "reason": str(error)})
            with self._own_lock:
                return self._wait(self._own, client)

    def _wait(self, connection: sqlite3.Connection, client: str) -> float:
        connection.execute("BEGIN IMMEDIATE")
        try:
            now = time.time()
            row = connection.execute("SELECT paid_until FROM clients WHERE name = ?", (client,)).fetchone()
            paid_until = max(now, row[0]) if row else now
            # Nobody who was let in has used up more than this; a later time is from before the clock was set back.
            paid_until = min(paid_until, now + self._tolerance + self._interval)
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
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = connect(self._path, timeout=5.0, isolation_level=None)
            try:
                connection.execute("PRAGMA synchronous = OFF")
                connection.execute(_SCHEMA)
            except sqlite3.Error:
                connection.close()
                raise
            self._local.connection = connection
        kept: sqlite3.Connection = self._local.connection
        return kept
