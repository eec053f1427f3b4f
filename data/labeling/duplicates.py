"""Recognizes pictures of lines that differ by little more than their compression."""

from __future__ import annotations

import cv2
import numpy as np

COLUMNS, ROWS = 32, 8


def fingerprint(image: np.ndarray) -> int:
    """256 bits of a gray line, uint8 (H, W): whether each of 32 × 8 cells is brighter than its left neighbor.

    The difference hash of N. Krawetz (2013), wider than high as lines are.
    """
    cells = cv2.resize(image, (COLUMNS + 1, ROWS), interpolation=cv2.INTER_AREA).astype(np.int16)
    brighter = cells[:, 1:] > cells[:, :-1] + 2  # paper alone is even: noise must not decide
    return int.from_bytes(np.packbits(brighter).tobytes())


class Duplicates:
    """Lines seen before: the same text, and a picture that differs in few cells.

    Args:
        most_different: cells of 256 that may differ.
        most_repeats: lines of the same text that are kept, however different they look.
    """

    def __init__(self, most_different: int = 12, most_repeats: int = 20) -> None:
        self.most_different, self.most_repeats = most_different, most_repeats
        self._seen: dict[str, list[int]] = {}

    def add(self, letters: str, print_: int) -> bool:
        """Remember a line; False if it is one too many."""
        seen = self._seen.setdefault(letters, [])
        if len(seen) >= self.most_repeats:
            return False
        if any((print_ ^ other).bit_count() <= self.most_different for other in seen):
            return False
        seen.append(print_)
        return True
