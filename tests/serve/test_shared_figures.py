"""The folder of the workers' figures: new, reserved, and not needed."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve.base import shared_figures
from serve.base.shared_figures import BYTES, DEAD_KEPT, KINDS, VARIABLE, forget, make_folder, remove_folder, reserve


@pytest.fixture
def folder() -> Iterator[Path]:
    make_folder()
    yield Path(os.environ[VARIABLE])
    remove_folder()


def test_each_start_has_a_folder_of_its_own_and_removes_no_other() -> None:
    make_folder()
    first = Path(os.environ[VARIABLE])
    make_folder()
    second = Path(os.environ[VARIABLE])
    remove_folder()
    assert first != second
    assert (first.exists(), second.exists()) == (True, False)
    first.rmdir()


def test_figures_wait_for_no_disk(folder: Path) -> None:
    assert (Path("/dev/shm") in folder.parents) == os.access("/dev/shm", os.W_OK)


def test_room_is_reserved_before_it_is_mapped(folder: Path) -> None:
    reserve()
    assert sorted(folder.iterdir()) == [folder / f"{kind}_{os.getpid()}.db" for kind in KINDS]
    assert all(file.stat().st_blocks * 512 >= BYTES for file in folder.iterdir())


def test_without_room_a_worker_counts_for_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    reserve()
    assert VARIABLE not in os.environ
    assert not list(folder.iterdir())
    reserve()  # nor does the next call
    folder.rmdir()


def test_without_any_folder_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(**_: object) -> str:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(shared_figures.tempfile, "mkdtemp", nowhere)
    make_folder()
    assert VARIABLE not in os.environ


def test_of_ended_workers_the_latest_counts_stay(folder: Path) -> None:
    reserve()
    ended = subprocess.Popen(["true"])
    ended.wait()
    for number in range(DEAD_KEPT + 5):
        for kind in ("counter", "histogram"):
            file = folder / f"{kind}_{4_194_304 + number}.db"  # above what Linux gives
            file.touch()
            os.utime(file, (number, number))
    (folder / f"gauge_livesum_{ended.pid}.db").touch()
    forget(ended.pid)
    assert not (folder / f"gauge_livesum_{ended.pid}.db").exists()
    assert len(list(folder.glob("counter_*"))) == len(list(folder.glob("histogram_*"))) == DEAD_KEPT + 1
    assert (folder / f"counter_{os.getpid()}.db").exists()
    assert not (folder / "counter_4194304.db").exists()
