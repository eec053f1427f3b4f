"""Shared material: lines of digits drawn by OpenCV, and one small model that was really trained on them."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from crnn.core.charset import Charset
from crnn.datasets.lmdb_store import LineWriter, StoredLine
from crnn.network.crnn import ModelConfig
from crnn.network.onnx_export import ExportConfig, export
from crnn.training.config import DataConfig, TrainConfig
from crnn.training.trainer import Trainer
from tests.skips import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401 (hooks)

DIGITS = Charset("0123456789")


def draw_digits(text: str, size: float = 0.9) -> StoredLine:
    """A line of digits as a PNG with the true center of each."""
    pitch = round(22 * size)
    image = np.full((32, pitch * len(text) + 10), 255, np.uint8)
    for place, digit in enumerate(text):
        cv2.putText(image, digit, (5 + pitch * place, 26), cv2.FONT_HERSHEY_SIMPLEX, size, 0, 2)
    centers = 5 + pitch * (np.arange(len(text)) + 0.5)
    return StoredLine(cv2.imencode(".png", image)[1].tobytes(), text, centers.astype(np.float32), "digits")


def write_digit_lines(path: Path, lines: int, seed: int) -> Path:
    """An LMDB of `lines` random numbers of 1 to 10 digits."""
    rng = np.random.default_rng(seed)
    with LineWriter(path, {"generator": "tests", "seed": seed}) as writer:
        for _ in range(lines):
            text = "".join(rng.choice(list(DIGITS.characters), rng.integers(1, 11)))
            writer.append(draw_digits(text, rng.uniform(0.7, 1.0)))
    return path


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done so that files survive a loss of power, in order: "sync NAME" of files and folders, "name NAME"."""
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(file: int) -> None:
        name = Path(f"/proc/self/fd/{file}").readlink().name
        done.append("sync " + re.sub(r"^\.(.*)\.\d+\.part(\..*)$", r"\1\2 unfinished", name))
        fsync(file)

    def noted_replace(source: str | Path, target: str | Path) -> None:
        done.append(f"name {Path(target).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    return done


@pytest.fixture(scope="session")
def digits_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The charset of the digits as a file."""
    path = tmp_path_factory.mktemp("charset") / "digits.txt"
    DIGITS.save(path)
    return path


@pytest.fixture(scope="session")
def digit_lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 lines of digits to train on."""
    return write_digit_lines(tmp_path_factory.mktemp("lines") / "train", 600, seed=0)


@pytest.fixture(scope="session")
def held_out_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 lines of digits not trained on."""
    return write_digit_lines(tmp_path_factory.mktemp("lines") / "held_out", 200, seed=1)


@pytest.fixture(scope="session")
def small_config(
    digits_file: Path, digit_lines: Path, held_out_digits: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., TrainConfig]:
    """Builds the configuration of a small network on the digits; keywords change it."""
    artifacts = tmp_path_factory.mktemp("artifacts")

    def build(name: str, **changes: Any) -> TrainConfig:
        config = TrainConfig(
            name=name,
            artifacts=str(artifacts),
            network=ModelConfig(
                stem=8, channels=[16, 24, 32, 48], convolutions=[1, 1, 1, 1], hidden=24, layers=1, bottleneck=24
            ),
            data=DataConfig(train=[str(digit_lines)], validation=[str(held_out_digits)], charset=str(digits_file)),
            steps=90,
            aligned_steps=50,
            aligned_weight=0.0,
            batch_pixels=4096,
            learning_rate=4e-3,
            warmup_steps=5,
            decay_share=1.0,
            ema=0.9,
            precision="float32",
            threads=1,
            validate_every=1000,
            log_every=10,
        )
        return dataclasses.replace(config, **changes)

    return build


@pytest.fixture(scope="session")
def trained(small_config: Callable[..., TrainConfig]) -> Path:
    """The folder of a run that was really trained and exported: checkpoint.pt and model.onnx."""
    checkpoint = Trainer(small_config("trained")).run()
    export(ExportConfig(checkpoint=str(checkpoint)))
    return checkpoint.parent
