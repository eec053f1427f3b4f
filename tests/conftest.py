"""Shared material: lines of digits drawn by OpenCV, and one small model that was really trained on them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from crnn.charset import Charset
from crnn.lmdb_store import LineWriter, StoredLine

DIGITS = Charset("0123456789")


def draw_digits(text: str, size: float = 0.9) -> StoredLine:
    """A line of digits as a PNG with the true centre of each."""
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
