"""`crnn bulk`: reads millions of documents into a table of Parquet, on one machine or a cluster."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from crnn.bulk.on_pool import read_on_pool
from crnn.bulk.on_ray import ADDRESS, read_on_ray
from crnn.bulk.places import absolute, import_pyarrow, reason
from crnn.bulk.reading import Count, ReadEntry
from crnn.bulk.sources import each_entry
from crnn.bulk.table import Table, model_digest
from crnn.commands.progress import ProgressBar
from crnn.commands.read import FAILED, add_ocr_arguments, ocr_of
from crnn.core.errors import UserError, exit_cleanly

ENGINES = {"pool": read_on_pool, "ray": read_on_ray}
EXAMPLES = """examples:
  crnn bulk scans/ texts/                             a folder, on all cores of this machine
  crnn bulk scans/ texts/ --resume                    go on where it stopped
  crnn bulk 's3://bucket/scans/**.png' s3://bucket/texts
  crnn bulk paths.txt texts/                          a list of paths, one a row
  crnn bulk 'pictures/*.parquet' texts/               tables with pictures (column bytes) or paths (column path)
  RAY_ADDRESS=auto crnn bulk /shared/scans /shared/texts
                                                      on the Ray cluster of this machine
"""


def add_bulk_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to those of a parser."""
    parser = commands.add_parser(
        "bulk",
        help="read millions of documents into a table of Parquet",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("source", metavar="SOURCE", help="folder, glob, list (.txt) or tables (.parquet) of documents; a path or URI")
    add("dest", metavar="DEST", help="folder of the table; a path or URI")
    add("--engine", choices=["auto", *ENGINES], default="auto", help="auto: ray if RAY_ADDRESS is set, else pool")
    add("-j", "--jobs", type=int, metavar="N", help="processes or actors (one a core)")
    add("--resume", action="store_true", help="go on with the table that DEST holds")
    add("--quiet", action="store_true", help="no progress bar")
    add_ocr_arguments(parser)
    parser.set_defaults(run=run_bulk)
    return parser


def run_bulk(options: argparse.Namespace) -> int:
    """Read what `options` name.

    Returns:
        0, or `FAILED` if something could not be read; it has a row with its error then.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    with exit_cleanly():
        import_pyarrow()  # here, where it is said once
        count = _read(options)
    return FAILED if count.failed else 0


def _read(options: argparse.Namespace) -> Count:
    if options.jobs is not None and options.jobs < 1:
        raise UserError(f"--jobs {options.jobs}: choose 1 or more")
    engine = ENGINES[_engine(options.engine)]
    for name in ("model", "finder", "hot_words", "lm"):  # workers have other folders
        path = getattr(options, name)
        setattr(options, name, Path(path).resolve() if path else None)
    read = ReadEntry(ocr_of(options), model_digest(options.model, options.finder))
    table = Table(absolute(options.dest))
    done = table.begin(options.resume)
    entries = (entry for entry in each_entry(options.source) if entry.path not in done)
    total = Count()
    started = time.perf_counter()
    with ProgressBar(options.quiet) as bar:

        def report(count: Count) -> None:
            nonlocal total
            total += count
            bar.advance(count.pages, count.pages)

        try:
            engine(entries, read, table, options.jobs, report)
        except OSError as error:
            raise UserError(f"{options.dest} cannot be written: {reason(error)}") from None
    seconds = max(time.perf_counter() - started, 1e-3)
    already = f", {len(done)} were there already" if len(done) else ""
    print(
        f"{total.documents} documents read, {total.pages} pages, {total.failed} with errors{already}; "
        f"{total.pages / seconds:.1f} pages/s",
        file=sys.stderr,
    )
    return total


def _engine(name: str) -> str:
    if name != "auto":
        return name
    return "ray" if os.environ.get(ADDRESS) else "pool"
