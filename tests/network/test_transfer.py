from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.datasets.lmdb_store import LineWriter
from crnn.network.checkpoint import load
from crnn.network.crnn import CRNN, ModelConfig
from crnn.network.transfer import extend, factorize, factors, grow_head, resize_canvas
from crnn.training.config import TrainConfig
from crnn.training.trainer import Trainer
from tests.conftest import DIGITS, draw_digits

Build = Callable[..., TrainConfig]


def test_new_characters_come_after_the_old_ones() -> None:
    assert extend(Charset("ba"), "a new b").characters == "ba enw"


def test_old_rows_stay_and_new_ones_are_average() -> None:
    weights = {
        "head.weight": torch.tensor([[9.0, 9.0], [1.0, 2.0], [3.0, 4.0]]),
        "head.bias": torch.tensor([9.0, 0.0, 1.0]),
    }
    grown = grow_head(weights, Charset("ab"), Charset("abcd"))
    assert grown["head.weight"].tolist() == [[9, 9], [1, 2], [3, 4], [2, 3], [2, 3]]
    assert grown["head.bias"].tolist() == [9, 0, 1, 0.5, 0.5]


def test_a_reordered_charset_is_refused() -> None:
    with pytest.raises(UserError, match="add new ones at the end"):
        grow_head({}, Charset("ab"), Charset("bac"))


@pytest.mark.parametrize(
    ("mode", "frozen"),
    [
        ("head", ("cnn", "lstm")),
        ("head+rnn", ("cnn",)),
        ("cnn", ("lstm", "neck", "head")),
        ("body", ("head",)),
        ("full", ()),
    ],
)
def test_frozen_layers_keep_weights_and_statistics(
    small_config: Build, trained: Path, mode: str, frozen: tuple[str, ...]
) -> None:
    start = trained / "checkpoint.pt"
    trainer = Trainer(
        small_config(f"frozen-{mode}", start_model=str(start), trained_layers=mode, steps=2, aligned_steps=0)
    )
    trainer.run()
    before = load(start).weights
    for name, value in trainer.model.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(value, before[name]) == name.startswith(frozen or ("nothing",)), name


def test_the_classifier_can_learn_at_a_rate_of_its_own(small_config: Build, trained: Path) -> None:
    start = trained / "checkpoint.pt"
    trainer = Trainer(
        small_config(
            "slow-head",
            start_model=str(start),
            head_rate=0.1,
            steps=1,
            aligned_steps=0,
            warmup_steps=0,
            weight_decay=0.0,
        )
    )
    trainer.run()
    before, after = load(start).weights, trainer.model.state_dict()
    moved = {name: (after[name] - before[name]).abs().max().item() for name in ("neck.weight", "head.weight")}
    # AdamW's first step is by the learning rate itself
    assert moved["head.weight"] == pytest.approx(0.1 * moved["neck.weight"], rel=0.01)


