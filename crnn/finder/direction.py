"""Tells which way up a page is, and which way each of its lines reads, by reading some lines both ways.

The network shows where lines are and along which axis they run; whether they read to the right or to the left is told
by what makes better sense (docs/history/finder.md has figures). Where a page reads clearly, two lines tell it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from crnn.core.reading import CharReading
from crnn.finder.boxes import LineBox, crop_line
from crnn.finder.columns import Column, lay_column
from crnn.image.preprocess import line_gray

PROBES = 7  # lines that are read to tell the way up
FIRST, SURE_OF_FIRST = 2, 0.95  # of these, those that are read first, and their mean confidence that makes it enough
PROBE_LENGTH = 8  # times its height: so much of a line is read to tell the way up
POOR = 0.6  # mean confidence below which a page may be one of columns that was turned
SURE = 0.9  # mean confidence of the probes from which no other way is tried
LONGER = 1.5  # times as high as wide: a box from there on stands upright
SLENDER = 2.0  # the same for a box that tells how its page reads
CONTESTED = 0.75  # of the length of most boxes that those across them have: what both say is compared
MOST_UPRIGHT = 60  # upright boxes of a level page that are tried each way; the others are read as the best of these


class Way(IntEnum):
    """How the text of a box is read, in quarter turns clockwise of its direction; `COLUMN`: upright, top to bottom.

    A `COLUMN_…` is one on a page that was turned, and runs to the left, up or to the right.
    """

    RIGHT = 0
    DOWN = 1
    LEFT = 2
    UP = 3
    COLUMN = 4
    COLUMN_LEFT = 5
    COLUMN_UP = 6
    COLUMN_RIGHT = 7

    @property
    def quarters(self) -> int:
        """Quarter turns clockwise of the page on which text reads this way, 0 to 3."""
        return self % 4

    @property
    def column(self) -> Way:
        """How a column reads on a page whose lines read this way."""
        return Way(Way.COLUMN + self.quarters)


UPRIGHT_WAYS = (Way.DOWN, Way.UP, Way.COLUMN, Way.COLUMN_UP)  # of most boxes of a page, in the order they are tried
LYING_WAYS = (Way.RIGHT, Way.LEFT, Way.COLUMN_LEFT, Way.COLUMN_RIGHT)


@dataclass(frozen=True)
class Directed:
    """A line with its direction.

    Attributes:
        box: its corners begin at the text's top left.
        crop: uint8 (h, w), the line to read.
        column: how the crop was laid from a column of upright characters; None for other lines.
    """

    box: LineBox
    crop: np.ndarray
    column: Column | None = None


Confidence = Callable[[Sequence[np.ndarray]], Sequence[float]]  # of lines, in [0, 1], comparable between lengths


def is_upright(box: LineBox) -> bool:
    """Whether the box is a column on its page: its longer side runs down."""
    along = box.quad[1] - box.quad[0] if box.width >= box.height else box.quad[3] - box.quad[0]
    return bool(abs(along[1]) > abs(along[0])) and is_long(box)


def is_lying(box: LineBox) -> bool:
    """Whether its longer side runs across its page."""
    return is_long(box) and not is_upright(box)


def is_across(box: LineBox, page: Way) -> bool:
    """Whether its longer side runs across the lines of a page that reads `page`."""
    return is_lying(box) if page in (Way.DOWN, Way.UP) else is_upright(box)


def is_long(box: LineBox) -> bool:
    """Whether the box has a direction of its own; that of one letter has none."""
    return max(box.width, box.height) >= LONGER * min(box.width, box.height)


def directed(image: np.ndarray, box: LineBox, way: Way) -> Directed:
    """The line of `box`, found lying or upright, read in the direction `way`."""
    turned = _leveled(box).turned(way.quarters)
    if way >= Way.COLUMN:
        column = lay_column(line_gray(crop_line(image, turned)))
        return Directed(LineBox(turned.quad, box.score, True), column.line, column)
    return Directed(turned, line_gray(crop_line(image, turned)))


def page_way(image: np.ndarray, boxes: Sequence[LineBox], confidence: Confidence) -> Way:
    """How most lines of the page are read; `RIGHT` where nothing can be told."""
    if not boxes:
        return Way.RIGHT
    upright = np.array([is_upright(box) for box in boxes])
    lengths = np.array([max(box.width, box.height) for box in boxes])
    slender = np.array([max(box.width, box.height) / max(1.0, min(box.width, box.height)) for box in boxes])
    slim = slender >= SLENDER
    mostly_upright = bool(lengths[upright & slim].sum() > lengths[~upright & slim].sum())
    kinds = [mostly_upright]
    others = lengths[(upright != mostly_upright) & (slender >= LONGER)].sum()
    if others >= CONTESTED * lengths[(upright == mostly_upright) & slim].sum():  # short words, or figures in columns
        kinds.append(not mostly_upright)
    best, best_confidence = Way.RIGHT, -1.0
    for kind in kinds:
        candidates: list[int] = np.flatnonzero(upright == kind).tolist()
        if not candidates:  # a few upright boxes, none of them slender
            break
        # Long lines say most, but very long ones cost most.
        weight = np.array([boxes[i].score for i in candidates]) * np.minimum(slender[candidates], 12)
        probes = [boxes[candidates[k]] for k in np.argsort(-weight, kind="stable")[:PROBES]]
        for way in UPRIGHT_WAYS if kind else LYING_WAYS:
            if way > Way.COLUMN and best_confidence >= POOR:
                break
            mean = _mean_confidence(image, probes, way, confidence)
            if mean > best_confidence:
                best, best_confidence = way, mean
            if mean >= SURE:
                break
    return best


def _mean_confidence(image: np.ndarray, probes: Sequence[LineBox], way: Way, confidence: Confidence) -> float:
    """Of the probes read in the direction `way`; of the first alone where these leave no doubt."""

    def read(some: Sequence[LineBox]) -> list[float]:
        crops = [directed(image, box, way).crop for box in some]
        return [*confidence([crop[:, : PROBE_LENGTH * crop.shape[0]] for crop in crops])] if crops else []

    first = read(probes[:FIRST])
    if np.mean(first) >= SURE_OF_FIRST:
        return float(np.mean(first))
    return float(np.mean(first + read(probes[FIRST:])))


def line_ways(image: np.ndarray, boxes: Sequence[LineBox], page: Way, confidence: Confidence) -> list[Way]:
    """How each line is read on a page that reads `page`: what stands across it is tried each way.

    Single letters read as their page does.
    """
    ways = [page] * len(boxes)
    if page is Way.COLUMN:  # letters and short lying lines among columns read to the right
        return [page if is_upright(box) else Way.RIGHT for box in boxes]
    across = [i for i, box in enumerate(boxes) if is_across(box, page)]
    # As the page does, too: the box of a slender letter such as 1 stands across its page.
    options = (page, page.column, *((Way.RIGHT, Way.LEFT) if page in (Way.DOWN, Way.UP) else (Way.UP, Way.DOWN)))
    tried = sorted(across, key=lambda i: -boxes[i].score)[:MOST_UPRIGHT]
    if not tried:
        return ways
    table = np.array([confidence([directed(image, boxes[i], way).crop for i in tried]) for way in options])
    for column, i in enumerate(tried):
        ways[i] = options[int(table[:, column].argmax())]
    usual = options[int(table.mean(axis=1).argmax())]
    for i in set(across) - set(tried):
        ways[i] = usual
    return ways


def _leveled(box: LineBox) -> LineBox:
    """The box with its corners from the upper left of the page clockwise, whichever way it was found."""
    quad = box.quad
    # The first side is the one that runs most to the right.
    sides = np.roll(quad, -1, axis=0) - quad
    first = int(np.argmax(sides[:, 0] / np.maximum(np.linalg.norm(sides, axis=1), 1e-6)))
    return LineBox(np.roll(quad, -first, axis=0), box.score)


def on_page(chars: Sequence[CharReading], line: Directed) -> tuple[CharReading, ...]:
    """Characters placed in pixels of a line's crop, placed in pixels of its page."""
    quad = line.box.quad
    if line.column is not None:
        down = quad[3] - quad[0]
        middle = (quad[0] + quad[1]) / 2
        shares = np.array([line.column.share_of(char.x) for char in chars])
        places = middle + shares[:, None] * down
    else:
        height, width = line.crop.shape[:2]
        along, down = (quad[1] - quad[0]) / width, (quad[3] - quad[0]) / height
        inside = np.array([(char.x, char.y) for char in chars]).reshape(-1, 2)
        places = quad[0] + inside @ np.stack([along, down])
    return tuple(CharReading(c.char, c.confidence, x, y) for c, (x, y) in zip(chars, places.tolist(), strict=True))
