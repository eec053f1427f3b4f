"""Reads the documents of a bulk run in worker processes, and keeps the account of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import cv2

from crnn.bulk.sources import Entry
from crnn.bulk.table import Row, rows_of
from crnn.core.errors import UserError
from crnn.documents.result import Result
from crnn.ocr import OCR
from crnn.parallel.pool import WorkerPool

SMALLEST, LARGEST = 8, 2048  # documents in one file of the table
SHARE = 32  # a file takes this part of what each worker did before it: files grow, and the last costs little


@dataclass(frozen=True)
class Count:
    """What became of documents."""

    documents: int = 0
    pages: int = 0
    failed: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.documents + other.documents, self.pages + other.pages, self.failed + other.failed)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Count:
        """The count of some rows."""
        rows = list(rows)
        failed = {row["path"] for row in rows if row["error"]}
        return cls(len({row["path"] for row in rows}), sum(row["page"] > 0 for row in rows), len(failed))


Report = Callable[[Count], None]  # called with what was written since the last call


@dataclass(frozen=True)
class ReadEntry:
    """What a worker does with a document: gives its rows."""

    ocr: OCR = field(repr=False)
    model: str

    def __call__(self, entry: Entry) -> list[Row]:
        cv2.setNumThreads(1)  # a worker has one core
        try:
            data = entry.read()
        except UserError as error:
            return self.failure(entry, str(error))
        (result,) = self.ocr.read_many([data], names=lambda *_: entry.path)
        return rows_of(result, self.model)

    def failure(self, entry: Entry, error: str) -> list[Row]:
        """The row of a document that cannot be read."""
        return rows_of(Result(entry.path, error=error), self.model)


def read_entries(pool: WorkerPool, read: ReadEntry, entries: Iterable[Entry]) -> Iterator[list[Row]]:
    """The rows of each document, as they are done.

    Args:
        pool: of `read`.
    """
    under_way: dict[int, Entry] = {}

    def sent() -> Iterator[Entry]:
        for index, entry in enumerate(entries):
            under_way[index] = entry
            yield entry

    for outcome in pool.map(sent(), ordered=False):
        entry = under_way.pop(outcome.index)
        yield read.failure(entry, outcome.error) if outcome.error else outcome.value


def file_size(done: int, workers: int) -> int:
    """How many documents the next file is of, after `done` that are in files."""
    return min(max(SMALLEST, done // (SHARE * workers)), LARGEST)
