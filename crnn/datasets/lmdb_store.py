"""Text lines in an LMDB: the only place that knows its keys.

`num-samples`, `image-%09d` and `label-%09d` (numbered from 1) follow deep-text-recognition-benchmark and
PARSeq, so the field's public databases are read as they are. Our own databases add `centers-%09d` (float32,
little-endian), `category-%09d`, `weight-%09d` (a decimal number) and one JSON `info`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

import lmdb
import numpy as np

from crnn.core.atomic import put
from crnn.core.errors import UserError
from crnn.core.files import REJECTS

PARTIAL_SUFFIX = ".partial"
CATEGORY_SEPARATOR = "/"  # between the groups of a line that is filed under several
COMMIT_EVERY = 2000  # lines a transaction: small enough to lose little, large enough that syncing is unnoticed


@dataclass(frozen=True)
class StoredLine:
    """One line as stored.

    Attributes:
        image: encoded picture (PNG, JPEG, …).
        label: its text.
        centers: x of each character's center in pixels of the picture, float32 (len(label),), or None if unknown.
        category: group for reports, "" if none.
        weight: how often training draws the line, as a multiple of the others of its dataset.
    """

    image: bytes
    label: str
    centers: np.ndarray | None = None
    category: str = ""
    weight: float = 1.0


@lru_cache(maxsize=32)
def _environment(path: str, pid: int, inode: int) -> lmdb.Environment:
    """One environment for each database and process: LMDB allows no second, and none may cross a fork."""
    try:
        environment = lmdb.open(path, readonly=True, lock=False, readahead=False, meminit=False)
    except lmdb.Error as error:
        raise UserError(f"{path} is no LMDB that can be read: {error}") from None
    # A page beyond the end of the file is mapped but not there: touching it would kill the process.
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if needed > (Path(path) / "data.mdb").stat().st_size:
        environment.close()
        raise UserError(f"{path}/data.mdb is cut short: copy or build it again")
    return environment


def _key(name: str, index: int) -> bytes:
    return f"{name}-{index + 1:09d}".encode()


class LineStore:
    """Read-only lines of a finished database; picklable, opened lazily once in each process.

    Raises:
        UserError: no database at `path`, or it holds no `num-samples`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not (self.path / "data.mdb").is_file():
            unfinished = self.path.with_name(self.path.name + PARTIAL_SUFFIX).exists()
            hint = "its build was interrupted: run it again to finish it" if unfinished else "build or import it first"
            raise UserError(f"no LMDB dataset at {self.path}: {hint}")
        self._inode = (self.path / "data.mdb").stat().st_ino
        count = self._get(b"num-samples")
        if count is None:
            raise UserError(f"{self.path} is not a line dataset: it has no key num-samples")
        self._length = int(count)

    def _get(self, key: bytes) -> bytes | None:
        environment = _environment(str(self.path), os.getpid(), self._inode)
        with environment.begin() as transaction:
            value: bytes | None = transaction.get(key)
            return value

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> StoredLine:
        """Line `index`, from 0.

        Raises:
            IndexError: out of range.
            UserError: the entry is missing or damaged.
        """
        if not 0 <= index < self._length:
            raise IndexError(index)
        image, label = self._get(_key("image", index)), self._get(_key("label", index))
        if image is None or label is None:
            raise UserError(f"{self.path}: entry {index + 1} is missing")
        centers, category = self._get(_key("centers", index)), self._get(_key("category", index))
        weight = self._get(_key("weight", index))
        try:
            return StoredLine(
                image=image,
                label=label.decode(),
                centers=None if centers is None else np.frombuffer(centers, "<f4"),
                category="" if category is None else category.decode(),
                weight=1.0 if weight is None else float(weight),
            )
        except ValueError as error:  # not UTF-8, not whole floats, or not a number
            raise UserError(f"{self.path}: entry {index + 1} is damaged: {error}") from None

    @property
    def info(self) -> dict[str, Any]:
        """What the builder recorded of itself (seed, profile, …); empty for foreign databases."""
        value = self._get(b"info")
        return {} if value is None else json.loads(value)


class LineWriter:
    """Build a database in `<path>.partial`; it takes its name only when the `with` block ends without error.

    A build that was interrupted is taken up where its last transaction ended: `len(writer)` lines are there.
    The map grows as needed.

    Raises:
        UserError: a finished database or something else stands at `path`, or the unfinished one was begun with another
            `info`.
    """

    def __init__(self, path: str | Path, info: dict[str, Any], map_size: int = 1 << 28) -> None:
        self.path = Path(path)
        self.info = info
        self._partial = self.path.with_name(self.path.name + PARTIAL_SUFFIX)
        if (self.path / "data.mdb").exists():
            raise UserError(f"a dataset stands at {self.path} already: delete it or choose another name")
        if self.path.exists() and not (self.path.is_dir() and {file.name for file in self.path.iterdir()} <= {REJECTS}):
            raise UserError(f"something else than a dataset stands at {self.path}: choose another name")
        self._partial.mkdir(parents=True, exist_ok=True)
        self._env = lmdb.open(str(self._partial), map_size=map_size, sync=False, metasync=False)
        self._pending: list[tuple[bytes, bytes]] = []
        with self._env.begin() as transaction:
            count, begun = transaction.get(b"num-samples"), transaction.get(b"info")
        self._count = int(count) if count else 0
        if begun is not None and json.loads(begun) != info:
            self._env.close()
            raise UserError(
                f"{self._partial} was begun with other settings: delete it to start afresh, or use the former settings"
            )

    def __enter__(self) -> LineWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._commit()
        self._env.sync(True)
        self._env.close()
        if kind is None:
            (self._partial / "lock.mdb").unlink(missing_ok=True)
            (self.path / REJECTS).unlink(missing_ok=True)  # of an import that was stopped
            put(self._partial, self.path)

    def __len__(self) -> int:
        return self._count

    def append(self, line: StoredLine) -> None:
        """Add one line at the end."""
        index = self._count
        self._pending += [(_key("image", index), line.image), (_key("label", index), line.label.encode())]
        if line.centers is not None:
            self._pending.append((_key("centers", index), np.asarray(line.centers, "<f4").tobytes()))
        if line.category:
            self._pending.append((_key("category", index), line.category.encode()))
        if line.weight != 1:
            self._pending.append((_key("weight", index), f"{line.weight:.6g}".encode()))
        self._count += 1
        if self._count % COMMIT_EVERY == 0:
            self._commit()

    def _commit(self) -> None:
        entries = [
            *self._pending,
            (b"num-samples", str(self._count).encode()),
            (b"info", json.dumps(self.info).encode()),
        ]
        while True:
            try:
                with self._env.begin(write=True) as transaction:
                    for key, value in entries:
                        transaction.put(key, value)
                break
            except lmdb.MapFullError:
                self._env.set_mapsize(self._env.info()["map_size"] * 2)
        self._pending = []
