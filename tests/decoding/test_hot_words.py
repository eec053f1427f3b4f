"""Hot words and allow-lists."""

from pathlib import Path

import numpy as np
import pytest

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.decoding.ctc import greedy
from crnn.decoding.hot_words import DEFAULT_BOOST, HotWords, allowed_ids

LETTERS = Charset("abcdef1234567890")


def total(words: HotWords, text: str) -> float:
    """What a whole line of `text` earns."""
    state, score = words.start, 0.0
    for id in LETTERS.encode(text):
        state, change = words.extend(state, id)
        score += change
    return score + words.finish(state)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("abc", 3.0),
        ("ab", 0.0),
        ("abd", 0.0),
        ("ddabcdd", 3.0),
        ("abcabc", 6.0),
        ("ababc", 3.0),
        ("aabc", 3.0),
        ("", 0.0),
    ],
)
def test_whole_words_are_rewarded_and_begun_ones_are_not(text: str, score: float) -> None:
    assert total(HotWords({"abc": 1.0}, LETTERS), text) == pytest.approx(score)


def test_a_begun_word_earns_on_the_way() -> None:
    words = HotWords({"abc": 1.0}, LETTERS)
    state, first = words.extend(words.start, LETTERS.encode("a")[0])
    _, second = words.extend(state, LETTERS.encode("b")[0])
    assert (first, second) == (1.0, 1.0)


def test_a_word_inside_another_is_rewarded_too() -> None:
    words = HotWords({"abcd": 1.0, "bc": 2.0}, LETTERS)
    assert total(words, "fbcf") == pytest.approx(4.0)
    assert total(words, "abce") == pytest.approx(4.0)
    assert total(words, "abcd") == pytest.approx(4.0 + 4.0)


def test_words_that_overlap_each_count() -> None:
    assert total(HotWords({"abc": 1.0, "cde": 1.0}, LETTERS), "abcde") == pytest.approx(6.0)


def test_a_dictionary_is_a_file_of_words_and_boosts(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("# plates\nabc\n\nb12\t3\n", encoding="utf-8")
    assert HotWords.load(file, LETTERS).words == {"abc": DEFAULT_BOOST, "b12": 3.0}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"abc\tmuch", "line 1"),
        (b"a\nxyz", "line 2.*cannot read"),
        (b"abc\t-1", "boost of -1"),
        (b"abc\tnan", "boost of nan"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, content: bytes, complaint: str) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes(content)
    with pytest.raises(UserError, match=complaint):
        HotWords.load(file, LETTERS)


def test_a_missing_dictionary_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        HotWords.load(tmp_path / "absent.txt", LETTERS)


def test_an_allow_list_holds_the_blank_and_its_characters() -> None:
    assert allowed_ids("ba", LETTERS).tolist() == [0, 1, 2]


@pytest.mark.parametrize("text", ["", "xyz"])
def test_an_allow_list_must_name_characters_of_the_model(text: str) -> None:
    with pytest.raises(UserError, match="allow-list"):
        allowed_ids(text, LETTERS)


def test_greedy_reads_the_best_of_what_is_allowed() -> None:
    b, eight = LETTERS.encode("b8")
    logits = np.zeros((1, len(LETTERS)), np.float32)
    logits[0, [b, eight]] = [6.0, 5.0]
    assert LETTERS.decode_ids(greedy(logits).ids) == "b"
    path = greedy(logits, allowed_ids("1234567890", LETTERS))
    assert LETTERS.decode_ids(path.ids) == "8"
    softmax = np.exp(5) / (np.exp(6) + np.exp(5) + len(LETTERS) - 2)
    assert path.confidences == pytest.approx([softmax]), "the share among all characters, not among the digits"


def test_a_character_far_from_allowed_is_read_without_confidence() -> None:
    logits = np.full((1, len(LETTERS)), -2e3, np.float32)
    logits[0, LETTERS.encode("b")[0]] = 2e3
    logits[0, LETTERS.encode("8")[0]] = -1e3
    path = greedy(logits, allowed_ids("8", LETTERS))
    assert (LETTERS.decode_ids(path.ids), path.confidences.tolist()) == ("8", [0.0])


def test_a_byte_order_mark_is_no_part_of_a_word(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(b"\xef\xbb\xbfab\t3\n")
    assert HotWords.load(tmp_path / "words.txt", Charset("ab")).words == {"ab": 3.0}
