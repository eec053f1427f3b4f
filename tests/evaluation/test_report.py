"""What a report says: calibration, comparisons, marked differences, and its JSON form."""

import numpy as np
import pytest

from crnn.datasets.labeled import LabeledLine
from crnn.evaluation.measures.calibration import reliability
from crnn.evaluation.measures.scoring import compare, line_scores, score_lines
from crnn.evaluation.report.markdown import table
from crnn.evaluation.report.worst_lines import mark_differences

LINES = [
    LabeledLine("1", b"", "合同 编号", ("zh", "scan")),
    LabeledLine("2", b"", "Total 12", ("en", "scan")),
    LabeledLine("3", b"", "ok", ("en",)),
]


def test_confidences_that_are_right_as_often_as_they_say_have_no_error() -> None:
    believed = reliability([0.75] * 400, [True, True, True, False] * 100)
    assert believed.ece == pytest.approx(0)
    assert believed.scale == pytest.approx(1, abs=0.05)
    assert believed.offset == pytest.approx(0, abs=0.05)


def test_confidences_that_promise_too_much_are_found_out_and_can_be_mended() -> None:
    rng = np.random.default_rng(0)
    honest = rng.uniform(0.02, 0.98, 4000)
    right = rng.uniform(size=4000) < honest
    boasting = 1 / (1 + ((1 - honest) / honest) ** 3)  # log-odds three times too large
    found = reliability(boasting.tolist(), right.tolist())
    assert found.ece > 0.1
    assert found.scale == pytest.approx(1 / 3, rel=0.1)
    mended = 1 / (1 + np.exp(-(found.scale * np.log(boasting / (1 - boasting)) + found.offset)))
    assert reliability(mended.tolist(), right.tolist()).ece < 0.03


def test_lines_that_are_all_right_do_not_upset_the_fit() -> None:
    assert np.isfinite(reliability([0.9, 0.99], [True, True]).scale)


@pytest.mark.parametrize("confidences", [[], [1.5]])
def test_reliability_wants_a_confidence_a_line(confidences: list[float]) -> None:
    with pytest.raises(ValueError, match="confidence"):
        reliability(confidences, [True] * len(confidences))


def test_a_line_counts_in_each_of_its_categories_and_in_their_combination() -> None:
    accuracy = score_lines(LINES, ["合同编号", "Total 12", "0k"])
    assert accuracy.exact == pytest.approx(1 / 3)
    assert accuracy.exact_nospace == pytest.approx(2 / 3)
    groups = {name: (group.samples, group.exact_nospace) for name, group in accuracy.by_category.items()}
    assert groups == {"en": (2, 0.5), "en/scan": (1, 1), "scan": (2, 1), "zh": (1, 1), "zh/scan": (1, 1)}


def test_lines_without_categories_have_none() -> None:
    assert score_lines([LabeledLine("1", b"", "a")], ["a"]).by_category == {}


def test_single_lines_are_scored_as_all_are() -> None:
    scores = line_scores(LINES, ["合同编号", "Total 12", "0k"])
    assert scores.errors.tolist() == [1, 0, 1]
    assert scores.exact_nospace.tolist() == [True, True, False]


def test_a_comparison_counts_what_changed_and_says_how_sure_it_is() -> None:
    many = LINES * 100
    baseline = [line.text for line in many]
    worse = [*baseline[:-30], *("?" * 30)]
    change = compare(many, baseline, worse)
    assert change.changed == 30
    assert change.exact.mean == pytest.approx(-0.1)
    assert change.exact.low < -0.1 < change.exact.high < 0
    assert change.cer.mean > 0
    same = compare(many, baseline, baseline)
    assert (same.changed, same.exact.low, same.exact.high, same.cer.mean) == (0, 0, 0, 0)


def test_differences_are_marked_and_escaped() -> None:
    assert mark_differences("abc", "abx") == "ab<del>c</del><ins>x</ins>"
    assert mark_differences("a<b", "a<b") == "a&lt;b"
    assert mark_differences("１２", "12") == "12", "what scores as equal is not marked"


def test_tables_are_markdown() -> None:
    assert table(["", "a"], [("x", 1)]) == "|  | a |\n| --- | --- |\n| x | 1 |"
