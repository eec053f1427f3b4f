"""Lines in a database: written once, whole or not at all."""

import multiprocessing
import pickle
from pathlib import Path

import lmdb
import numpy as np
import pytest

from crnn.core.errors import UserError
from crnn.core.files import REJECTS
from crnn.datasets.lmdb_store import LineStore, LineWriter, StoredLine

LINES = [
    StoredLine(
        image=b"picture one",
        label="中文 a",
        centers=np.array([1.5, 2.5, 3.5, 4.5], np.float32),
        category="zh",
    ),
    StoredLine(image=b"picture two", label=""),
]


def build(path: Path, lines: list[StoredLine]) -> Path:
    with LineWriter(path, info={"seed": 1}) as writer:
        for line in lines:
            writer.append(line)
    return path


def test_lines_come_back_as_they_went_in(tmp_path: Path) -> None:
    store = LineStore(build(tmp_path / "lines", LINES))
    assert len(store) == 2
    assert store.info == {"seed": 1}
    assert (store[0].image, store[0].label, store[0].category) == (b"picture one", "中文 a", "zh")
    assert store[0].centers is not None
    assert store[0].centers.tolist() == [1.5, 2.5, 3.5, 4.5]
    assert store[1].centers is None
    with pytest.raises(IndexError):
        store[2]


def test_public_databases_of_the_field_are_read_as_they_are(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path)) as env, env.begin(write=True) as transaction:
        transaction.put(b"num-samples", b"1")
        transaction.put(b"image-000000001", b"picture")
        transaction.put(b"label-000000001", b"text")
    store = LineStore(tmp_path)
    assert (store[0].label, store[0].category, store.info) == ("text", "", {})


def test_an_interrupted_build_never_looks_finished_and_is_taken_up(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), LineWriter(tmp_path / "lines", info={}) as writer:
        writer.append(LINES[0])
        raise KeyboardInterrupt
    with pytest.raises(UserError, match="interrupted"):
        LineStore(tmp_path / "lines")
    with pytest.raises(UserError, match="other settings"):
        LineWriter(tmp_path / "lines", info={"seed": 2})
    with LineWriter(tmp_path / "lines", info={}) as writer:
        assert len(writer) == 1
        writer.append(LINES[1])
    assert [LineStore(tmp_path / "lines")[i].label for i in range(2)] == ["中文 a", ""]


class Watched:
    """An LMDB environment that notes in `disk` when it is synced."""

    def __init__(self, environment: lmdb.Environment, disk: list[str]) -> None:
        self._environment, self._disk = environment, disk

    def __getattr__(self, name: str) -> object:
        return getattr(self._environment, name)

    def sync(self, force: bool) -> None:
        assert force  # else LMDB does nothing: it was opened without syncing
        self._environment.sync(force)
        self._disk.append("sync data")


def test_lines_are_on_the_disk_before_the_database_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: list[str]
) -> None:
    opened = lmdb.open
    monkeypatch.setattr(
        "crnn.datasets.lmdb_store.lmdb.open", lambda *args, **options: Watched(opened(*args, **options), disk)
    )
    build(tmp_path / "lines", LINES)
    assert disk == ["sync data", "sync lines.partial", "name lines", f"sync {tmp_path.name}"]


def test_a_finished_database_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="stands at"):
        build(build(tmp_path / "lines", LINES), LINES)


def test_what_is_no_database_is_not_replaced_by_one(tmp_path: Path) -> None:
    """Without a name, a set would be written to the folder of all sets."""
    build(tmp_path / "sets/first", LINES)
    (tmp_path / "file").touch()
    for path in (tmp_path / "sets", tmp_path / "file"):
        with pytest.raises(UserError, match=r"something else than a dataset stands at .*: choose another name"):
            build(path, LINES)
    assert len(LineStore(tmp_path / "sets/first")) == 2
    (tmp_path / "sets/second").mkdir()
    (tmp_path / "sets/second" / REJECTS).touch()  # of an import that was stopped
    assert len(LineStore(build(tmp_path / "sets/second", LINES))) == 2


def test_the_map_grows(tmp_path: Path) -> None:
    with LineWriter(tmp_path / "lines", info={}, map_size=1 << 16) as writer:
        for _ in range(100):
            writer.append(StoredLine(image=bytes(5000), label="a"))
    assert len(LineStore(tmp_path / "lines")[99].image) == 5000


def _label(store: LineStore) -> str:
    return store[0].label


def test_a_store_crosses_process_borders(tmp_path: Path) -> None:
    store = LineStore(build(tmp_path / "lines", LINES))
    assert pickle.loads(pickle.dumps(store))[0].label == "中文 a"
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_label, (store,)) == "中文 a"


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no LMDB dataset"):
        LineStore(tmp_path / "absent")
    lmdb.open(str(tmp_path / "empty")).close()
    with pytest.raises(UserError, match="num-samples"):
        LineStore(tmp_path / "empty")


def test_damaged_entries_are_named(tmp_path: Path) -> None:
    path = build(tmp_path / "lines", LINES)
    with lmdb.open(str(path)) as env, env.begin(write=True) as transaction:
        transaction.delete(b"image-000000001")
        transaction.put(b"label-000000002", b"\xff\xfe")
    with pytest.raises(UserError, match="entry 1 is missing"):
        LineStore(path)[0]
    with pytest.raises(UserError, match=r"entry 2 is damaged: .utf-8."):
        LineStore(path)[1]
