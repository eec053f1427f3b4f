"""Pages that lie on their side or lean are searched again as they would stand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from crnn.finder.boxes import LineBox
from crnn.finder.direction import Way
from crnn.finder.straightening import find_straight, leaning, turn


def line(x: float, y: float, length: float, height: float, degrees: float) -> LineBox:
    """A lying line of that size, turned clockwise about its beginning."""
    angle = np.radians(degrees)
    along, down = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    start = np.array([x, y])
    corners = [start, start + length * along, start + length * along + height * down, start + height * down]
    return LineBox(np.array(corners, np.float32))


def test_most_of_the_length_of_the_lines_says_how_a_page_leans() -> None:
    boxes = [line(50, 40 * row, 300, 20, 12) for row in range(5)] + [line(0, 0, 100, 20, 0), line(9, 9, 20, 20, 40)]
    assert leaning(boxes, upright=False) == pytest.approx(12, abs=0.1)
    assert leaning([line(200, 20, 300, 20, 90 + 9)], upright=True) == pytest.approx(9, abs=0.1)
    assert leaning([], upright=False) == 0


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("lean", [0.0, 15.0, -20.0])
def test_a_turned_picture_knows_where_its_points_were(quarters: int, lean: float) -> None:
    image = np.full((90, 140), 255, np.uint8)
    cv2.circle(image, (30, 60), 4, 0, -1)
    turned, matrix = turn(image, quarters, lean)
    rows, columns = np.nonzero(turned < 100)
    expected = matrix[:, :2] @ [30.5, 60.5] + matrix[:, 2]
    assert [columns.mean() + 0.5, rows.mean() + 0.5] == pytest.approx(list(expected), abs=0.8)


class Searched:
    """A finder that notes what it is given, and finds one lying line in it."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def find(self, image: np.ndarray) -> list[LineBox]:
        self.shapes.append(image.shape)
        return [line(10, 20, 60, 12, 0)]


def test_a_page_on_its_side_is_searched_standing() -> None:
    finder, image = Searched(), np.zeros((200, 100), np.uint8)
    (found,) = find_straight(finder, image, [line(50, 10, 80, 12, 90)], Way.DOWN)  # type: ignore[arg-type]
    assert finder.shapes == [(100, 200)]
    assert found.quad[0] == pytest.approx([80, 10]) and found.quad[1] == pytest.approx([80, 70])  # it reads downwards


def test_a_page_that_stands_or_leans_a_little_is_searched_once() -> None:
    finder, found = Searched(), [line(10, 10 * row, 80, 8, 3) for row in range(4)]
    assert find_straight(finder, np.zeros((99, 99), np.uint8), found, Way.RIGHT) == found  # type: ignore[arg-type]
    assert not finder.shapes


@pytest.mark.parametrize(("shape", "most"), [((60, 20_000), 0), ((5000, 4000), 3200 * 3200 * 2.5)])
def test_turning_does_not_make_large_pictures_of_thin_or_large_ones(shape: tuple[int, int], most: float) -> None:
    finder = Searched()
    leans = [line(100, 10, 1000, 20, 30)]
    found = find_straight(finder, np.zeros(shape, np.uint8), leans, Way.RIGHT)  # type: ignore[arg-type]
    assert sum(height * width for height, width in finder.shapes) <= most
    assert (found == leans) == (not most)
