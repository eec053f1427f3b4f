"""A page is read line by line, and its characters stand in its own pixels."""

from typing import Any

import cv2
import numpy as np
import pytest

from crnn.core.reading import CharReading
from crnn.finder.boxes import LineBox, crop_line
from crnn.finder.direction import Directed, on_page
from crnn.page import FoundLines, PageReader
from crnn.recognizer import Recognizer


@pytest.mark.parametrize(
    ("quad", "place"),
    [
        ([[10, 20], [110, 20], [110, 40], [10, 40]], (35, 30)),
        ([[10, 20], [210, 20], [210, 60], [10, 60]], (60, 40)),  # twice as large in the page
        ([[40, 10], [40, 110], [20, 110], [20, 10]], (30, 35)),  # downwards
        ([[110, 40], [10, 40], [10, 20], [110, 20]], (85, 30)),  # upside down
    ],
)
def test_characters_of_a_crop_are_placed_in_the_page(quad: list[list[int]], place: tuple[int, int]) -> None:
    line = Directed(LineBox(np.array(quad, np.float32)), np.zeros((20, 100), np.uint8))
    (char,) = on_page([CharReading("a", 0.9, 25, 10)], line)
    assert (char.x, char.y) == pytest.approx(place)


def test_a_line_that_cannot_be_read_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    page = np.full((120, 500, 3), 255, np.uint8)
    for row, text in enumerate(["Total 12", "Paid 10"]):
        cv2.putText(page, text, (30, 45 + 55 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 2)
    boxes = [LineBox(np.array([[20, y], [260, y], [260, y + 50], [20, y + 50]], np.float32)) for y in (8, 62)]
    found = FoundLines(tuple(Directed(box, crop_line(page, box)) for box in boxes))
    monkeypatch.setattr(PageReader, "find", lambda self, *_, **__: found)
    recognizer = Recognizer()
    reader = PageReader(recognizer)
    assert reader.read(page).text == "Total 12\nPaid 10"
    read, first = recognizer._read_crops, True

    def fragile(pixels: Any, decode: Any, allowance: Any) -> Any:
        nonlocal first
        if len(pixels) > 1 or first:
            first = len(pixels) > 1
            raise OverflowError("too many")
        return read(pixels, decode, allowance)

    monkeypatch.setattr(recognizer, "_read_crops", fragile)
    broken, other = reader.read(page).lines
    assert (broken.text, broken.error) == ("", "OverflowError: too many")
    assert (other.text, other.error) == ("Paid 10", "")


@pytest.mark.parametrize(("turn", "quarters"), [(0, 0), (90, 1), (180, 2), (270, 3)])
def test_a_page_is_turned_as_told_without_trying(turn: int, quarters: int) -> None:
    upright = np.full((300, 500), 255, np.uint8)
    for row, text in enumerate(["Total 12", "Paid 10"]):
        cv2.putText(upright, text, (60, 100 + 100 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 0, 3)
    reader = PageReader(Recognizer())
    tried: list[object] = []
    reader._confidence = tried.append  # type: ignore[method-assign,assignment]
    read = reader.read(np.ascontiguousarray(np.rot90(upright, quarters)), layout="page", turn=turn)
    assert (read.text, read.turned, tried) == ("Total 12\nPaid 10", turn, [])
