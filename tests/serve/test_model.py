"""The model in service: what is accepted, what is refused, and what serves meanwhile."""

import errno
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from crnn.core.errors import UserError
from crnn.core.model_info import ArtifactInfo
from crnn.core.shipped import DEFAULT_FINDER
from crnn.recognizer import Recognizer
from serve.base.errors import NotReady
from serve.base.reload import ask_reload
from serve.engine.loaded_model import LoadedModel, load
from serve.engine.model_holder import ModelHolder
from tests.barcode import CHARACTERS, save_finder, save_model


@pytest.fixture
def file(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(model, tmp_path / "served.onnx"))


@pytest.fixture
def hold(file: Path, tmp_path: Path) -> Iterator[Callable[..., ModelHolder]]:
    holders = []

    def make(watch_seconds: float = 0, outcomes: list[str] | None = None) -> ModelHolder:
        told = outcomes.append if outcomes is not None else lambda outcome: None
        holder = ModelHolder(file, tmp_path / "state", max_batch=4, watch_seconds=watch_seconds, on_reload=told)
        holders.append(holder)
        return holder

    yield make
    for holder in holders:
        holder.close()


def other_model(path: Path) -> None:
    """Another good model in one step, as a careful deployment does it."""
    partial = path.with_suffix(".partial")
    save_model(partial, info=ArtifactInfo(characters="abcdefgh", training={"lines": 1}))
    partial.replace(path)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_changed_file_is_put_into_service(hold: Callable[..., ModelHolder], file: Path) -> None:
    outcomes: list[str] = []
    holder = hold(0.02, outcomes)
    before = holder.current.sha256
    other_model(file)
    until(lambda: bool(outcomes))
    assert outcomes == ["accepted"]
    assert holder.current.sha256 != before
    assert holder.current.recognizer.info.characters == "abcdefgh"


def test_a_finder_that_changes_is_put_into_service(file: Path, tmp_path: Path) -> None:
    finder = save_finder(tmp_path / "finder.onnx")
    outcomes: list[str] = []
    state = tmp_path / "state"
    holder = ModelHolder(file, state, max_batch=4, finder=finder, watch_seconds=0.02, on_reload=outcomes.append)
    before = holder.current.digests
    shutil.copy(DEFAULT_FINDER, tmp_path / "partial")
    (tmp_path / "partial").replace(finder)
    until(lambda: bool(outcomes))
    holder.close()
    assert outcomes == ["accepted"]
    assert holder.current.sha256 == before[0] and holder.current.digests[1] != before[1]


def test_a_bad_file_is_refused_and_the_old_model_serves_on(
    hold: Callable[..., ModelHolder], file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: list[str] = []
    holder = hold(0.02, outcomes)
    before = holder.current
    file.write_bytes(file.read_bytes()[:500])
    until(lambda: bool(outcomes))
    assert outcomes == ["refused"]
    assert holder.current is before
    assert caplog.records[-1].msg["event"] == "model_refused"


def test_a_wish_reloads_an_unchanged_file(hold: Callable[..., ModelHolder], tmp_path: Path) -> None:
    outcomes: list[str] = []
    hold(0.02, outcomes)
    ask_reload(tmp_path / "state")
    until(lambda: bool(outcomes))
    assert outcomes == ["accepted"]


def test_a_wish_that_cannot_be_written_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").write_text("a file, and no folder")
    ask_reload(tmp_path / "state")
    assert "a model file that changes is noticed without it" in caplog.text


def test_a_full_disk_does_not_end_the_watch(
    hold: Callable[..., ModelHolder], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: list[str] = []
    holder = hold(0.02, outcomes)

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    other_model(file)
    until(lambda: len(outcomes) == 1)
    save_model(file)
    until(lambda: len(outcomes) == 2)
    assert outcomes == ["accepted", "accepted"]
    assert holder.current.recognizer.info.characters == CHARACTERS


def test_whatever_goes_wrong_the_next_file_is_noticed(
    hold: Callable[..., ModelHolder], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: list[str] = []
    holder = hold(0.02, outcomes)
    failing = threading.Event()

    def fail(path: Path) -> LoadedModel:
        failing.set()
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(holder, "_load", fail)
        other_model(file)
        assert failing.wait(30)
    save_model(file)
    until(lambda: outcomes == ["accepted"])


def test_a_worker_that_starts_while_the_file_is_bad_serves_the_last_good_model(
    hold: Callable[..., ModelHolder], file: Path
) -> None:
    good = hold().current.sha256
    file.write_bytes(b"half a copy")
    assert hold().current.sha256 == good


def test_without_any_good_model_nothing_is_in_service(hold: Callable[..., ModelHolder], file: Path) -> None:
    file.unlink()
    holder = hold()
    with pytest.raises(NotReady):
        _ = holder.current
    save_model(file)
    assert holder.reload()
    assert holder.current.name == "served.onnx"


class TestSelfTest:
    def test_not_a_number(self, file: Path) -> None:
        graph = onnx.load(file)
        levels = np.full(9, np.nan, np.float32)
        graph.graph.initializer[0].CopyFrom(numpy_helper.from_array(levels, "levels"))
        onnx.save(graph, file)
        with pytest.raises(UserError, match="not numbers"):
            load(file, 4)

    def test_a_charset_of_another_size(self, file: Path) -> None:
        save_model(file, info=ArtifactInfo(characters="abc"))
        with pytest.raises(UserError, match="classes"):
            load(file, 4)

    def test_what_is_no_finder(self, file: Path) -> None:
        with pytest.raises(UserError, match="is not a finder of lines"):
            load(file, 4, finder=file)

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="OCR_MODEL"):
            load(tmp_path / "none.onnx", 4)


def test_a_file_replaced_while_it_is_loaded_is_not_served_under_the_others_name(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced_meanwhile(path: Path, **options: object) -> Recognizer:
        recognizer = Recognizer(path, **options)
        other_model(path)
        return recognizer

    monkeypatch.setattr("serve.engine.loaded_model.Recognizer", replaced_meanwhile)
    with pytest.raises(UserError, match="was replaced while it was loaded"):
        load(file, max_batch=1)


def test_a_model_that_cannot_be_kept_serves_all_the_same(
    hold: Callable[..., ModelHolder], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", no_room)
    outcomes: list[str] = []
    holder = hold(0.02, outcomes)
    for _ in range(2):  # the watch goes on after the first
        before, told = holder.current, len(outcomes)
        save_model(file, info=ArtifactInfo(characters="abcdefgh", training={"lines": told + 1}))
        until(lambda before=before: holder.current is not before)
    assert set(outcomes) == {"accepted"}
