"""Where `crnn read` writes: standard output, one file, or a folder with a file a document."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

from crnn.core.errors import UserError
from crnn.documents.result import FORMATS, WRITERS, Result
from crnn.documents.sources import each_source
from crnn.documents.tsv import to_tsv


class Destination(Protocol):
    """Takes results; use it with `with`."""

    def has(self, path: str, source: str) -> bool:
        """Whether the document `path`, found in `source`, need not be read again.

        Raises:
            UserError: what is read of it would be written over a document.
        """

    def write(self, result: Result) -> None:
        """Write one result.

        Raises:
            UserError: it cannot be written.
        """

    def __enter__(self) -> Destination: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class FolderDestination:
    """A file a document, under its name and in its subfolder; a file is there when it is whole."""

    def __init__(self, folder: Path, form: str, resume: bool) -> None:
        self._folder = folder
        self._form = form
        self._ending = FORMATS[form][0]
        self._resume = resume
        self._targets: dict[str, Path] = {}  # of documents
        self._taken: set[Path] = set()

    def __enter__(self) -> FolderDestination:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def has(self, path: str, source: str) -> bool:
        if path in self._targets:
            return True  # it is named twice
        inside = Path(path).relative_to(source) if Path(source).is_dir() else Path(Path(path).name)
        target = next(name for name in self._names(inside) if name not in self._taken)
        self._taken.add(target)
        self._targets[path] = target
        if not target.exists():
            return False
        if self._resume:
            return _is_current(target, path)
        # A PDF beside its document may be a document itself; what else is written is none.
        if self._form == "pdf" and target.parent.resolve() == Path(path).parent.resolve():
            raise UserError(f"{target} is there already: write to another folder, or go on with --resume")
        return False

    def _names(self, inside: Path) -> Iterator[Path]:
        """Names for the file of a document, the next one where the last is taken: page.png beside page.jpg."""
        yield self._folder / inside.with_suffix(self._ending)
        yield self._folder / inside.with_name(inside.name + self._ending)
        for number in itertools.count(2):
            yield self._folder / inside.with_name(f"{inside.name}-{number}{self._ending}")

    def write(self, result: Result) -> None:
        target = self._targets.get(result.name, self._folder / f"stdin{self._ending}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{target.parent} cannot be made: {error.strerror}") from None
        result.save(target)


class FileDestination:
    """One file or standard output for all documents, each under its name where there are several.

    What stood in the file stays until there is something to put in its place.
    """

    def __init__(self, path: Path | None, form: str, several: bool, resume: bool) -> None:
        self._path = path
        self._form = form
        self._several = several
        self._written = _names(path) if path is not None and resume and path.exists() else set[str]()
        self._resume = resume
        self._count = 0
        self._file: BinaryIO

    def __enter__(self) -> FileDestination:
        if self._path is None:
            self._file = sys.stdout.buffer
            return self
        self._is_new = not self._path.exists()
        self._replaces = self._path.is_file() and not self._resume
        try:
            self._file = open(self._path, "ab" if self._resume else "r+b" if self._replaces else "wb")
        except OSError as error:
            raise UserError(f"{self._path} cannot be written: {error.strerror}") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._form == "json" and self._several and (self._count or self._path is None):
            self._put("\n]\n" if self._count else "[]\n")
        if self._path is None:
            if kind is None:
                self._file.flush()
            return
        self._file.close()
        if self._is_new and not self._count:
            self._path.unlink()

    def has(self, path: str, source: str) -> bool:
        return path in self._written

    def write(self, result: Result) -> None:
        first = not self._count
        self._count += 1
        if first and self._path is not None and self._replaces:
            self._file.truncate()
        if self._form == "pdf":
            result.write(self._file, "pdf")
            return
        if self._form == "tsv":
            text = to_tsv(result, header=first)
        elif self._form == "json" and self._several:
            text = ("[\n" if first else ",\n") + result.to_json()
        else:
            text = WRITERS[self._form](result)
            if self._several and self._form == "text":
                text = f"{'' if first else chr(10)}==> {result.name} <==\n{text}"
            elif self._several and self._form == "md":
                text = f"{'' if first else chr(10)}<!-- {result.name.replace('--', '- -')} -->\n\n{text}"
            text += "" if text.endswith("\n") or not text else "\n"
        self._put(text)

    def _put(self, text: str) -> None:
        encoding = "utf-8" if self._path is not None else (sys.stdout.encoding or "utf-8")
        self._file.write(text.encode(encoding, "backslashreplace"))
        if self._path is None:
            self._file.flush()  # whoever reads at the other end need not wait


def check_apart(sources: Iterable[str], output: Path, form: str) -> None:
    """Refuse an output that is one of the documents, or that the same command would read as one when it is run again.

    Raises:
        UserError: it is.
    """
    for source in sources:
        if form == "pdf" and Path(source).is_dir() and output.resolve().is_relative_to(Path(source).resolve()):
            raise UserError(f"the PDFs in {output} would be read as documents of {source}: write to another folder")
        if output.is_file() and _holds(source, output):
            raise UserError(f"{output} is a document that is to be read: name another file for what is read in it")


def _holds(source: str, file: Path) -> bool:
    """Whether `file` is one of the documents that `source` stands for."""
    with suppress(UserError):  # an empty folder, a glob that nothing fits
        return any(Path(path).exists() and file.samefile(path) for path in each_source(source))
    return False


def _is_current(target: Path, path: str) -> bool:
    """Whether a file was written after its document; else that has changed, or is another one of this name."""
    try:
        return target.stat().st_mtime >= Path(path).stat().st_mtime
    except OSError:
        return False  # whoever opens the document says what is wrong with it


def _names(path: Path) -> set[str]:
    """Names of the documents in a file of JSON lines; a last line that is not whole is cut off.

    Raises:
        UserError: another line is no such object.
    """
    names: set[str] = set()
    whole = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                names.add(json.loads(line)["name"])
            except (ValueError, KeyError, TypeError):
                raise UserError(f"{path}: line {number} is no document that crnn read has written") from None
            whole += len(line)
    with suppress(OSError):
        os.truncate(path, whole)
    return names
