"""Workers that start together share a new file."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from serve.base.sqlite import connect


def test_who_comes_second_waits_for_the_switch_to_the_log(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    first = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    first.execute("CREATE TABLE t (x)")
    first.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        connect(path, timeout=0.05)
    threading.Timer(0.2, lambda: first.execute("COMMIT")).start()
    began = time.monotonic()
    with connect(path, timeout=5.0) as second:
        assert time.monotonic() - began > 0.1
        assert second.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    second.close()
    first.close()
