"""Statistics of a dataset: the counts, the terminal's text, the files, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hydra import compose, initialize

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.datasets.lmdb_store import LineWriter, StoredLine
from data.stats.describe import DatasetStats, StatsConfig, describe, write
from data.stats.report import as_text


def picture(width: int) -> bytes:
    return cv2.imencode(".png", np.full((32, width), 255, np.uint8))[1].tobytes()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Five lines that can be used and two that cannot."""
    with LineWriter(tmp_path / "lines", {"generator": "test"}) as writer:
        for _ in range(3):
            writer.append(StoredLine(picture(100), "ab你", None, "ui"))
        writer.append(StoredLine(picture(300), "a b", None, "中文"))
        writer.append(StoredLine(picture(25), "abababa"))  # 7 of 8 frames: tight
        writer.append(StoredLine(picture(100), "犇a"))
        writer.append(StoredLine(b"", "a"))
    Charset(" ab你好").save(tmp_path / "charset.txt")
    return tmp_path / "lines"


def configured(dataset: Path, **settings: object) -> StatsConfig:
    overrides = [f"dataset='{dataset}'", f"charset='{dataset.parent / 'charset.txt'}'"]
    with initialize(version_base=None, config_path="../../configs"):
        cfg: Any = compose("stats", [*overrides, *(f"{key}={value}" for key, value in settings.items())])
    return cfg


def test_what_is_counted(dataset: Path) -> None:
    stats = describe(configured(dataset, rare=4))
    assert (stats.lines, stats.usable, stats.characters) == (7, 5, 19)
    assert stats.rejects == {"characters outside the charset": 1, "unreadable image": 1}
    assert stats.foreign == {"犇": 1}
    assert (stats.label_lengths.values, stats.label_lengths.counts) == ([3, 7], [4, 1])
    assert (stats.label_lengths.median, stats.label_lengths.p95) == (3, 7)
    assert (stats.canvas_widths.values, stats.canvas_widths.counts) == ([32, 128, 384], [1, 3, 1])
    assert (stats.frame_use.values, stats.frame_use.counts) == ([5, 10, 90], [1, 3, 1])
    assert stats.tight_share == 0.2
    assert {name: c.lines for name, c in stats.categories.items()} == {"none": 1, "ui": 3, "中文": 1}
    assert stats.commonest == {"a": 8, "b": 7, "你": 3, " ": 1}
    assert (stats.rare_characters, stats.unseen) == (" 你好", 1)
    assert stats.character_groups == {"0": 1, "1-4": 2, "5-19": 2, "20-99": 0, "100-999": 0, "1000+": 0}


def test_by_default_lines_are_judged_by_what_the_shipped_model_reads(tmp_path: Path) -> None:
    """Its charset has traditional characters, and its canvas takes lines 25 times as wide as high."""
    with LineWriter(tmp_path / "lines", {"generator": "test"}) as writer:
        writer.append(StoredLine(picture(300), "臺灣繁體產業發展"))
        writer.append(StoredLine(picture(815), "a" * 40))
        writer.append(StoredLine(picture(830), "too wide"))
    stats = describe(configured(tmp_path / "lines", charset="null"))
    assert (stats.usable, stats.foreign) == (2, {})


def test_the_files_hold_the_same(dataset: Path, tmp_path: Path) -> None:
    stats = write(configured(dataset))
    assert json.loads((dataset / "stats.json").read_text(encoding="utf-8"))["commonest"] == stats.commonest
    height, width = cv2.imread(str(dataset / "stats.png")).shape[:2]
    assert (height, width) == (800, 1500)
    write(configured(dataset, output=f"'{tmp_path / 'elsewhere'}'"))
    assert (tmp_path / "elsewhere/stats.png").is_file()


def test_the_text_fits_a_terminal_and_names_what_matters(dataset: Path) -> None:
    text = as_text(describe(configured(dataset)))
    assert max(map(len, text.splitlines()[1:])) <= 100  # the first holds a path
    for part in (
        "7 lines, 5 usable",
        "outside the charset, by the lines they cost: 犇 1",
        "20.00% of the lines",
        "中文",
    ):
        assert part in text


def test_a_long_histogram_is_gathered_into_few_rows(dataset: Path) -> None:
    with LineWriter(dataset.parent / "many", {}) as writer:
        for length in range(1, 101):
            writer.append(StoredLine(picture(8 * length), "ab" * (length // 2) + "a" * (length % 2)))
    rows = as_text(describe(configured(dataset.parent / "many"))).splitlines()
    start = next(i for i, row in enumerate(rows) if row.startswith("characters a line"))
    assert rows[start + 1].split()[:2] == ["1-9", "9"]
    assert rows[start + 12].split()[:2] == ["100-108", "1"]


def test_nothing_usable_is_an_error(dataset: Path) -> None:
    with LineWriter(dataset.parent / "bad", {}) as writer:
        writer.append(StoredLine(b"", "a"))
    with pytest.raises(UserError, match=r"none of its 1 lines can be used \(1 unreadable image\)"):
        describe(configured(dataset.parent / "bad"))
    with pytest.raises(UserError, match="no LMDB dataset"):
        describe(configured(dataset.parent / "nowhere"))


def test_an_output_that_is_a_file_is_an_error(dataset: Path) -> None:
    stats: DatasetStats | None = None
    with pytest.raises(UserError, match="say output=FOLDER"):
        stats = write(configured(dataset, output=f"'{dataset / 'data.mdb'}'"))
    assert stats is None
