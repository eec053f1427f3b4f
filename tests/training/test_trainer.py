from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hydra import compose, initialize

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.datasets.lmdb_store import LineStore, LineWriter
from crnn.network.checkpoint import Checkpoint, load
from crnn.network.onnx_export import ExportConfig, export
from crnn.training.config import DataConfig, TrainConfig, learning_rate
from crnn.training.device import choose_device, collective_backend
from crnn.training.loop import Interrupted
from crnn.training.profiler import profile_steps, table
from crnn.training.trainer import Trainer, TrainingDiverged
from crnn.training.variation_config import VariationConfig
from tests.conftest import draw_digits

Build = Callable[..., TrainConfig]
ROOT = Path(__file__).parents[2]
VARIED = VariationConfig(stretch=[0.6, 1.6], above_below=[-0.1, 0.3], turn=4, rise=0.5, noisy=0.5, noise=20)


def same_weights(a: Checkpoint, b: Checkpoint) -> bool:
    return all(
        torch.equal(value, theirs[name])
        for mine, theirs in ((a.weights, b.weights), (a.trained["weights"], b.trained["weights"]))
        for name, value in mine.items()
    )


def overrides(config: TrainConfig) -> list[str]:
    """The configuration as arguments of train.py."""
    fields = dataclasses.asdict(config)
    parts = {f"{part}.{key}": value for part in ("network", "data") for key, value in fields[part].items()}
    plain = {key: value for key, value in fields.items() if key not in ("network", "canvas", "data")}
    return [f"{k}={str(v).replace(' ', '')}" for k, v in {**plain, **parts}.items() if v is not None]


def test_learning_rate_warms_up_stays_and_decays() -> None:
    config = TrainConfig(steps=100, warmup_steps=10, decay_share=0.5, learning_rate=1.0)
    assert learning_rate(0, config) == pytest.approx(0.1)
    assert learning_rate(10, config) == learning_rate(49, config) == 1.0
    assert learning_rate(75, config) == pytest.approx(0.5)
    assert learning_rate(99, config) < 0.01


def test_eight_lines_are_learned_by_heart(small_config: Build, tmp_path: Path) -> None:
    with LineWriter(tmp_path / "eight", {"generator": "tests"}) as writer:
        for text in ("1", "22", "345", "6789", "01234", "998877", "5050505", "31415926"):
            writer.append(draw_digits(text))
    config = small_config("eight", steps=120, aligned_steps=60)
    config.data = dataclasses.replace(
        config.data, train=[str(tmp_path / "eight")], validation=[str(tmp_path / "eight")]
    )
    trainer = Trainer(config)
    trainer.run()
    assert trainer.validation_accuracy is not None and trainer.validation_accuracy.cer == 0


def test_a_trained_model_reads_lines_it_has_not_seen(trained: Path) -> None:
    assert load(trained / "checkpoint.pt").info.validation["exact"] > 0.95


def test_ctc_alone_needs_no_centers(small_config: Build, digit_lines: Path, tmp_path: Path) -> None:
    """Imported lines come without centers: a trained network goes on learning from them."""
    with LineWriter(tmp_path / "imported", {"generator": "tests"}) as writer:
        for i in range(64):
            writer.append(dataclasses.replace(LineStore(digit_lines)[i], centers=None))
    config = small_config("imported", aligned_steps=0, aligned_weight=0.2, steps=3)
    config.data = dataclasses.replace(config.data, train=[str(tmp_path / "imported")], augmentation=0.5)
    trainer = Trainer(config)
    trainer.run()
    assert trainer.step == 3 and trainer.skipped == 0


@pytest.mark.parametrize("varied", [False, True])
def test_resumed_equals_undisturbed(small_config: Build, varied: bool) -> None:
    """Stopped after 7 and 14 of 20 steps (across the change of loss), the weights are the same to the bit."""

    def config(name: str) -> TrainConfig:
        config = small_config(f"{name}_{varied}", steps=20, aligned_steps=10)
        config.data = dataclasses.replace(config.data, variation=VARIED if varied else None)
        config.network = dataclasses.replace(config.network, shortcut=varied)
        return config

    whole = Trainer(config("whole"))
    whole.run()
    for stop in (7, 14, 20):
        trainer = Trainer(config("parts"))
        while trainer.step < stop:
            trainer.train_step(trainer.batches(trainer.step))
        trainer.save()
    assert same_weights(load(whole.path), load(trainer.path))


