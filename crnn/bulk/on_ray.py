"""Bulk reading on Ray Data, on one machine or a cluster.

The driver finds the documents and gives them out in shards. An actor reads a shard and writes its file of the table by
itself, under a name that the shard's paths make: where Ray does a shard again, since an actor or a node has died, it
writes the same file again, and no row comes twice. What actors return is a count; texts do not pass the object store.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from crnn.bulk.places import import_pyarrow
from crnn.bulk.reading import Count, ReadEntry, Report, file_size, read_entries
from crnn.bulk.sources import Entry
from crnn.bulk.table import Table
from crnn.core.errors import UserError
from crnn.parallel.pool import WorkerPool

NEEDED = "the engine ray needs ray: pip install 'crnn-ocr[ray]'"
ADDRESS = "RAY_ADDRESS"
# Read when Ray is imported.
QUIET = {"RAY_DATA_DISABLE_PROGRESS_BARS": "1", "RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_USAGE_STATS_ENABLED": "0"}
# What is in Ray's hands at a time: shards for each actor, and documents, whose paths fill the object store. Each window
# starts its actors anew, which takes 3 s: shards grow, so that the first window of one actor is of 150,000 documents.
WINDOW_SHARDS, WINDOW_DOCUMENTS = 256, 4_000_000


def read_on_ray(entries: Iterable[Entry], read: ReadEntry, table: Table, jobs: int | None, report: Report) -> None:
    """Read documents into a table, on the cluster of RAY_ADDRESS or, without it, one on this machine.

    Args:
        jobs: actors, one a processor of the cluster by default.

    Raises:
        UserError: Ray is not installed, no cluster answers, or another run has taken the table.
    """
    ray = _import_ray()
    mine = not ray.is_initialized()
    if mine:
        _connect(ray, jobs)
    try:
        actors = jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
        for window in _windows(entries, actors):
            for count in _counts(ray, window, read, table, min(actors, len(window))):
                report(count)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        raise cause if isinstance(cause, UserError) else UserError(f"Ray: {_last_line(error)}") from None
    finally:
        if mine:
            ray.shutdown()


class ReadShard:
    """An actor: reads shards in a process of its own, which a document may kill without loss to the others."""

    def __init__(self, read: ReadEntry, table: Table) -> None:
        self._read = read
        self._table = table
        self._pool = WorkerPool(read, jobs=1, pinned=False)

    def __call__(self, shard: Any) -> Any:
        entries = [Entry(**fields) for fields in shard.to_pylist()]
        rows = [row for rows in read_entries(self._pool, self._read, entries) for row in rows]
        self._table.write(rows)
        count = Count.of(rows)
        return import_pyarrow().table({name: [value] for name, value in vars(count).items()})


def _counts(ray: Any, shards: list[Any], read: ReadEntry, table: Table, actors: int) -> Iterator[Count]:
    counts = ray.data.from_arrow(shards).map_batches(
        ReadShard,
        fn_constructor_args=(read, table),
        batch_size=None,  # a block, which is a shard, as it is
        batch_format="pyarrow",
        zero_copy_batch=True,
        # One may be left alone: after a node has died, the others make room for its actor when they have no work.
        compute=ray.data.ActorPoolStrategy(
            min_size=1, max_size=actors, initial_size=actors, max_tasks_in_flight_per_actor=2
        ),
        num_cpus=1,
    )
    for row in counts.iter_rows():
        yield Count(**row)


def _windows(entries: Iterable[Entry], actors: int) -> Iterator[list[Any]]:
    """Shards, each a pyarrow table of entries, by as many as Ray is given at a time."""
    pa = import_pyarrow()
    entries = iter(entries)
    window: list[Any] = []
    done = in_window = 0
    while shard := list(islice(entries, file_size(done, actors))):
        window.append(pa.Table.from_pylist([vars(entry) for entry in shard]))
        done, in_window = done + len(shard), in_window + len(shard)
        if len(window) >= WINDOW_SHARDS * actors or in_window >= WINDOW_DOCUMENTS:
            yield window
            window, in_window = [], 0
    if window:
        yield window


def _connect(ray: Any, jobs: int | None) -> None:
    local = {} if os.environ.get(ADDRESS) else {"num_cpus": jobs, "include_dashboard": False}
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", **local)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UserError(f"Ray: {_last_line(error)}") from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False


def _import_ray() -> Any:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError:
        raise UserError(NEEDED) from None
    return ray


def _last_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
