"""A set is the same however it was drawn, and an interrupted one is finished, never mistaken for whole."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from omegaconf import OmegaConf

from crnn.core.errors import UserError
from crnn.datasets.lmdb_store import LineStore, LineWriter
from data.synthesis.build import DataConfig, PreviewConfig, build, describe, draw_lines, load_settings, make_synthesizer
from data.synthesis.preview import preview
from tests.configured import configured
from tests.sources import write_sources

ROOT = Path(__file__).parents[2]
KINDS = {"uniform": 0.3, "codes": 0.2, "forms": 0.25, "english": 0.25}


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    write_sources(tmp_path)
    book = OmegaConf.load(ROOT / "configs/synthesis/quick.yaml")
    book.text.kinds = KINDS
    OmegaConf.save(book, tmp_path / "recipes.yaml")
    return configured(
        DataConfig,
        "data",
        name="set",
        profile="quick",
        lines=40,
        seed=3,
        processes=1,
        chunk=7,
        recipes=str(tmp_path / "recipes.yaml"),
        charset=str(tmp_path / "ascii.txt"),
        artifacts=str(tmp_path),
        test_groups={"en": ["english"], "forms": ["forms"]},
        test_recipes=["clean", "scan"],
    )


def stored(path: Path) -> list[tuple[bytes, str, bytes, str]]:
    store = LineStore(path)
    lines = [store[i] for i in range(len(store))]
    return [(line.image, line.label, np.asarray(line.centers).tobytes(), line.category) for line in lines]


def test_the_number_of_processes_changes_nothing(config: DataConfig) -> None:
    alone = stored(build(config))
    together = stored(build(replace(config, name="together", processes=3, chunk=5)))
    assert len(alone) == 40 and alone == together


def test_an_interrupted_build_is_taken_up_and_ends_the_same(config: DataConfig) -> None:
    whole = stored(build(config))
    begun = replace(config, name="begun")
    synthesizer = make_synthesizer(begun)
    with pytest.raises(KeyboardInterrupt), LineWriter(begun.dataset, describe(begun, synthesizer)) as writer:
        for line in draw_lines(synthesizer, begun.seed, 0, 17, processes=1, chunk=4):
            writer.append(line)
        raise KeyboardInterrupt
    with pytest.raises(UserError, match="its build was interrupted"):
        LineStore(begun.dataset)
    with pytest.raises(UserError, match="begun with other settings"):
        build(replace(begun, seed=4))
    assert stored(build(begun)) == whole


def test_a_finished_set_is_not_overwritten(config: DataConfig) -> None:
    build(config)
    with pytest.raises(UserError, match="stands at"):
        build(config)


def test_a_test_set_has_as_many_lines_of_each_category(config: DataConfig) -> None:
    categories = [category for *_, category in stored(build(replace(config, split="test")))]
    assert {c: categories.count(c) for c in categories} == dict.fromkeys(
        ("en_clean", "en_scan", "forms_clean", "forms_scan"), 10
    )


@pytest.mark.parametrize(("change", "says"), [
    ({"lines": 0}, "lines and chunk must be at least 1"),
    ({"split": "dev"}, "split is train or test, not 'dev'"),
    ({"recipes": "none.yaml"}, "no recipe book at 'none.yaml'"),
    ({"charset": "none.txt"}, "no charset file at none.txt"),
])  # fmt: skip
def test_what_cannot_be_built_is_refused(config: DataConfig, change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        build(replace(config, **change))


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_the_recipe_books_that_come_with_the_project_are_valid(config: DataConfig, profile: str) -> None:
    settings = load_settings(replace(config, recipes=str(ROOT / f"configs/synthesis/{profile}.yaml")))
    assert {"clean", "photo", "scan"} <= set(settings.recipes)
    assert abs(sum(recipe.weight for recipe in settings.recipes.values()) - 1) < 1e-6
    for recipe in settings.recipes.values():
        assert recipe.size.p == 1 and recipe.size.low >= 12 and recipe.contrast.low >= 60


def test_a_misspelled_recipe_key_is_refused(config: DataConfig) -> None:
    with pytest.raises(UserError, match="blurr"):
        load_settings(replace(config, synthesis={"recipes": {"clean": {"blurr": {"p": 1}}}}))


def test_a_sheet_is_written_from_a_set_and_from_scratch(config: DataConfig) -> None:
    build(config)
    sheets = [preview(replace(config, preview=PreviewConfig(10, 2, True, "", synthesize=False)))]
    output = str(config.dataset.parent / "fresh.png")
    sheets.append(preview(replace(config, preview=PreviewConfig(10, 2, True, output, synthesize=True))))
    shapes = [cv2.imread(str(sheet)).shape for sheet in sheets]
    assert sheets[0].name == "preview.png" and shapes[0] == shapes[1] and shapes[0][0] > 300


@pytest.mark.parametrize(("argument", "says"), [
    ("line=5", "line"),
    ("artifacts=nowhere", "run `make fonts` first"),
    ("+synthesis.recipes.clean.blurr.p=1", "blurr"),
])  # fmt: skip
def test_mistakes_end_in_one_line(argument: str, says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "data.synthesis.build", "profile=full", argument],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stderr.startswith("error: ") and says in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1