def test_lines_whose_labels_say_nothing_of_spaces_leave_the_space_alone(
    small_config: Build, digit_lines: Path, tmp_path: Path
) -> None:
    Charset("0123456789 ").save(tmp_path / "charset.txt")
    with LineWriter(tmp_path / "free", {"generator": "tests", "spaces": "free"}) as writer:
        for i in range(64):
            writer.append(dataclasses.replace(LineStore(digit_lines)[i], centers=None))
    config = small_config("free", steps=1, aligned_steps=0)
    free = str(tmp_path / "free")
    config.data = DataConfig(train=[free], validation=[free], charset=str(tmp_path / "charset.txt"))
    trainer = Trainer(config)
    batch = trainer.batches(0)[0]
    head, losses = trainer.model.head, []
    trainer.model.eval()
    for blank, space in ((20.0, 0.0), (0.0, 20.0)):
        with torch.no_grad():
            head.weight[[0, 11]] = 0
            head.bias[0], head.bias[11] = blank, space
        losses.append(trainer.loss(batch, "float32").item())
    assert losses[0] == pytest.approx(losses[1])
    trainer.average["head.bias"] = head.bias.detach().clone()  # whose readings are nothing but spaces now
    _, samples = trainer.validate()
    assert samples and not any(" " in reading for _, reading, _ in samples)


def test_a_network_with_a_shortcut_is_exported_without_it(small_config: Build) -> None:
    config = small_config("shortcut", steps=2, aligned_steps=1)
    config.network = dataclasses.replace(config.network, shortcut=True)
    trainer = Trainer(config)
    trainer.run()
    assert trainer.model.shortcut is not None and trainer.model.shortcut.weight.grad is not None
    exported = export(ExportConfig(checkpoint=str(trainer.path)))
    assert not any("shortcut" in tensor.name for tensor in onnx.load(exported).graph.initializer)


def test_a_device_that_is_not_there_is_replaced_by_the_processor(
    small_config: Build, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Trainer(small_config("no_card", device="cuda:1")).device.type == "cpu"
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert len(said) == 1 and "device=cuda:1 cannot be used" in said[0]


def test_each_process_takes_a_card_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [choose_device("auto", rank).index for rank in range(3)] == [0, 1, 0]
    assert collective_backend(choose_device("cuda:1")) == "nccl"
    with pytest.raises(UserError, match="there are 2 cards"):
        choose_device("cuda:2")


def test_a_signal_saves_first(small_config: Build) -> None:
    trainer = Trainer(small_config("signaled", checkpoint_every=1e9))
    step = trainer.train_step

    def step_and_signal(batches):  # type: ignore[no-untyped-def]
        if trainer.step == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(batches)

    trainer.train_step = step_and_signal  # type: ignore[method-assign]
    with pytest.raises(Interrupted, match="step 5"):
        trainer.run()
    assert load(trainer.path).trained["step"] == 5


def gradients(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None])


def test_gradients_are_clipped(small_config: Build) -> None:
    trainer = Trainer(small_config("clipped", clip_norm=0.01))
    _, before = trainer.train_step(trainer.batches(0))
    assert before > 0.1  # what is reported is the norm before
    assert gradients(trainer).norm().item() == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(("mine", "theirs"), [(False, False), (True, False), (False, True)])
def test_all_processes_stop_when_one_is_asked_to(
    small_config: Build, monkeypatch: pytest.MonkeyPatch, mine: bool, theirs: bool
) -> None:
    """One that stopped alone would leave the others waiting for its gradients."""

    def add_the_other_process(message: torch.Tensor) -> None:
        assert message[-1].item() == mine
        message *= 2
        message[-1] = float(mine) + float(theirs)

    monkeypatch.setattr("crnn.training.gradients.dist.all_reduce", add_the_other_process)
    trainer = Trainer(small_config("agreeing"))
    trainer.world, trainer.asked_to_stop = 2, mine
    trainer.train_step(trainer.batches(0))
    assert trainer.stopping == (mine or theirs)


def test_nonfinite_steps_are_skipped_and_ten_in_a_row_stop_the_run(small_config: Build) -> None:
    trainer = Trainer(small_config("diverged"))
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    with torch.no_grad():
        trainer.model.neck.bias.fill_(float("nan"))
    before["neck.bias"] = trainer.model.neck.bias.detach().clone()
    with pytest.raises(TrainingDiverged, match="10 steps in a row"):
        trainer.run()
    assert trainer.skipped == 10
    for name, value in trainer.model.named_parameters():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0, equal_nan=True)


