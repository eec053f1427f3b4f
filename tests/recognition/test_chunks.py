"""Cutting a wide line and joining its readings."""

from itertools import pairwise

import numpy as np
import pytest

from crnn.core.canvas import CanvasSpec
from crnn.core.reading import CharReading
from crnn.recognition.chunks import Piece, cut, join

SPEC = CanvasSpec()


def chars(text: str, start: float, pitch: float = 30, shift: float = 0) -> list[CharReading]:
    return [CharReading(c, 0.9, start + pitch * i + shift) for i, c in enumerate(text)]


def text(readings: list[CharReading]) -> str:
    return "".join(c.char for c in readings)


@pytest.mark.parametrize("width", [1, 800, 801, 1600, 5000])
def test_pieces_cover_the_line_overlap_and_fit(width: int) -> None:
    strip = np.random.default_rng(0).integers(0, 255, (32, width), np.uint8)
    pieces = cut(strip, SPEC)
    assert pieces[0].start == 0
    assert pieces[-1].end == width
    assert all(0 < p.end - p.start <= SPEC.max_width for p in pieces)
    assert all(64 <= a.end - b.start <= 128 for a, b in pairwise(pieces))
    assert len(pieces) == 1 if width <= 800 else len(pieces) > 1


def test_cuts_fall_into_gaps() -> None:
    strip = np.random.default_rng(0).integers(0, 255, (32, 1500), np.uint8)
    for gap in range(20, 1500, 40):
        strip[:, gap : gap + 8] = 255
    first, second = cut(strip, SPEC)[:2]
    assert (strip[:, [first.end, second.start]] == 255).all()


def test_the_overlap_counts_once() -> None:
    left, right = chars("一二三四五", 0), chars("三四五六七", 60, shift=3)
    assert text(join(left, right, Piece(50, 130), 32)) == "一二三四五六七"


def test_repeated_characters_keep_their_count() -> None:
    left, right = chars("......", 0, pitch=8), chars("......", 24, pitch=8, shift=2)
    assert text(join(left, right, Piece(20, 44), 32)) == "........."


def test_damage_next_to_a_cut_is_dropped() -> None:
    left = [*chars("合同编号", 0), CharReading("口", 0.3, 118)]  # half of 码
    right = [CharReading("丨", 0.3, 62), *chars("号码甲", 90)]
    assert text(join(left, right, Piece(58, 125), 32)) == "合同编号码甲"


def test_the_surer_reading_of_a_character_wins() -> None:
    left, right = [CharReading("l", 0.4, 50)], [CharReading("1", 0.8, 51)]
    assert text(join(left, right, Piece(30, 70), 32)) == "1"


def test_without_a_match_the_middle_divides() -> None:
    left, right = chars("ab", 0, pitch=20), chars("cd", 60, pitch=20)
    assert text(join(left, right, Piece(25, 55), 32)) == "abcd"
    assert join([], [], Piece(0, 10), 32) == []
    assert text(join(chars("ab", 0), [], Piece(40, 80), 32)) == "ab"
