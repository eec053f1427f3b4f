"""The table that a bulk run writes: a row a page, in Parquet files each of which is whole or not there.

| column | |
| --- | --- |
| path | of the document: its place, or `table.parquet#group.row/name` |
| page | from 1; 0 where the document could not be opened at all |
| text | a line a row |
| lines | JSON, as in `crnn read --format json`: text, confidence, quad, chars |
| confidence | mean of its lines' by their length, null without lines |
| error | why it, or which of its lines, could not be read; "" |
| seconds | that its reading took |
| model | first 16 digits of the SHA-256 of the models of lines and of pages, in one digest |
| version | of this package |

All rows of a document are in one file, so that whoever goes on with a table needs its paths alone.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from crnn import __version__
from crnn.bulk.places import as_place, import_pyarrow, locate, reason
from crnn.core.errors import UserError
from crnn.core.shipped import DEFAULT_FINDER, DEFAULT_MODEL
from crnn.documents.json import lines_as_json
from crnn.documents.result import Page, Result

Row = dict[str, Any]

RUN = "_run"  # file with the name of the run that alone may write; readers of tables pass over names with _
OBJECT_STORES = ("s3", "gcs", "abfs")  # show a file when it is whole; others show it as it grows


def schema() -> Any:
    """The columns and their types."""
    pa = import_pyarrow()
    columns = {"path": pa.string(), "page": pa.int32(), "text": pa.string(), "lines": pa.string()}
    columns |= {"confidence": pa.float64(), "error": pa.string(), "seconds": pa.float64()}
    return pa.schema(columns | {"model": pa.string(), "version": pa.string()})


@lru_cache(maxsize=8)
def model_digest(model: Path | None, finder: Path | None) -> str:
    """What tells readings with other models apart.

    Raises:
        UserError: a model is missing.
    """
    digest = hashlib.sha256()
    for path in (model or DEFAULT_MODEL, finder or DEFAULT_FINDER):
        try:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            raise UserError(f"{path} cannot be opened: {error.strerror}") from None
    return digest.hexdigest()[:16]


def rows_of(result: Result, model: str) -> list[Row]:
    """The rows of a document, at least one."""
    pages = result.pages if result.pages and not result.error else (Page(0, error=result.error or "it has no pages"),)
    return [_row(result, page, result.seconds / len(pages), model) for page in pages]


def _row(result: Result, page: Page, seconds: float, model: str) -> Row:
    lengths = [len(line.text) for line in page.lines]
    scores = [line.confidence for line in page.lines]
    errors = [page.error] if page.error else [f"a line could not be read ({e.error})" for e in page.lines if e.error]
    return {
        "path": result.name.encode(errors="backslashreplace").decode(),  # a file name need not be text
        "page": page.number,
        "text": page.text,
        "lines": json.dumps(lines_as_json(page), ensure_ascii=False),
        "confidence": float(np.average(scores, weights=lengths)) if any(lengths) else None,
        "error": "; ".join(errors),
        "seconds": seconds,
        "model": model,
        "version": __version__,
    }


def hashed(path: str) -> int:
    """64 bits that stand for a path: of a hundred million, two are alike once in 3,700 runs."""
    data = path.encode(errors="backslashreplace")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


@dataclass(frozen=True)
class Done:
    """The documents that a table holds, by their hashes: 8 bytes each, sorted."""

    hashes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))

    def __contains__(self, path: str) -> bool:
        key = np.uint64(hashed(path))
        place = int(np.searchsorted(self.hashes, key))
        return place < len(self.hashes) and bool(self.hashes[place] == key)

    def __len__(self) -> int:
        return len(self.hashes)


@dataclass(frozen=True)
class Table:
    """A folder of Parquet files that one run writes at a time. Can be pickled.

    Attributes:
        place: the folder, a path or URI.
        run: the name of the run; whoever writes for another one is refused.
    """

    place: str
    run: str = field(default_factory=lambda: uuid.uuid4().hex)

    def begin(self, resume: bool) -> Done:
        """Take the table for this run.

        Returns:
            What is in it.

        Raises:
            UserError: it cannot be written, or holds rows already that the run is not to go on with.
        """
        filesystem, path = locate(self.place)
        try:
            filesystem.create_dir(path, recursive=True)
            files = self._files()
            if files and not resume:
                raise UserError(f"{self.place} holds a table already: --resume goes on with it, or name another folder")
            self._write(RUN, self.run.encode())
            return self._done(self._files())  # again: what an earlier run finished meanwhile
        except OSError as error:
            raise UserError(f"{self.place} cannot be written: {reason(error)}") from None

    def write(self, rows: list[Row]) -> str:
        """Write one file with all rows of some documents; the same documents always make the same file.

        Returns:
            Its name.

        Raises:
            UserError: another run has taken over.
            OSError: it cannot be written.
        """
        pa = import_pyarrow()
        name = hashlib.sha256("\0".join(sorted({row["path"] for row in rows})).encode()).hexdigest()[:32]
        sink = pa.BufferOutputStream()
        pa.parquet.write_table(pa.Table.from_pylist(rows, schema()), sink, compression="zstd")
        filesystem, path = locate(self.place)
        with filesystem.open_input_stream(f"{path}/{RUN}") as stream:
            if stream.read() != self.run.encode():
                raise UserError(f"{self.place}: another run writes this table now")
        self._write(f"{name}.parquet", sink.getvalue())
        return f"{name}.parquet"

    def _write(self, name: str, data: Any) -> None:
        filesystem, path = locate(self.place)
        target = f"{path}/{name}"
        if filesystem.type_name in OBJECT_STORES:
            with filesystem.open_output_stream(target) as stream:
                stream.write(data)
            return
        unfinished = f"{path}/_{uuid.uuid4().hex}"
        with filesystem.open_output_stream(unfinished) as stream:
            stream.write(data)
        filesystem.move(unfinished, target)

    def _files(self) -> list[str]:
        filesystem, path = locate(self.place)
        selector = import_pyarrow().fs.FileSelector(path, allow_not_found=True)
        return [info.path for info in filesystem.get_file_info(selector) if info.base_name.endswith(".parquet")]

    def _done(self, files: Iterable[str]) -> Done:
        pa = import_pyarrow()
        filesystem, _ = locate(self.place)
        hashes = [np.zeros(0, np.uint64)]
        for file in files:
            try:
                paths = pa.parquet.ParquetFile(file, filesystem=filesystem).read(["path"])["path"].unique()
            except (pa.ArrowInvalid, KeyError):
                raise UserError(f"{as_place(self.place, file)} is not of a table that crnn bulk wrote") from None
            hashes.append(np.array([hashed(path) for path in paths.to_pylist()], np.uint64))
        return Done(np.sort(np.concatenate(hashes)))