def test_damaged_lines_are_left_out_and_reported(small_config: Build, digit_lines: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    damaged = set(rng.choice(600, 60, replace=False).tolist())
    store = LineStore(digit_lines)
    with LineWriter(tmp_path / "damaged", {}) as writer:  # without info: as a database of another program
        for i in range(600):
            line = store[i]
            writer.append(dataclasses.replace(line, image=line.image[:60]) if i in damaged else line)
    config = small_config("damaged", steps=1)
    config.data = dataclasses.replace(config.data, train=[str(tmp_path / "damaged")])
    trainer = Trainer(config)
    trainer.run()
    report = (trainer.folder / "rejects.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert {int(row.split("\t")[0]) - 1 for row in report} == damaged
    config.data.max_reject_share = 0.05
    with pytest.raises(UserError, match="60 of 600 lines cannot be used"):
        Trainer(config)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "int4"}, "choose auto, float32 or bfloat16"),
        ({"start_model": "nowhere.pt"}, "no checkpoint at nowhere.pt"),
        ({"device": "gpu"}, "choose auto, cpu, cuda, cuda:N or mps"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"parts": 3}, "choose a divisor of 8"),
        ({"aligned_share": 0.0}, "choose above 0, and 1 at most"),
        ({"head_rate": 0.0}, "choose above 0, and 1 at most"),
    ],
)
def test_mistakes_are_named(small_config: Build, change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Trainer(small_config("mistake", **change))


@pytest.mark.parametrize("change", [{"head_rate": 0.1}, {"trained_layers": "body"}])
def test_a_run_is_not_resumed_with_another_optimizer(
    small_config: Build, trained: Path, change: dict[str, object]
) -> None:
    with pytest.raises(UserError, match="another trained_layers or head_rate"):
        Trainer(small_config("trained", **change))


def test_a_run_is_not_resumed_with_another_network(small_config: Build, trained: Path) -> None:
    config = small_config("trained")
    config.network = dataclasses.replace(config.network, hidden=12)
    with pytest.raises(UserError, match="another charset or network"):
        Trainer(config)


@pytest.mark.slow
@pytest.mark.parametrize("varied", [False, True])
def test_two_processes_equal_one(small_config: Build, varied: bool) -> None:
    """On the same global batches; sums in another order differ in the last digits, and Adam divides small by small."""
    one_config = small_config(f"one_process_{varied}", steps=4, aligned_steps=2, learning_rate=1e-4)
    if varied:
        with initialize(version_base=None, config_path="../../configs"):
            wide = VariationConfig(**compose("variation/wide").data.variation)
        one_config.data = dataclasses.replace(one_config.data, variation=wide)
    one = Trainer(one_config)
    one.run()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train.py"]
    two = small_config(f"two_processes_{varied}", steps=4, aligned_steps=2, learning_rate=1e-4)
    arguments = [*overrides(two), *(["+variation=wide"] if varied else [])]
    subprocess.run([*command, *arguments], check=True, cwd=ROOT, capture_output=True)
    theirs = load(Path(two.artifacts) / two.name / "checkpoint.pt").trained["weights"]
    for name, value in load(one.path).trained["weights"].items():
        if name.endswith("num_batches_tracked"):
            continue  # counts the parts this process has seen; nothing reads it
        torch.testing.assert_close(value, theirs[name], rtol=1e-2, atol=1e-3, msg=lambda text, n=name: f"{n}: {text}")


def saved_at(checkpoint: Path) -> int | None:
    """When it was written, ns; None while there is none, as between the last one's moving aside and the next one."""
    try:
        return checkpoint.stat().st_mtime_ns
    except FileNotFoundError:
        return None


@pytest.mark.slow
def test_killed_runs_end_like_an_undisturbed_one(small_config: Build) -> None:
    """SIGKILL at random moments, KILLS times (3 by default); the final weights are equal to the bit."""
    kills = int(os.environ.get("KILLS", "3"))
    rng = np.random.default_rng(0)
    config = small_config("killed", steps=60 + 20 * kills, checkpoint_every=0.0)
    command = [sys.executable, "train.py", *overrides(config)]
    path = Path(config.artifacts) / config.name / "checkpoint.pt"
    for kill in range(kills):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = saved_at(path)
        while process.poll() is None and saved_at(path) in (None, before):
            time.sleep(0.01)  # until the first step of this life is saved
        time.sleep(rng.uniform(0, 1.0))
        assert process.poll() is None, f"ended before kill {kill}: raise the steps"
        process.kill()
        process.wait()
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    whole = Trainer(small_config("not_killed", steps=config.steps))
    whole.run()
    assert same_weights(load(path), load(whole.path))


def test_profile_says_where_a_step_goes(small_config: Build) -> None:
    trainer = Trainer(small_config("profiled", aligned_steps=0))
    items = profile_steps(trainer, steps=2)
    groups = {item.group for item in items}
    assert {"convolutions, backward", "convolutions, forward", "LSTM, forward", "classifier and CTC, forward"} <= groups
    assert sum(item.share for item in items) == pytest.approx(1)
    assert "| convolutions, backward |" in table(items)
    assert not trainer.path.exists()
