"""Reading and serving must not drag in what only training needs."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "torchvision", "onnx", "hydra", "omegaconf", "lmdb", "PIL", "matplotlib"}


@pytest.mark.parametrize("module", ["crnn.recognizer", "crnn.__main__", "crnn.image.preprocess"])
def test_importing_the_reader_loads_nothing_of_training(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    root = Path(__file__).parent.parent
    loaded = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    assert not HEAVY & set(loaded.split())
