"""Bulk reading on one machine, in a pool of processes."""

from __future__ import annotations

from collections.abc import Iterable

from crnn.bulk.reading import Count, ReadEntry, Report, file_size, read_entries
from crnn.bulk.sources import Entry
from crnn.bulk.table import Row, Table
from crnn.core.cpus import available_cpus
from crnn.parallel.pool import WorkerPool


def read_on_pool(entries: Iterable[Entry], read: ReadEntry, table: Table, jobs: int | None, report: Report) -> None:
    """Read documents into a table.

    Args:
        jobs: processes, one a core by default.

    Raises:
        UserError: workers cannot be started, or another run has taken the table.
        OSError: the table cannot be written.
    """
    jobs = jobs or available_cpus()
    waiting: list[Row] = []
    documents = done = 0

    def flush() -> None:
        if waiting:
            table.write(waiting)
            report(Count.of(waiting))
            waiting.clear()

    with WorkerPool(read, jobs) as pool:
        for rows in read_entries(pool, read, entries):
            waiting += rows
            documents += 1
            if documents >= file_size(done, jobs):
                flush()
                done, documents = done + documents, 0
        flush()
