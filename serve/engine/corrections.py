"""Lines a person corrected, kept with their images until they are exported for training.

    python -m serve.engine.corrections artifacts/serve/corrections.sqlite artifacts/corrections

writes `labels.tsv` (file, text, category) and the images beside it, which the import of labeled folders
reads.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from crnn.core.errors import UserError, exit_cleanly
from serve.base.errors import NotReady, StorageFull
from serve.base.sqlite import connect

log = logging.getLogger("serve.engine.corrections")

CATEGORY = "correction"
FILE = "corrections.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS corrections (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    image BLOB NOT NULL,
    text TEXT NOT NULL,
    read_text TEXT NOT NULL,
    model TEXT NOT NULL,
    corrected_at REAL NOT NULL
)
"""
_ADD = """
INSERT INTO corrections (digest, image, text, read_text, model, corrected_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET text = excluded.text, corrected_at = excluded.corrected_at
RETURNING id
"""


@dataclass(frozen=True)
class Correction:
    """A line as it should be read.

    Attributes:
        image: the line, PNG.
        text: what it says.
        read_text: what the model had read.
        model: SHA-256 of that model.
    """

    image: bytes
    text: str
    read_text: str
    model: str


class CorrectionStore:
    """Corrections in one SQLite file: on disk before `add` returns, safe for threads and processes.

    The file is opened when it is needed: a damaged one, or a disk that cannot be written, keeps nobody from reading.
    """

    def __init__(self, path: Path, most: int, most_bytes: int = 1_000_000_000) -> None:
        self._path = path
        self._most = most
        self._most_bytes = most_bytes

    def add(self, correction: Correction) -> int:
        """Keep a correction; a later one of the same image replaces it. Returns its id.

        Raises:
            StorageFull: as many as allowed are kept already, or the disk is full.
            NotReady: the file is damaged, locked for long, or cannot be written.
        """
        try:
            return self._add(correction)
        except (sqlite3.Error, OSError) as error:
            log.error({"event": "correction_failed", "reason": str(error)})
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
                raise StorageFull("the disk is full: the correction was not kept") from None
            reason = "corrections cannot be kept at present: the server's log tells more"
            raise NotReady(reason, code="corrections_unavailable", retry_after=60) from None

    def _add(self, correction: Correction) -> int:
        digest = hashlib.sha256(correction.image).hexdigest()
        with closing(self._open()) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            (kept,) = connection.execute("SELECT count(*) FROM corrections").fetchone()
            if kept >= self._most:
                raise StorageFull(f"{kept} corrections are kept already: export and remove them")
            size = _used_bytes(connection) + len(correction.image)
            if size > self._most_bytes:
                raise StorageFull(f"the corrections would take {size} bytes: export and remove them")
            row = connection.execute(
                _ADD, (digest, correction.image, correction.text, correction.read_text, correction.model, time.time())
            ).fetchone()
            return int(row[0])

    def __len__(self) -> int:
        with closing(self._open()) as connection:
            return int(connection.execute("SELECT count(*) FROM corrections").fetchone()[0])

    def export(self, folder: Path) -> int:
        """Write `labels.tsv` and `images/` into `folder`; the number of lines written."""
        (folder / "images").mkdir(parents=True, exist_ok=True)
        rows = []
        with closing(self._open()) as connection:
            for number, image, text in connection.execute("SELECT id, image, text FROM corrections ORDER BY id"):
                file = f"images/{number:06d}.png"
                (folder / file).write_bytes(image)
                rows.append(f"{file}\t{text}\t{CATEGORY}\n")
        (folder / "labels.tsv").write_text("".join(rows), encoding="utf-8")
        return len(rows)

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = connect(self._path, timeout=10.0)
        try:
            connection.execute("PRAGMA synchronous = FULL")  # a person's work is to survive a power cut
            connection.execute(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * size)


def main() -> None:
    """Export the corrections of a store."""
    parser = argparse.ArgumentParser(description="Export corrected lines for training.")
    parser.add_argument("store", type=Path, help="corrections.sqlite in the server's state folder")
    parser.add_argument("folder", type=Path, help="where labels.tsv and images/ go")
    arguments = parser.parse_args()
    with exit_cleanly():
        if not arguments.store.is_file():
            raise UserError(f"no corrections at {arguments.store}: give the {FILE} of the server's state folder")
        try:
            count = CorrectionStore(arguments.store, most=0).export(arguments.folder)
        except (sqlite3.Error, OSError) as error:
            raise UserError(f"the corrections in {arguments.store} cannot be exported: {error}") from None
        print(f"{count} corrected lines in {arguments.folder / 'labels.tsv'}")


if __name__ == "__main__":
    main()
