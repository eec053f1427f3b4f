"""`make label` with our reader and stand-ins for the others, whose packages a test should not fetch."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from crnn.core.errors import UserError
from crnn.core.shipped import DEFAULT_MODEL
from crnn.evaluation.engines.readers import Guess, ModelReader
from data.converters.convert import ImportConfig, import_lines
from data.labeling import label as stage
from data.labeling.label import LabelConfig, label

TEXTS = ("Invoice 2024", "Total 118.40", "Thank you")
PAGES = ("first", "second")


class Strict(ModelReader):
    """Ours without the language model: a reader of its own, as far as labeling can tell."""

    def __init__(self, name: str, wrong: str = "") -> None:
        super().__init__(DEFAULT_MODEL, name, threads=1)
        self.wrong = wrong

    def read(self, image: np.ndarray) -> Guess:
        guess = super().read(image)
        return Guess(f"another of {self.name}", 0.99) if self.wrong and self.wrong in guess.text else guess


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(2):
        page = np.full((300, 520), 250, np.uint8)
        for row, text in enumerate(TEXTS):
            where = (30, 70 + 90 * row)
            cv2.putText(
                page, f"{text} {PAGES[number]}" if row < 2 else text, where, cv2.FONT_HERSHEY_SIMPLEX, 1.2, 20, 2
            )
        cv2.imwrite(str(folder / f"{number}.png"), page)
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def config(scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabelConfig:
    readers = [Strict(stage.OURS), Strict("second", wrong="Total"), Strict("third", wrong="Total 118.40 second")]
    monkeypatch.setattr(stage, "open_readers", lambda config: readers)
    return LabelConfig(
        source=str(scans), name="scans", peers=["second", "third"], enough=2, certain=0.0, alone={}, least_height=8,
        exclude=None, most_repeats=20, max_megabytes=100, cache="", artifacts=str(tmp_path / "artifacts"),
    )  # fmt: skip


def labeled(config: LabelConfig) -> dict[str, str]:
    path = Path(config.artifacts) / "labeled" / config.name / "lines.jsonl"
    return {row["text"]: row["tier"] for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}


def test_lines_that_enough_readers_agree_on_can_be_imported(config: LabelConfig, tmp_path: Path) -> None:
    said: list[str] = []
    counts = label(config, said.append)
    assert labeled(config) == {
        "Invoice 2024 first": "agree", "Invoice 2024 second": "agree",
        "Total 118.40 first": "majority", "Thank you": "agree",
    }  # fmt: skip
    assert counts["repeated"] == 1  # the same "Thank you" stands on both pages
    assert counts["disputed"] == 1 and counts["unreadable files"] == 1 and "broken.png" in said[0]
    folder = Path(config.artifacts) / "labeled" / "scans"
    review = (folder / "review.html").read_text(encoding="utf-8")
    assert "another" in review and "1 lines to settle" in review

    imported = import_lines(ImportConfig(
        source=str(folder / "lines.jsonl"), name="scans", format="auto", encoding="utf-8", max_reject_share=0.0,
        holdout=0.0, seed=1, spaces="free", output=str(tmp_path / "lines"),
    ))  # fmt: skip
    assert imported.lines == 4


def test_an_interrupted_run_goes_on_and_ends_as_one_that_was_not(
    config: LabelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(config, lambda _: None)
    whole = labeled(config)
    journal = Path(config.artifacts) / "labeled" / "scans" / "pages.jsonl"
    rows = journal.read_text(encoding="utf-8").split("\n")
    journal.write_text("\n".join([*rows[:2], rows[2][:40]]), encoding="utf-8")  # the power went while it was written
    read: list[str] = []
    find = stage._crops
    monkeypatch.setattr(stage, "_crops", lambda source, *rest: read.append(Path(source).name) or find(source, *rest))
    label(config, lambda _: None)
    assert labeled(config) == whole
    assert len(read) == 2  # the file that was finished is not read again


def test_texts_of_a_test_set_are_left_out(config: LabelConfig, tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text("Invoice2024 first\n", encoding="utf-8")
    config.exclude = str(tmp_path / "test.txt")
    assert label(config, lambda _: None)["excluded"] == 1
    assert "Invoice 2024 first" not in labeled(config)


def test_one_reader_agrees_with_nobody(config: LabelConfig) -> None:
    config.enough = 1
    with pytest.raises(UserError, match="at least two must agree"):
        label(config)


def test_other_settings_need_another_name(config: LabelConfig) -> None:
    label(config, lambda _: None)
    config.enough = 3
    with pytest.raises(UserError, match="another name"):
        label(config)


def test_a_disputed_line_takes_the_reading_of_a_trusted_peer(config: LabelConfig) -> None:
    config.alone = {"third": 0.9}
    label(config, lambda _: None)
    assert labeled(config)["another of third"] == "alone"


def test_a_trusted_peer_is_one_of_the_readers(config: LabelConfig) -> None:
    config.alone = {"fourth": 0.9}
    with pytest.raises(UserError, match="fourth, which is none of the readers: ours, second, third"):
        label(config)
