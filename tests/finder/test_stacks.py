"""Single characters of several rows that stand below each other are read row by row."""

from __future__ import annotations

from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from crnn.finder.boxes import LineBox
from crnn.finder.direction import Way
from crnn.finder.stacks import part_stacks
from crnn.page import PageReader
from crnn.recognizer import Recognizer

MONO = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSansMono.ttf")
PITCH = 40  # px from row to row


def box(left: float, top: float, right: float, bottom: float) -> LineBox:
    return LineBox(np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32))


def page_of_rows(digits: str) -> np.ndarray:
    """A page with one digit at the left of each row."""
    page = np.full((40 + PITCH * len(digits), 300, 3), 255, np.uint8)
    for row, digit in enumerate(digits):
        cv2.putText(page, digit, (20, 44 + PITCH * row), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
    return page


STACK = box(12, 12, 48, 172)
ROWS = [box(80, 18 + PITCH * row, 260, 48 + PITCH * row) for row in range(4)]


def test_a_stack_is_parted_at_the_rows_beside_it() -> None:
    boxes, ways = part_stacks(page_of_rows("2458"), [*ROWS, STACK], [*[Way.RIGHT] * 4, Way.COLUMN], Way.RIGHT)
    assert ways == [Way.RIGHT] * 8
    tops, bottoms = (np.array([one.quad[corner, 1] for one in boxes[4:]]) for corner in (0, 3))
    rows = np.array([row.quad[:, 1].mean() for row in ROWS])
    assert (tops < rows).all() and (bottoms > rows).all() and (tops[1:] > bottoms[:-1]).all()


def test_a_column_whose_characters_stand_beside_no_rows_is_left_whole() -> None:
    between = [box(80, 38 + PITCH * row, 260, 68 + PITCH * row) for row in range(4)]
    for rows in (between, []):
        boxes = [*rows, STACK]
        given = [*[Way.RIGHT] * len(rows), Way.COLUMN]
        assert part_stacks(page_of_rows("2458"), boxes, given, Way.RIGHT) == (boxes, given)


def test_a_line_that_makes_sense_when_turned_is_left_whole() -> None:
    boxes, given = [*ROWS, STACK], [*[Way.RIGHT] * 4, Way.UP]
    assert part_stacks(page_of_rows("2458"), boxes, given, Way.RIGHT) == (boxes, given)


def test_a_character_that_has_a_box_already_gets_no_second_one() -> None:
    rows = [*ROWS[:3], box(14, 138, 60, 168)]
    boxes, _ = part_stacks(page_of_rows("2458"), [*rows, STACK], [*[Way.RIGHT] * 4, Way.COLUMN], Way.RIGHT)
    assert len(boxes) == 4 + 3


def test_the_numbers_of_a_listing_stand_before_its_lines() -> None:
    code = ["int main(void)", "{", "for (i = 0; i < n; i++)", "{", "if (a[i] > b)", "{", "x = y + 1;", "}", "return 0;"]
    page = Image.new("RGB", (420, 20 + 20 * len(code)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.truetype(str(MONO), 13)
    for row, line in enumerate(code):
        draw.text((12, 10 + 20 * row), f"{row + 1}", "black", font)
        draw.text((42 + 16 * line.count("(") * (row > 0), 10 + 20 * row), line, "black", font)
    lines = [line.text for line in PageReader(Recognizer()).read(np.asarray(page)[:, :, ::-1]).lines]
    numbers = [text for text in lines if text.isdigit()]
    assert numbers == sorted(numbers) and max(map(len, numbers)) == 1
    assert lines.index("5") < lines.index("if (a[i] > b)") < lines.index("7")
