"""Opens a SQLite file that several workers share."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

PAUSE = 0.01  # seconds between two attempts


def connect(path: Path, timeout: float, **options: Any) -> sqlite3.Connection:
    """A connection with a write-ahead log, for readers beside a writer; it waits `timeout` seconds for locks.

    Workers that start together all try to switch a new file to the log. SQLite tells those that come second at once
    that it is locked, whatever the timeout; here they try again.

    Raises:
        sqlite3.Error: locked for longer, or no database that can be opened.
    """
    connection = sqlite3.connect(path, timeout=timeout, **options)
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return connection
        except sqlite3.Error as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() >= deadline:
                connection.close()
                raise
            time.sleep(PAUSE)
