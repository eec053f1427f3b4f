"""From frames to characters."""

import numpy as np
import pytest

from crnn.decoding.ctc import collapse, frames_needed, greedy


def logits(path: list[int], classes: int = 4, margin: float = 5.0) -> np.ndarray:
    scores = np.zeros((len(path), classes), np.float32)
    scores[np.arange(len(path)), path] = margin
    return scores


@pytest.mark.parametrize(
    ("path", "ids"),
    [([1, 1, 0, 1, 2], [1, 1, 2]), ([0, 0], []), ([], []), ([3, 3, 3], [3]), ([1, 2, 2, 0, 2], [1, 2, 2])],
)
def test_repeats_merge_and_blanks_go(path: list[int], ids: list[int]) -> None:
    assert collapse(path) == ids
    assert greedy(logits(path)).ids.tolist() == ids


def test_a_character_stands_in_the_middle_of_its_frames() -> None:
    path = greedy(logits([0, 1, 1, 1, 0, 2, 2]))
    assert path.frames.tolist() == [2.0, 5.5]


def test_confidence_is_the_softmax_of_the_surest_frame() -> None:
    scores = logits([1, 1], classes=3)
    scores[1] = [0.0, 2.0, 0.0]
    expected = np.exp(5) / (np.exp(5) + 2)
    assert greedy(scores).confidences == pytest.approx([expected])


def test_large_scores_do_not_overflow() -> None:
    path = greedy(logits([1, 2], margin=1e4))
    assert path.confidences.tolist() == [1.0, 1.0]


def test_equal_neighbors_need_a_blank_between_them() -> None:
    assert frames_needed([1, 2, 3]) == 3
    assert frames_needed([1, 1, 1]) == 5
    assert frames_needed([]) == 0
