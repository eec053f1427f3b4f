"""The figures by which decoders are compared."""

import numpy as np
import pytest

from crnn.evaluation.decoding.comparison import Comparison
from crnn.evaluation.decoding.hot_words_study import WordCount, choose_words


def test_a_comparison_counts_what_is_mended_and_what_is_spoiled() -> None:
    truths = ["abcd", "efgh", "ijkl", "mnop"]
    result = Comparison.of(truths, ["abcx", "efgh", "ijxx", "mnop"], ["abcd", "efgx", "ijkx", "mnop"])
    assert (result.mended, result.spoiled) == (0.25, 0.25)
    assert (result.exact_before, result.exact_after) == (0.5, 0.5)
    assert (result.cer_before, result.cer_after) == (3 / 16, 2 / 16)
    assert result.reduction == pytest.approx(1 / 3)
    assert "right to wrong 25.00%" in result.row()


def test_nothing_wrong_leaves_nothing_to_reduce() -> None:
    assert Comparison.of(["a"], ["a"], ["a"]).reduction == 0


def test_words_are_counted_line_by_line() -> None:
    assert WordCount.of(["中文", "文字"], ["中文字", "无"], ["中文学", "中文"]) == WordCount(2, 1, 1)


def test_words_are_hanzi_of_the_lines_and_of_no_others() -> None:
    lines = ["发票号码 A12", "号码", "中文abc中"]
    assert sorted(choose_words(lines, ["其他号码"], 10, 2, seed=1)) == ["中文", "发票", "票号"]
    assert choose_words(lines, [], 2, 2, seed=1) == choose_words(lines, [], 2, 2, seed=1)
    assert len(np.unique(choose_words(lines, [], 2, 2, seed=1))) == 2
