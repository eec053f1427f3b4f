"""Turns whatever a user has, a path, bytes, an array, a folder, into documents."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from crnn.core.errors import UserError
from crnn.documents.kinds import PEEK, SUFFIXES, kind_of
from crnn.documents.pages import Document, SourceOptions
from crnn.documents.pdf import PdfDocument
from crnn.documents.pictures import (
    ARRAYS,
    MOST_FRAMES,
    AnimationDocument,
    array_picture,
    encoded_picture,
    heif_picture,
    pil_picture,
)
from crnn.documents.tiff import TiffDocument
from crnn.image.frames import count_frames

TAKEN = (
    f"give a path, bytes, an open file, a PIL image, {ARRAYS}, or a list or folder of these; arrays are BGR unless "
    "rgb=True says otherwise"
)
GLOB_SIGNS = frozenset("*?[")


def is_many(source: Any) -> bool:
    """Whether `source` stands for any number of documents: a list or another iterable, a folder, a glob."""
    if isinstance(source, str | os.PathLike):
        return Path(source).is_dir() or _is_glob(os.fspath(source))
    return not _is_one(source) and isinstance(source, Iterable) and not isinstance(source, Mapping)


def each_source(source: Any) -> Iterator[Any]:
    """The single sources that `source` stands for, folders and globs searched as they are needed, in order of name.

    Raises:
        UserError: nothing in a folder that can be read, or nothing that a glob fits.
    """
    if isinstance(source, str | os.PathLike):
        yield from _files_of(os.fspath(source))
    elif is_many(source):
        for item in source:
            try:
                yield from _files_of(os.fspath(item)) if isinstance(item, str | os.PathLike) else (item,)
            except UserError:
                yield item  # whoever opens it will say why, and read the others
    else:
        yield source


def name_of(source: Any, number: int = 0) -> str:
    """What a source is called: its path, or what it is and which one of its list."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None) or getattr(source, "filename", None)
    if isinstance(name, str) and name:
        return name
    return f"{type(source).__name__} {number}" if number else type(source).__name__


def kept(source: Any) -> Any:
    """`source`, or what an open file holds, which can be read but once.

    Raises:
        UserError: the file is open as text.
    """
    if not hasattr(source, "read") or _is_array(source) or _is_pil(source):
        return source
    data = source.read()
    if not isinstance(data, bytes):
        raise UserError("the file is open as text: open it with mode 'rb'")
    return data


def open_document(source: Any, options: SourceOptions) -> Document:
    """Open one document, to be used with `with`.

    Raises:
        UserError: it cannot be read, or is nothing that can be.
    """
    source = kept(source)
    if isinstance(source, str | os.PathLike):
        return _open_file(os.fspath(source), options)
    if isinstance(source, bytes | bytearray | memoryview):
        return _open_bytes(bytes(source), options)
    if _is_pil(source):
        return pil_picture(source, options.max_pixels)
    if isinstance(source, np.ndarray):
        return array_picture(source, options.rgb, options.max_pixels)
    raise UserError(f"cannot read {_described(source)}: {TAKEN}")


def count_pages(source: Any, options: SourceOptions) -> int:
    """How many pages a document has, without decoding it; 1 where that cannot be told."""
    try:
        if isinstance(source, str | os.PathLike):
            with open(source, "rb") as file:
                data = file.read(PEEK)
                if kind_of(data) in ("tiff", "animation"):
                    data += file.read()
        elif isinstance(source, bytes | bytearray | memoryview):
            data = bytes(source)
        else:
            return 1
        kind = kind_of(data[:PEEK])
        if kind == "pdf":
            with PdfDocument(Path(source) if isinstance(source, str | os.PathLike) else data, options) as document:
                return document.count
        if kind == "tiff":
            return count_frames(data)
        return min(count_frames(data), MOST_FRAMES) if kind == "animation" else 1
    except (ValueError, OSError):
        return 1  # whoever reads it will say why


def _described(source: Any) -> str:
    return "None" if source is None else f"an object of type {type(source).__name__}"


def _open_file(path: str, options: SourceOptions) -> Document:
    if "\0" in path:
        raise UserError("cannot be opened: its name holds a null character")
    try:
        with open(path, "rb") as file:
            start = file.read(PEEK)
            if kind_of(start) != "pdf":
                return _open_bytes(start + file.read(), options)
    except IsADirectoryError:
        raise UserError("nothing that can be read is in this folder") from None
    except OSError as error:
        if "://" in path:
            raise UserError(f"{path} is an address: fetch it first, and give the file or its bytes") from None
        raise UserError(f"cannot be opened: {error.strerror}") from None
    return PdfDocument(Path(path), options)  # PDFium reads what it needs of it


def _open_bytes(data: bytes, options: SourceOptions) -> Document:
    kind = kind_of(data[:PEEK])
    if kind == "pdf":
        return PdfDocument(data, options)
    if kind == "tiff":
        return TiffDocument(data, options.max_pixels)
    if kind == "heif":
        return heif_picture(data, options.max_pixels)
    if kind == "animation" and count_frames(data) > 1:
        return AnimationDocument(data, options.max_pixels)
    return encoded_picture(data, options.max_pixels)


def _is_one(source: Any) -> bool:
    single = isinstance(source, str | os.PathLike | bytes | bytearray | memoryview | np.ndarray)
    return single or hasattr(source, "read") or _is_pil(source)


def _is_array(source: Any) -> bool:
    return isinstance(source, np.ndarray)


def _is_pil(source: Any) -> bool:
    return any(base.__module__ == "PIL.Image" for base in type(source).__mro__)  # without importing PIL


def _is_glob(path: str) -> bool:
    return bool(GLOB_SIGNS & set(path)) and not os.path.lexists(path)


def _files_of(path: str) -> Iterator[str]:
    if _is_glob(path):
        found = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 (paths may be absolute)
        if not found:
            raise UserError(f"no file fits {path}")
        for match in found:
            if Path(match).is_file() or not Path(match).exists():
                yield match
    elif Path(path).is_dir():
        yield from _files_in(path)
    else:
        yield path


def _files_in(folder: str) -> Iterator[str]:
    found = False
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                found = True
                yield str(Path(parent, name))
    if not found:
        raise UserError(f"nothing that can be read in the folder {folder}")
