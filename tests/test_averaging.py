"""The mean of several checkpoints."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from crnn.artifact import ArtifactInfo
from crnn.averaging import average, main
from crnn.checkpoint import Checkpoint, load, save_slim
from crnn.errors import UserError


def checkpoint(value: float, characters: str = "ab") -> Checkpoint:
    weights = {"w": torch.full((3,), float(value)), "seen": torch.tensor(int(value))}
    return Checkpoint(ArtifactInfo(characters), weights, {"step": 1})


def test_weights_are_averaged_and_counts_are_those_of_the_last() -> None:
    mean = average([checkpoint(1), checkpoint(2), checkpoint(6)])
    assert mean.weights["w"].tolist() == [3, 3, 3]
    assert mean.weights["seen"] == 6
    assert not mean.trained


def test_what_does_not_match_is_refused() -> None:
    with pytest.raises(UserError, match="different layers or characters"):
        average([checkpoint(1), checkpoint(2, "abc")])
    with pytest.raises(UserError, match="two checkpoints"):
        average([checkpoint(1)])


def test_the_command_writes_a_checkpoint_to_go_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (1, 2):
        save_slim(checkpoint(value), tmp_path / f"{value}.pt")
    names = [str(tmp_path / name) for name in ("1.pt", "2.pt", "mean/checkpoint.pt")]
    monkeypatch.setattr(sys, "argv", ["averaging", *names[:2], "--output", names[2]])
    main()
    assert load(names[2]).weights["w"].tolist() == [1.5, 1.5, 1.5]
