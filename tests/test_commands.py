"""What a person sees who mistypes: one line that says what and how to mend it, exit code 2, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MISTAKES = {
    "misspelt key": (["train.py", "model.hiden_size=1"], "hiden_size"),
    "value of the wrong type": (["train.py", "steps=many"], "steps"),
    "missing dataset": (["train.py", "data.train=[nowhere]", "artifacts={tmp}"], "no LMDB dataset at nowhere"),
    "doubled character": (["train.py", "data.charset={tmp}/doubled.txt", "artifacts={tmp}"], "'a' more than once"),
    "unknown preprocessing": (["train.py", "canvas.mode=magic", "artifacts={tmp}"], "choose one of plain"),
    "unknown experiment": (["train.py", "+experiment=none"], "experiment/none"),
    "nothing to export": (["export.py"], "checkpoint"),
    "no such model": (["evaluate.py", "model=none.onnx", "dataset=none", "name=x"], "none"),
    "no such model to quantise": (["quantize.py", "model=none.onnx", "dataset=none"], "none.onnx"),
    "unknown fonts": (["-m", "data.fonts", "profile=none"], "none"),
    "unknown corpus": (["-m", "data.corpus", "profile=none"], "choose one of"),
    "unknown recipes": (["-m", "data.build", "recipes=none.yaml"], "no recipe book"),
    "nothing to import": (["-m", "data.importing", "source=nowhere", "name=x"], "there is no nowhere"),
    "no such picture": (["-m", "crnn", "--model", "none.onnx", "nowhere.png"], "none.onnx"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "part"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_ends_in_one_line(arguments: list[str], part: str, tmp_path: Path) -> None:
    (tmp_path / "doubled.txt").write_text("a\nb\na\n", encoding="utf-8")
    command = [sys.executable, *(argument.format(tmp=tmp_path) for argument in arguments)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = result.stderr.strip().splitlines()
    assert result.returncode == 2
    assert len(lines) == 1 and lines[0].startswith("error: "), result.stderr
    assert part in lines[0]
