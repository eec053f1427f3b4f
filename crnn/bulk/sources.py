"""Turns the source of a bulk run into its documents: a folder, a glob, a list of paths, or a table of pictures."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from crnn.bulk.places import absolute, as_place, import_pyarrow, is_folder, is_uri, locate, read_bytes, reason
from crnn.core.errors import UserError
from crnn.documents.kinds import SUFFIXES
from crnn.documents.sources import each_source

LISTS = (".txt", ".lst", ".list")  # endings of lists of paths, one a row
TABLE = ".parquet"
PICTURES = "image"  # the column of data sets of Hugging Face: {"bytes", "path"}


@dataclass(frozen=True)
class Entry:
    """One document to read.

    Attributes:
        path: what it is called in the table; where it is, unless it is in a `table`.
        table, group, row: the Parquet file that holds its bytes, the row group, and the row in that.
    """

    path: str
    table: str = ""
    group: int = 0
    row: int = 0

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            UserError: it cannot be read.
        """
        if not self.table:
            return read_bytes(self.path)
        data = _group_of_bytes(self.table, self.group)[self.row].as_py()
        if data is None:
            raise UserError("the table holds nothing in its place")
        return bytes(data)


def each_entry(source: str) -> Iterator[Entry]:
    """The documents of a source, found as they are needed; one that is listed twice comes once.

    Args:
        source: a folder, a glob, a single document; a list of them, named as one of `LISTS`; or one or more files
            .parquet with a column `bytes` and, if they have names, `path`, or a column `path` alone, or `image` as
            Hugging Face's data sets have it. Each may be on this machine or a URI that pyarrow reads.

    Raises:
        UserError: there is nothing to read.
    """
    if source.endswith(LISTS):
        yield from _once(_listed(source))
    elif source.endswith(TABLE):
        yield from _once(entry for table in _files(source) for entry in _tabled(table))
    else:
        yield from map(Entry, _files(source))


def _once(entries: Iterable[Entry]) -> Iterator[Entry]:
    seen: set[int] = set()
    for entry in entries:
        if (key := hash(entry.path)) not in seen:  # 64 bits: the paths themselves would fill the memory
            seen.add(key)
            yield entry


def _listed(source: str) -> Iterator[Entry]:
    """Rows of a list; relative ones are meant from its folder."""
    filesystem, path = locate(source)
    try:
        with filesystem.open_input_stream(path) as stream:
            import io

            folder = posixpath.dirname(path)
            for row in io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8-sig", errors="surrogateescape"):
                name = row.rstrip("\r\n")
                if name:
                    inside = is_uri(name) or name.startswith("/")
                    yield Entry(name if inside else as_place(source, posixpath.join(folder, name)))
    except OSError as error:
        raise UserError(f"{source} cannot be opened: {reason(error)}") from None


def _files(source: str) -> Iterator[str]:
    if not is_uri(source):
        yield from map(absolute, each_source(source))
        return
    found = False
    for path in _remote_files(source):
        found = True
        yield path
    if not found:
        raise UserError(f"nothing that can be read at {source}")


def _remote_files(source: str) -> Iterator[str]:
    filesystem, path = locate(source)
    if "*" in path or "[" in path:  # "?" begins the options of a file system
        fixed = path[: min(path.find(sign) for sign in "*[" if sign in path)].rpartition("/")[0]
        for found in _walk(filesystem, fixed):
            if fnmatch.fnmatchcase(found, path):
                yield as_place(source, found)
    elif is_folder(source):
        for found in _walk(filesystem, path):
            if Path(found).suffix.lower() in SUFFIXES:
                yield as_place(source, found)
    else:
        yield source


def _walk(filesystem: Any, folder: str) -> Iterator[str]:
    """The files below a folder in order of name, one folder's names in memory at a time."""
    selector = import_pyarrow().fs.FileSelector(folder, allow_not_found=True)
    for info in sorted(filesystem.get_file_info(selector), key=lambda info: info.path):
        if info.base_name.startswith("."):
            continue
        if info.type.name == "Directory":
            yield from _walk(filesystem, info.path)
        elif info.type.name == "File":
            yield info.path


def _tabled(table: str) -> Iterator[Entry]:
    with _opened(table) as file:
        names = file.schema_arrow.names
        held = _column_of_bytes(file)
        path_column = "path" if "path" in names else f"{PICTURES}.path" if held == f"{PICTURES}.bytes" else ""
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            paths = _column(file, group, path_column) if path_column else [None] * count
            for row, value in enumerate(paths):
                path = value if value is None or isinstance(value, str) else value.as_py()
                if held:
                    # A name alone need not be the only one of its kind in all the tables.
                    yield Entry(f"{table}#{group}.{row}" + (f"/{path}" if path else ""), table, group, row)
                elif path:
                    yield Entry(path if is_uri(path) or path.startswith("/") else _beside(table, path))


def _beside(table: str, name: str) -> str:
    return as_place(table, posixpath.join(posixpath.dirname(locate(table)[1]), name))


def _opened(table: str) -> Any:
    pa = import_pyarrow()
    filesystem, path = locate(table)
    try:
        return pa.parquet.ParquetFile(path, filesystem=filesystem)
    except OSError as error:
        raise UserError(f"{table} cannot be opened: {reason(error)}") from None
    except pa.ArrowInvalid as error:
        raise UserError(f"{table} is no Parquet file: {str(error).splitlines()[0]}") from None


def _column_of_bytes(file: Any) -> str:
    """The column with the documents themselves, "" where it names them only."""
    names = file.schema_arrow.names
    if "bytes" in names:
        return "bytes"
    if PICTURES in names:
        return f"{PICTURES}.bytes"
    if "path" in names:
        return ""
    raise UserError(f"a table needs a column bytes, path or {PICTURES}; this one has {', '.join(names)}")


def _column(file: Any, group: int, column: str) -> Any:
    """The values of one column, or of a field of a column, in a row group."""
    outer, _, inner = column.partition(".")
    values = file.read_row_group(group, columns=[column])[outer].combine_chunks()
    return values.field(inner) if inner else values


@lru_cache(maxsize=1)  # documents of one group come one after the other
def _group_of_bytes(table: str, group: int) -> Any:
    with _opened(table) as file:
        return _column(file, group, _column_of_bytes(file))
