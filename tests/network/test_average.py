from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from crnn.core.errors import UserError
from crnn.network.average import main, mean
from crnn.network.checkpoint import load
from crnn.training.config import TrainConfig
from crnn.training.trainer import Trainer


def test_the_mean_of_two_runs_is_a_checkpoint_to_go_on_from(
    small_config: Callable[..., TrainConfig], trained: Path, tmp_path: Path
) -> None:
    start = trained / "checkpoint.pt"
    other = Trainer(small_config("other", start_model=str(start), steps=2, aligned_steps=0)).run()
    main([str(tmp_path / "mean.pt"), str(start), str(other)])
    average, parts = load(tmp_path / "mean.pt"), [load(start), load(other)]
    assert average.info.training["mean_of"] == ["trained", "other"]
    for name, value in average.weights.items():
        if value.is_floating_point():
            expected = (parts[0].weights[name] + parts[1].weights[name]) / 2
            torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-3)
    Trainer(small_config("after", start_model=str(tmp_path / "mean.pt"), steps=1, aligned_steps=0)).run()


def test_what_has_no_mean_is_refused(trained: Path) -> None:
    one = load(trained / "checkpoint.pt")
    other = dataclasses.replace(one, info=dataclasses.replace(one.info, characters=one.info.characters[::-1]))
    with pytest.raises(UserError, match="differ in network, charset or canvas"):
        mean([one, other])
    with pytest.raises(UserError, match="two checkpoints at least"):
        mean([one])


def test_a_description_that_lacks_a_later_key_means_its_default(trained: Path) -> None:
    one = load(trained / "checkpoint.pt")
    older = {key: value for key, value in one.info.model.items() if key != "shortcut"}
    assert older != one.info.model
    mean([one, dataclasses.replace(one, info=dataclasses.replace(one.info, model=older))])
