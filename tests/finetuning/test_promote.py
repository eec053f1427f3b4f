"""Into service and back, never half a file, never against the report."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from crnn.core.errors import UserError
from crnn.finetuning.promote import checkpoint_beside, previous, promote, rollback, served_model
from crnn.network.checkpoint import load


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A run whose report says: promote. The float model stands in for its INT8."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(trained / "checkpoint.pt", folder)
    shutil.copy(trained / "model.onnx", folder / "model.int8.onnx")
    write_report(folder)
    return folder


def write_report(folder: Path, *objections: str) -> None:
    digest = hashlib.sha256((folder / "model.int8.onnx").read_bytes()).hexdigest()
    (folder / "before_after.json").write_text(
        json.dumps({"objections": objections, "model": "model.int8.onnx", "model_sha256": digest})
    )


def test_a_promoted_model_is_served_with_its_checkpoint_beside_it(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "models" / "ocr.int8.onnx"
    promote(run, target)
    assert target.read_bytes() == (run / "model.int8.onnx").read_bytes()
    assert load(tmp_path / "models" / "ocr.fp16.pt").info.characters == "0123456789"
    assert sorted(file.name for file in target.parent.iterdir()) == ["ocr.fp16.pt", "ocr.int8.onnx"]


def test_the_checkpoint_is_on_the_disk_before_the_model_is_served(run: Path, tmp_path: Path, disk: list[str]) -> None:
    target, folder = tmp_path / "ocr.int8.onnx", f"sync {tmp_path.name}"
    promote(run, target)
    checkpoint = ["sync ocr.fp16.new", "name ocr.fp16.pt", folder]
    assert disk[-6:] == [*checkpoint, "sync ocr.int8.new", "name ocr.int8.onnx", folder]
    disk.clear()
    promote(run, target)
    kept = ["sync ocr.int8.previous.onnx unfinished", "name ocr.int8.previous.onnx", folder]
    assert disk[-6:] == [*kept, "sync ocr.int8.new", "name ocr.int8.onnx", folder]


def test_rolling_back_swaps_and_swaps_again(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "ocr.int8.onnx"
    target.write_bytes(b"the model before")
    checkpoint_beside(target).write_bytes(b"its checkpoint")
    promote(run, target)
    new = target.read_bytes()
    assert previous(target).read_bytes() == b"the model before"
    rollback(target)
    assert (target.read_bytes(), checkpoint_beside(target).read_bytes()) == (b"the model before", b"its checkpoint")
    assert previous(target).read_bytes() == new
    rollback(target)
    assert target.read_bytes() == new and load(checkpoint_beside(target))


def test_a_served_model_without_a_checkpoint_gets_none_by_rolling_back(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "ocr.onnx"
    target.write_bytes(b"the model before")
    promote(run, target)
    rollback(target)
    assert not checkpoint_beside(target).exists()
    rollback(target)
    assert checkpoint_beside(target).exists()


def test_the_report_decides_unless_forced(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "ocr.int8.onnx"
    write_report(run, "the general set loses 4.0% of its lines")
    with pytest.raises(UserError, match="not to be promoted: the general set loses"):
        promote(run, target)
    assert not target.exists()
    promote(run, target, force=True)
    assert target.exists()


def test_a_report_of_another_model_does_not_count(run: Path, tmp_path: Path) -> None:
    with (run / "model.int8.onnx").open("ab") as file:
        file.write(b"changed")
    with pytest.raises(UserError, match="judged another model"):
        promote(run, tmp_path / "ocr.int8.onnx")


def test_a_file_that_does_not_read_never_comes_into_service(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "ocr.int8.onnx"
    target.write_bytes(b"the model before")
    (run / "model.int8.onnx").write_bytes(b"junk")
    write_report(run)
    with pytest.raises(UserError):
        promote(run, target)
    assert target.read_bytes() == b"the model before"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="make finetune NAME=none"):
        promote(tmp_path / "none", tmp_path / "ocr.onnx")
    with pytest.raises(UserError, match="nothing to go back to"):
        rollback(tmp_path / "ocr.onnx")


def test_the_served_file_is_the_one_the_server_is_told() -> None:
    assert served_model({"OCR_MODEL": "own.onnx"}) == Path("own.onnx")
    assert served_model({}).name == "crnn-zh-en.int8.onnx"
