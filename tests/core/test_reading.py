"""A line's reading and its confidence."""

import pytest

from crnn.core.reading import CharReading, Reading, line_confidence


def test_spaces_at_the_ends_are_no_text() -> None:
    reading = Reading.of([CharReading(c, 0.9, i) for i, c in enumerate("  a b ")])
    assert reading.text == "a b"
    assert [c.x for c in reading.chars] == [2, 3, 4]


def test_a_line_is_as_sure_as_all_its_characters_together() -> None:
    assert line_confidence([0.9, 0.8]) == pytest.approx(0.72)
    assert line_confidence([]) == 0
    assert 0 < line_confidence([0.0, 1e-30]) < 1e-5
    assert 0.999 < line_confidence([1.0]) < 1


@pytest.mark.parametrize("length", [1, 10, 100, 2000])
@pytest.mark.parametrize("probability", [0.99, 0.5, 1e-4])
def test_confidence_means_the_same_at_every_length(length: int, probability: float) -> None:
    reading = Reading.of([CharReading("a", probability, 0)] * length)
    assert reading.confidence == pytest.approx(probability, rel=1e-3)
    assert reading.line_confidence == pytest.approx(probability**length, rel=1e-3, abs=1e-300)
    calibrated = Reading.of([CharReading("a", probability, 0)] * length, scale=0.92, offset=0.62)
    assert calibrated.confidence == pytest.approx(probability, abs=0.17)


def test_nothing_read_is_nothing_vouched_for() -> None:
    assert (Reading.of([]).confidence, Reading.of([]).line_confidence) == (0, 0)


def test_calibration_shifts_and_scales_the_log_odds() -> None:
    assert line_confidence([0.5], scale=3.0) == pytest.approx(0.5)
    assert line_confidence([0.9], scale=0.5) == pytest.approx(0.75)
    assert line_confidence([0.5], offset=-1.0) < 0.3


def test_sureness_compares_networks_that_read_another_number_of_characters() -> None:
    def reading(*confidences: float) -> Reading:
        return Reading.of([CharReading("a", confidence, 0) for confidence in confidences])

    assert reading(*[0.95] * 9).line_confidence < reading(0.65).line_confidence
    assert reading(*[0.95] * 9).selection_score > reading(0.65).selection_score
    assert reading(0.99, 0.3).selection_score < reading(0.8, 0.8).selection_score
    assert reading().selection_score < reading(0.01).selection_score
    assert (reading().weakest, reading(0.9, 0.2).weakest) == (1.0, 0.2)