def test_new_characters_are_learned_without_touching_the_old_ones(
    small_config: Build, trained: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    with LineWriter(tmp_path / "lines", {"seed": 3}) as writer:
        for _ in range(300):
            writer.append(draw_digits("".join(rng.choice(list("0123456789xx"), rng.integers(1, 9)))))
    extend(DIGITS, "x").save(tmp_path / "charset.txt")
    config = small_config(
        "added", start_model=str(trained / "checkpoint.pt"), trained_layers="added", steps=160, aligned_steps=20
    )
    config.data = dataclasses.replace(
        config.data, train=[str(tmp_path / "lines")], validation=[str(tmp_path / "lines")],
        charset=str(tmp_path / "charset.txt"),
    )  # fmt: skip
    trainer = Trainer(config)
    trainer.run()
    before = load(trained / "checkpoint.pt").weights
    for name, value in trainer.model.state_dict().items():
        old = value[: len(DIGITS)] if name.startswith("head") else value
        assert torch.equal(old, before[name]), name
    accuracy, _ = trainer.validate()
    assert accuracy.exact > 0.8


def test_added_characters_alone_need_some(small_config: Build, trained: Path) -> None:
    with pytest.raises(UserError, match="no character that the start model lacks"):
        Trainer(small_config("none", start_model=str(trained / "checkpoint.pt"), trained_layers="added"))


def test_a_trainer_leaves_the_configuration_it_is_given_alone(small_config: Build, trained: Path) -> None:
    config = small_config("untouched", start_model=str(trained / "checkpoint.pt"), lowered_ranks=[0, 0, 0, 8])
    before = copy.deepcopy(config)
    trainer = Trainer(config)
    assert config == before
    assert trainer.config.network.ranks == [0, 0, 0, 8]


def test_statistics_can_stay_while_all_weights_learn(small_config: Build, trained: Path) -> None:
    trainer = Trainer(
        small_config(
            "kept", start_model=str(trained / "checkpoint.pt"), steps=2, aligned_steps=0, batch_statistics=False
        )
    )
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.run()
    changed = {name for name, value in trainer.model.state_dict().items() if not torch.equal(value, before[name])}
    assert not [name for name in changed if "running" in name]
    assert {name for name, _ in trainer.model.named_parameters()} == changed


def test_distilled_lines_hold_the_network_where_it_is(small_config: Build, trained: Path) -> None:
    start = str(trained / "checkpoint.pt")
    config = small_config("distilled", start_model=start, steps=3, aligned_steps=0, batch_statistics=False)
    config.data.distilled = len(config.data.train)
    trainer = Trainer(config)
    loss, norm = trainer.train_step(trainer.batches(0))
    assert loss < 1e-5
    assert norm < 1e-3


def test_a_split_network_is_held_to_the_whole_one(small_config: Build, trained: Path) -> None:
    config = small_config(
        "held", start_model=str(trained / "checkpoint.pt"), lowered_ranks=[0, 8, 16, 16], steps=12, aligned_steps=0
    )
    config.data.distilled = len(config.data.train)
    trainer = Trainer(config)
    assert trainer.objective.teacher is not None and trainer.objective.teacher.config.ranks == [0, 0, 0, 0]
    losses = [trainer.train_step(trainer.batches(step))[0] for step in range(12)]
    assert max(losses[-3:]) < min(losses[:3])


def test_recalling_needs_something_to_recall(small_config: Build) -> None:
    config = small_config("nothing")
    config.data.distilled = 1
    with pytest.raises(UserError, match="start_model"):
        Trainer(config)


def test_a_longer_charset_starts_from_the_same_readings(small_config: Build, trained: Path, tmp_path: Path) -> None:
    longer = extend(DIGITS, "xyz")
    longer.save(tmp_path / "longer.txt")
    config = small_config("longer", start_model=str(trained / "checkpoint.pt"), steps=1)
    config.data = dataclasses.replace(config.data, charset=str(tmp_path / "longer.txt"))
    accuracy, _ = Trainer(config).validate()
    assert accuracy.exact > 0.95


def test_a_kernel_of_full_rank_is_split_exactly() -> None:
    torch.manual_seed(0)
    images, kernel = torch.randn(2, 6, 5, 8), torch.randn(10, 6, 3, 3)
    whole = conv2d(images, kernel, padding=1)
    errors = []
    for rank in (4, 12, 18):  # 18 is all that a kernel with 6 inputs can have
        columns, rows = factors(kernel, rank)
        assert (columns.shape, rows.shape) == ((rank, 6, 3, 1), (10, rank, 1, 3))
        errors.append((conv2d(conv2d(images, columns, padding=(1, 0)), rows, padding=(0, 1)) - whole).norm())
    assert errors[0] > errors[1] > 1000 * errors[2]


def test_a_network_split_in_two_goes_on_training(small_config: Build, trained: Path) -> None:
    start = load(trained / "checkpoint.pt")
    config = small_config(
        "split", start_model=str(trained / "checkpoint.pt"), lowered_ranks=[0, 8, 0, 16], steps=2, aligned_steps=0
    )
    split = load(Trainer(config).run())
    assert split.info.model == {**start.info.model, "ranks": [0, 8, 0, 16]}
    model = CRNN(ModelConfig(**split.info.model), len(DIGITS))
    model.load_state_dict(split.weights)
    assert sum(table.numel() for table in split.weights.values()) < sum(t.numel() for t in start.weights.values())


@pytest.mark.parametrize("ranks", [[8], [0, 0, 0, -1]])
def test_each_stage_has_a_rank(trained: Path, ranks: list[int]) -> None:
    with pytest.raises(UserError, match="for each of the start model's 4 stages"):
        factorize(load(trained / "checkpoint.pt"), ranks)


def test_ranks_are_lowered_once(small_config: Build, trained: Path) -> None:
    split = factorize(load(trained / "checkpoint.pt"), [0, 8, 0, 0])
    assert factorize(split, [0, 8, 0, 0]).weights.keys() == split.weights.keys()
    with pytest.raises(UserError, match="cannot be changed"):
        factorize(split, [0, 4, 0, 0])
    with pytest.raises(UserError, match="needs a start_model"):
        Trainer(small_config("nothing", lowered_ranks=[0, 8, 0, 0]))


def test_a_higher_canvas_keeps_the_weights_and_the_aspect(trained: Path) -> None:
    start = load(trained / "checkpoint.pt")
    higher = resize_canvas(start, 40)
    assert (higher.info.canvas.height, higher.info.model["height"]) == (40, 40)
    assert higher.info.canvas.max_width / 40 >= start.info.canvas.max_width / 32
    model = CRNN(ModelConfig(**higher.info.model), len(DIGITS))
    model.load_state_dict(higher.weights)
    assert higher.weights is start.weights


@pytest.mark.parametrize("height", [33, 24, 48])
def test_a_height_whose_rows_the_weights_do_not_fit_is_refused(trained: Path, height: int) -> None:
    with pytest.raises(UserError, match="fit even heights from 32 to 46"):
        resize_canvas(load(trained / "checkpoint.pt"), height)


def test_a_run_on_a_higher_canvas_goes_on_where_it_stopped(small_config: Build, trained: Path) -> None:
    start = str(trained / "checkpoint.pt")
    for steps in (1, 2):
        config = small_config("higher", start_model=start, raised_height=40, steps=steps, aligned_steps=0)
        checkpoint = load(Trainer(config).run())
        assert checkpoint.info.training["step"] == steps
    assert checkpoint.info.canvas.height == 40
    with pytest.raises(UserError, match="needs a start_model"):
        Trainer(small_config("nothing", raised_height=40))


def test_an_unknown_mode_is_named(small_config: Build) -> None:
    with pytest.raises(UserError, match="choose one of full, body, cnn, head\\+rnn, head"):
        Trainer(small_config("unknown", trained_layers="tail"))
