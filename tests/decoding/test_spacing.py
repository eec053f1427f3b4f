"""Single characters set apart are typed with spaces; words set wide are not."""

from itertools import pairwise

import numpy as np
import pytest

from crnn.core.reading import CharReading
from crnn.decoding.spacing import separate

HEIGHT, WIDTH = 30, 16  # pixels of a letter


def set_line(text: str, gap: int) -> tuple[list[CharReading], np.ndarray]:
    """`text` as it is read, and blocks in place of its letters; a space in it is as wide as a letter."""
    strip = np.full((40, len(text) * (WIDTH + gap) + gap), 255, np.uint8)
    chars = []
    for i, char in enumerate(text):
        left = gap + i * (WIDTH + gap)
        chars.append(CharReading(char, 0.9, left + WIDTH / 2))
        if char != " ":
            strip[5 : 5 + HEIGHT, left : left + WIDTH] = 0
    return chars, strip


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        ("12345", "1 2 3 4 5"),
        ("ML", "M L"),
        ("ABCDEF", "A B C D E F"),
        ("H2O", "H 2 O"),
        ("MENU", "MENU"),
        ("HOTEL", "HOTEL"),
        ("2013年", "2013年"),
        ("ab", "ab"),
        ("HOTEL 12", "HOTEL 1 2"),
        ("A", "A"),
        ("", ""),
    ],
)
def test_what_stands_apart(text: str, apart: str) -> None:
    for gap, expected in ((6, text), (16, apart)):
        chars = separate(*set_line(text, gap))
        assert "".join(char.char for char in chars) == expected
        assert all(a.x < b.x for a, b in pairwise(chars))


def test_a_group_that_stands_apart_in_part_is_left_alone() -> None:
    chars, strip = set_line("123", 16)
    strip[20, int(chars[1].x) : int(chars[2].x)] = 0
    assert separate(chars, strip) == chars
