"""What a person sees who mistypes: one line that says what and how to mend it, exit code 2, no traceback."""

from __future__ import annotations

import importlib
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from crnn.core.stage import _misread, typed
from crnn.training.config import TrainConfig

ROOT = Path(__file__).parent.parent

MISTAKES = {
    "misspelled key": (["train.py", "stepps=5"], "there is no key stepps: did you mean steps?"),
    "misspelled key inside": (["train.py", "network.hiden=1"], "did you mean network.hidden?"),
    "misspelled key, added": (["train.py", "+stepps=5"], "did you mean steps?"),
    "unquoted path": (["train.py", "name=labels (1).txt"], """write 'name="labels (1).txt"'"""),
    "unquoted comma": (["-m", "data.converters.convert", "source=a,b.txt", "name=x"], """write 'source="a,b.txt"'"""),
    "unquoted brackets": (["-m", "data.stats.describe", "dataset=[x]"], """write 'dataset="[x]"'"""),
    "nothing to evaluate": (["evaluate.py", "name=x"], "dataset is missing"),
    "value of the wrong type": (["train.py", "steps=many"], "steps"),
    "missing dataset": (["train.py", "data.train=[nowhere]", "artifacts={tmp}"], "no LMDB dataset at nowhere"),
    "doubled character": (["train.py", "data.charset={tmp}/doubled.txt", "artifacts={tmp}"], "'a' more than once"),
    "unknown preprocessing": (["train.py", "canvas.mode=magic", "artifacts={tmp}"], "choose one of plain"),
    "unknown experiment": (["train.py", "+experiment=none"], "experiment/none"),
    "nothing to export": (["export.py"], "checkpoint"),
    "no such model": (["evaluate.py", "model=none.onnx", "dataset=none", "name=x"], "none"),
    "no such model to quantize": (["quantize.py", "model=none.onnx", "dataset=none"], "none.onnx"),
    "unknown fonts": (["-m", "data.fonts", "profile=none"], "none"),
    "unknown corpus": (["-m", "data.corpus.build", "profile=none"], "choose one of"),
    "unknown recipes": (["-m", "data.synthesis.build", "recipes=none.yaml"], "no recipe book"),
    "nothing to import": (["-m", "data.converters.convert", "source=nowhere", "name=x"], "there is no nowhere"),
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


@pytest.mark.parametrize(
    "path",
    ["a (1).txt", "a[1].txt", "a=b.txt", "a,b.txt", "it's.txt", "~/a.txt", "{a}.txt", "中文.txt", 'a "b".txt'],
)
def test_what_a_mistaken_path_should_be_written_as_stands_for_it(path: str) -> None:
    meant = _misread(f"source={path}", "")
    assert OverridesParser.create().parse_override(meant).value() == path


def made(target: str, *variables: str) -> subprocess.CompletedProcess[str]:
    """What `make` would run."""
    there = ("-o", ".venv/base", "-o", ".venv/train")
    return subprocess.run(["make", "-n", *there, target, *variables], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("target", "variable", "key"),
    [
        ("import", "SOURCE", "source"),
        ("data-stats", "DATASET", "dataset"),
        ("evaluate", "DATASET", "dataset"),
        ("train", "START_MODEL", "start_model"),
        ("finetune", "DATA", "data"),
        ("lm", "TEXT", "text"),
    ],
)
def test_make_hands_on_any_path_as_it_is(target: str, variable: str, key: str) -> None:
    path = """~/a dir/it's [x], {y}=(1) "q".txt"""
    words = shlex.split(made(target, f"{variable}={path}").stdout.replace("\\\n", " "))
    (argument,) = [word for word in words if word.startswith(f"{key}=")]
    assert OverridesParser.create().parse_override(argument).value() in (path, [path])


@pytest.mark.parametrize(
    ("target", "variable"), [("import", "SOURCE"), ("evaluate", "DATASET"), ("quantize", "DATASET")]
)
def test_make_asks_for_what_is_missing_in_one_line(target: str, variable: str) -> None:
    done = made(target)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert f"make {target} needs {variable}=PATH" in done.stderr


def test_the_home_of_the_user_is_found_in_every_value() -> None:
    config = OmegaConf.structured(TrainConfig)
    values = {"start_model": "~/m.pt", "data": {"train": ["~/a"]}, "artifacts": "a~/b"}
    set_in_yaml = {key: 1 for key in config if OmegaConf.is_missing(config, key)}
    read = typed(OmegaConf.merge(config, set_in_yaml, values), TrainConfig)
    assert (read.start_model, read.data.train) == (str(Path.home() / "m.pt"), [str(Path.home() / "a")])
    assert read.artifacts == "a~/b"


STAGES = {  # name of each stage's configuration, and the module that registers its schema
    "train": "train", "train_finder": "train", "export": "export", "quantize": "quantize",
    "quantize_finder": "quantize", "evaluate": "evaluate", "bench_pages": "evaluate",
    "data": "data.synthesis.build", "page_sets": "data.synthesis.page_sets",
    "plain_pages": "data.synthesis.benchmark_pages", "photographs": "data.synthesis.photographs",
    "fonts": "data.fonts.__main__", "corpus": "data.corpus.build", "import": "data.converters.convert",
    "label": "data.labeling.label", "stats": "data.stats.describe", "domain": "data.finetuning.prepare",
    "before_after": "crnn.finetuning.before_after", "lm": "crnn.language_model.build",
    "lm_tuning": "crnn.evaluation.decoding.lm_tuning",
    "hot_words_study": "crnn.evaluation.decoding.hot_words_study",
}  # fmt: skip


@pytest.mark.parametrize("name", STAGES)
def test_yaml_and_schema_agree_on_every_default(name: str) -> None:
    """A stage called from Python does the same as the command: what a YAML file sets has no other default in code."""
    importlib.import_module(STAGES[name])
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        composed = compose(name)
    schema = OmegaConf.structured(OmegaConf.get_type(composed))
    differing = {
        key: (schema[key], composed[key])
        for key in composed
        if not OmegaConf.is_missing(schema, key) and not OmegaConf.is_missing(composed, key)
        and not OmegaConf.is_interpolation(composed, key)
        and isinstance(schema[key], (int, float, str)) and schema[key] != ""
        and schema[key] not in (composed[key], str(ROOT / str(composed[key])))
    }  # fmt: skip
    assert not differing
