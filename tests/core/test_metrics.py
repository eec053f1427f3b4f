"""Scores of readings."""

import pytest

from crnn.core.metrics import edit_distance, normalize, score


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "abc", 0), ("中文", "中", 1), ("ab", "ba", 2)],
)
def test_edit_distance_counts_insertions_deletions_and_substitutions(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == distance


def test_widths_and_runs_of_spaces_do_not_count() -> None:
    assert normalize("  Ａ１\u3000 b ") == "A1 b"


def test_score_sums_errors_over_all_lines() -> None:
    accuracy = score(["abcd", "a b", "中文"], ["abcx", "ab", "中文"], ["en", "en", "zh"])
    assert accuracy.samples == 3
    assert accuracy.exact == pytest.approx(1 / 3)
    assert accuracy.exact_nospace == pytest.approx(2 / 3)
    assert accuracy.cer == pytest.approx(2 / 9)
    assert accuracy.by_category["zh"].exact == 1
    assert list(accuracy.by_category) == ["en", "zh"]


def test_lists_must_match_and_hold_something() -> None:
    with pytest.raises(ValueError, match="2 truths but 1 readings"):
        score(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="no lines"):
        score([], [])
    with pytest.raises(ValueError, match="zip"):
        score(["a", "b"], ["a", "b"], ["one"])
