"""The file of an n-gram model: what it holds, and what becomes of damaged ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.language_model.trie import Trie, quantize
from tests.sources import save_language_model

LETTERS = Charset("abc")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return save_language_model(tmp_path / "lm.npz", LETTERS, ["abc", "ab", "cab"] * 3, [0, 0, 0])


def test_a_file_says_what_is_in_it(file: Path) -> None:
    trie = Trie.load(file)
    assert (trie.order, trie.info["characters"], trie.info["version"]) == (3, "abc", 1)


def test_the_state_is_as_much_of_the_text_as_matters(file: Path) -> None:
    trie = Trie.load(file)
    a, b, c, unknown = range(4)
    state = trie.start
    lengths = []
    for word in (a, b, c, b, unknown, a):
        state, _ = trie.extend(state, word)
        lengths.append(len(state))
    assert lengths == [1, 2, 2, 1, 1, 1], "`cb` does not occur, and nothing follows the unknown word"


def test_the_same_model_makes_the_same_file(file: Path, tmp_path: Path) -> None:
    Trie.load(file).save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == file.read_bytes()


def test_values_are_kept_while_they_fit_the_table_and_rounded_beyond() -> None:
    values = np.array([-1.0, -2.0, -1.0, -5.0])
    places, table = quantize(values, bits=2)
    assert table[places].tolist() == values.tolist()
    places, table = quantize(np.arange(1000.0), bits=3)
    assert len(table) == 8
    assert np.abs(table[places] - np.arange(1000)).max() < 1000 / 8 / 2 + 1
    assert np.bincount(places).tolist() == [125] * 8, "bins hold equally many"


def test_a_cut_file_is_refused_in_one_sentence(file: Path) -> None:
    for kept in range(0, file.stat().st_size - 1, 97):
        cut = file.with_name("cut.npz")
        cut.write_bytes(file.read_bytes()[:kept])
        with pytest.raises(UserError, match="not a language model") as caught:
            Trie.load(cut)
        assert "\n" not in str(caught.value)


def test_a_flipped_byte_is_refused_or_harmless(file: Path) -> None:
    content = file.read_bytes()
    flipped = file.with_name("flipped.npz")
    refused = 0
    for place in range(0, len(content), 7):
        flipped.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            Trie.load(flipped)
        except UserError:
            refused += 1
    assert refused > len(content) / 7 / 2, "the archive's checksums notice; dates and the like do no harm"


def test_another_archive_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    with pytest.raises(UserError, match="not a language model"):
        Trie.load(tmp_path / "other.npz")


def test_another_version_is_refused(file: Path) -> None:
    trie = Trie.load(file)
    Trie(trie.levels, {**trie.info, "version": 7}).save(file)
    with pytest.raises(UserError, match="version 7"):
        Trie.load(file)


def test_characters_that_do_not_fit_are_refused(file: Path) -> None:
    trie = Trie.load(file)
    Trie(trie.levels, {**trie.info, "characters": "abcd"}).save(file)
    with pytest.raises(UserError, match="not those of its 1-grams"):
        Trie.load(file)


def test_levels_that_do_not_fit_are_refused(file: Path) -> None:
    levels = Trie.load(file).levels
    for change in (
        {"children": levels[1].children + np.uint16(1)},
        {"probabilities": levels[1].probabilities[:-1]},
        {"backoffs": np.full_like(levels[1].backoffs, 255)},
    ):
        wrong = dataclasses.replace(levels[1], **change)
        with pytest.raises(UserError, match="2-grams of the language model do not fit"):
            Trie([levels[0], wrong, levels[2]], {})
