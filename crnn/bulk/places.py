"""Finds files on this machine or on any file system that pyarrow reaches, by path or URI."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crnn.core.errors import UserError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

NEEDED = "crnn bulk needs pyarrow: pip install 'crnn-ocr[bulk]'"


def import_pyarrow() -> Any:
    """The package `pyarrow` with the parts that are used.

    Raises:
        UserError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.fs
        import pyarrow.parquet
    except ImportError:
        raise UserError(NEEDED) from None
    return pyarrow


def is_uri(place: str) -> bool:
    """Whether `place` is a URI rather than a path of this machine."""
    return "://" in place


def absolute(place: str) -> str:
    """`place` as it can be opened from every folder."""
    return place if is_uri(place) else os.path.abspath(place)  # noqa: PTH100 (`resolve` would follow links)


def locate(place: str) -> tuple[FileSystem, str]:
    """The file system that `place` is on, and its path there.

    Raises:
        UserError: a kind of URI that pyarrow does not know, or a host that does not answer.
    """
    if not is_uri(place):
        return _local(), absolute(place)
    host, path, query = _split(place)
    filesystem, root = _of_host(host + query)
    return filesystem, f"{root.rstrip('/')}/{path}".rstrip("/")


def as_place(like: str, path: str) -> str:
    """The place of a `path` on the file system of `like`: the inverse of `locate`."""
    if not is_uri(like):
        return path
    host, _, query = _split(like)
    root = _of_host(host + query)[1]
    return host + path.removeprefix(root).lstrip("/") + query


def read_bytes(place: str) -> bytes:
    """What a file holds.

    Raises:
        UserError: it cannot be read.
    """
    filesystem, path = locate(place)
    try:
        with filesystem.open_input_stream(path) as stream:
            return bytes(stream.read())
    except OSError as error:
        raise UserError(f"cannot be opened: {reason(error)}") from None


def reason(error: OSError) -> str:
    """What went wrong, without what pyarrow says of its own sources."""
    return os.strerror(error.errno) if error.errno else str(error).splitlines()[0]


def is_folder(place: str) -> bool:
    """Whether `place` is a folder that exists."""
    if not is_uri(place):
        return Path(place).is_dir()
    filesystem, path = locate(place)
    return bool(filesystem.get_file_info(path).type.name == "Directory")


def _split(uri: str) -> tuple[str, str, str]:
    """Scheme with host, path, and the options of the file system: s3://bucket/, pages/1.png, ?region=eu-west-1."""
    start, mark, query = uri.partition("?")
    scheme, _, rest = start.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}/", path, mark + query


@lru_cache(maxsize=1)
def _local() -> FileSystem:
    return import_pyarrow().fs.LocalFileSystem()


@lru_cache(maxsize=64)
def _of_host(uri: str) -> tuple[FileSystem, str]:
    pa = import_pyarrow()
    try:
        return pa.fs.FileSystem.from_uri(uri)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise UserError(f"{uri} cannot be reached: {str(error).splitlines()[0]}") from None
