from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from crnn.core.errors import UserError
from crnn.core.model_info import ArtifactInfo
from crnn.network.checkpoint import Checkpoint, load, load_newest, previous, save, save_slim


def checkpoint(step: int) -> Checkpoint:
    return Checkpoint(ArtifactInfo("ab"), {"w": torch.full((3,), float(step))}, {"step": step})


def test_the_newest_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    assert load_newest(path) is None
    for step in (1, 2):
        save(checkpoint(step), path)
    newest = load_newest(path)
    assert newest is not None and newest.trained["step"] == 2 and newest.info == ArtifactInfo("ab")
    assert load(previous(path)).trained["step"] == 1


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda content: b"",
    "replaced": lambda content: b"not a checkpoint",
    "cut": lambda content: content[:-100],
    "one bit flipped": lambda content: content[:700] + bytes([content[700] ^ 1]) + content[701:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_newest_falls_back_to_the_one_before(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "checkpoint.pt"
    for step in (1, 2):
        save(checkpoint(step), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(RuntimeWarning, match="falling back"):
        newest = load_newest(path)
    assert newest is not None and newest.trained["step"] == 1


def test_a_checkpoint_is_on_the_disk_before_it_takes_its_name(tmp_path: Path, disk: list[str]) -> None:
    """File, then names, then the folder that holds the names: the power may go at any moment."""
    path = tmp_path / "checkpoint.pt"
    save(checkpoint(1), path)
    written, folder = "sync checkpoint.pt unfinished", f"sync {tmp_path.name}"
    assert disk == [written, "name checkpoint.pt", folder]
    disk.clear()
    save(checkpoint(2), path)
    assert disk == [written, "name checkpoint.previous.pt", written, "name checkpoint.pt", folder]


def test_two_damaged_ones_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    for damaged in (path, previous(path)):
        damaged.write_bytes(b"junk")
    with pytest.warns(RuntimeWarning), pytest.raises(UserError, match="delete them"):
        load_newest(path)


def test_slim_checkpoints_hold_half_precision_and_load_as_float32(tmp_path: Path) -> None:
    path = tmp_path / "slim.pt"
    save_slim(checkpoint(2), path)
    slim = load(path)
    assert slim.weights["w"].dtype == torch.float32 and not slim.trained
    assert torch.load(path, weights_only=True)["weights"]["w"].dtype == torch.float16


def test_what_is_too_large_for_half_precision_stays_whole(tmp_path: Path) -> None:
    """The variance of a batch norm may be: as infinity it would silence its channel, and spoil all later averages."""
    weights = {"w": torch.ones(2), "norm.running_var": torch.tensor([1.0, 1e5])}
    save_slim(Checkpoint(ArtifactInfo("ab"), weights), tmp_path / "slim.pt")
    slim = load(tmp_path / "slim.pt").weights
    assert torch.equal(slim["norm.running_var"], weights["norm.running_var"])


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    save(Checkpoint(ArtifactInfo("ab"), {"w": torch.tensor([1.0, value])}), tmp_path / "checkpoint.pt")
    with pytest.raises(UserError, match=r"infinite or not a number \(w\)"):
        load(tmp_path / "checkpoint.pt")


@pytest.mark.parametrize("name", ["crnn-zh-en.fp16.pt", "finder.fp16.pt"])
def test_the_shipped_weights_can_be_trained_on(name: str) -> None:
    assert load(Path(__file__).parents[2] / "models" / name).weights


def test_digest_follows_the_weights() -> None:
    assert checkpoint(1).sha256 == checkpoint(1).sha256 != checkpoint(2).sha256
