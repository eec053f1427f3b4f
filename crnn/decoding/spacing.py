"""Puts spaces between single letters and digits that stand apart, such as `1 2 3 4 5` or `A B C D`.

Networks learn that a wide gap need not be a space, from words that are set wide (`H O T E L` says HOTEL). What a person
would type goes by what the characters are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from crnn.core.reading import CharReading

GAP = 0.4  # of the ink's height, at least, of blank columns; between the letters of words it is .25 at most
PITCH = 1.0  # of the ink's height, at least, from middle to middle: a 1 has wide gaps wherever digits have one width
LONGEST_GROUP = 3  # letters; more of them are a word set wide, unless they follow the alphabet
CONTRAST = 0.3  # of the strongest ink's: what differs less from the paper is none


def separate(chars: Sequence[CharReading], strip: np.ndarray) -> list[CharReading]:
    """`chars` with a space in each gap between single letters or digits set apart.

    A group is what stands between two spaces or the ends of the line. It is separated as a whole or not at all.

    Args:
        chars: of one line, x in pixels of the strip.
        strip: uint8 (H, W), the line.
    """
    spaces = [-1, *(i for i, c in enumerate(chars) if c.char == " "), len(chars)]
    groups = [(begin + 1, end) for begin, end in pairwise(spaces) if _is_list([c.char for c in chars[begin + 1 : end]])]
    if not groups:
        return list(chars)
    blank, height = _blank_columns(strip)
    apart = set[int]()  # places of characters before which a space belongs
    for begin, end in groups:
        neighbors = list(pairwise(chars[begin:end]))
        if all(_stand_apart(a, b, blank, height) for a, b in neighbors):
            apart.update(range(begin + 1, end))
    spaced: list[CharReading] = []
    for i, char in enumerate(chars):
        if i in apart:
            before = chars[i - 1]
            spaced.append(CharReading(" ", min(before.confidence, char.confidence), (before.x + char.x) / 2))
        spaced.append(char)
    return spaced


def _is_list(group: Sequence[str]) -> bool:
    """Whether characters would be typed with spaces between them if they stood apart."""
    if len(group) < 2 or not all(c.isascii() and (c.isupper() or c.isdigit()) for c in group):
        return False
    if len(group) <= LONGEST_GROUP or any(c.isdigit() for c in group):
        return True
    return all(ord(b) - ord(a) == 1 for a, b in pairwise(group))


def _blank_columns(strip: np.ndarray) -> tuple[np.ndarray, int]:
    """Which columns hold no ink, bool (W,), and the height of all ink, pixels."""
    paper = np.median(strip[[0, -1]])
    difference = np.abs(strip.astype(np.float32) - paper)
    ink = difference > CONTRAST * difference.max()
    rows = np.flatnonzero(ink.any(axis=1))
    return ~ink.any(axis=0), int(rows[-1] - rows[0]) + 1 if len(rows) else len(strip)


def _stand_apart(left: CharReading, right: CharReading, blank: np.ndarray, height: int) -> bool:
    if right.x - left.x < PITCH * height:
        return False
    between = np.concatenate([[False], blank[int(left.x) : int(right.x) + 1], [False]])
    edges = np.flatnonzero(np.diff(between))
    gaps = edges[1::2] - edges[::2]
    return bool(gaps.max(initial=0) >= GAP * height)
