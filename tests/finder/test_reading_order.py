"""Boxes are put into the order in which a person reads them, however many there are."""

from __future__ import annotations

import time

import numpy as np
import pytest

from crnn.documents.paragraphs import leveled
from crnn.finder.boxes import LineBox
from crnn.finder.direction import Way
from crnn.finder.reading_order import page_order, reading_order, turn_back
from crnn.page import LineReading


def test_columns_of_text_are_read_one_after_the_other_and_tables_row_by_row() -> None:
    title = [0, 0, 600, 30]
    columns = [[x, y, x + 280, y + 20] for x in (0, 320) for y in (50, 80, 110, 140)]
    assert reading_order(np.array([title, *columns], np.float32)[::-1]).tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    cells = [[x, y, x + 60, y + 20] for y in (0, 30, 60, 90) for x in (0, 200, 400)]
    assert reading_order(np.array(cells, np.float32)).tolist() == list(range(12))
    assert reading_order(np.zeros((0, 4), np.float32)).tolist() == []


def test_columns_of_text_may_hold_rows_of_short_pieces() -> None:
    """The cells of a table, or the answers to an exam's question."""
    column = [[0, y, 280, y + 20] for y in (0, 60, 90)] + [[x, 30, x + 30, 50] for x in (0, 70, 140, 210)]
    left = sorted(column, key=lambda box: (box[1], box[0]))
    both = [*left, *([320 + x0, y0, 320 + x1, y1] for x0, y0, x1, y1 in left)]
    assert reading_order(np.array(both, np.float32)).tolist() == list(range(14))


def test_what_stands_along_a_margin_does_not_hide_columns() -> None:
    """The upright number at the left of a paper, and letters that stand in no row; but not a table's numbers."""
    text = [[x, y, x + 280, y + 20] for x in (100, 420) for y in range(0, 300, 30)]
    number, letters = [[10, 60, 30, 240]], [[50, y, 70, y + 20] for y in (12, 77, 138, 222)]
    order = reading_order(np.array([*number, *letters, *text], np.float32)).tolist()
    assert order == list(range(25))
    rows = [[50, y, 62, y + 20] for y in range(0, 300, 30)]
    order = reading_order(np.array([*rows, *text], np.float32)).tolist()
    assert order[:6] == [0, 10, 20, 1, 11, 21]


def cells(slant: float) -> np.ndarray:
    """Corners of six short cells in each of four level rows, (24, 4, 2) pixels; each cell leans by `slant` radians."""
    corners = np.array([[-30, -20], [30, -20], [30, 20], [-30, 20]], np.float64)
    middles = np.array([[50 + 160 * column, 40 + 60 * row] for row in range(4) for column in range(6)])
    return middles[:, None] + turn_back(corners[None], -slant)


@pytest.mark.parametrize(("slant", "turn"), [(0.03, 0.0), (-0.03, 0.0), (0.0, 0.1), (0.03, 0.1), (0.03, -0.1)])
def test_short_cells_that_all_lean_a_little_do_not_mix_up_the_rows_of_a_table(slant: float, turn: float) -> None:
    """Boxes of single letters lean by chance; those of a tilted page lean because it does."""
    quads = turn_back(cells(slant), -turn)
    boxes = [LineBox(quad.astype(np.float32)) for quad in quads]
    assert page_order(boxes, Way.RIGHT) == list(range(24))
    tops = leveled([LineReading("7", 1, 1, box, ()) for box in boxes])[:, 1].reshape(4, 6)
    assert np.ptp(tops, axis=1).max() < 15  # of rows that are 20 apart


@pytest.mark.parametrize("gap", [0, 1])
def test_the_order_of_very_many_boxes_is_found_quickly(gap: int) -> None:
    """Two columns of specks: bands beside each other, or a zigzag; each start and each end might begin columns."""
    rows = np.arange(2000)
    left = 92.0 * (rows % 2)
    top = 9.0 * (rows if gap else rows // 2)
    boxes = np.stack([left, top, left + 7, top + 6], axis=1).astype(np.float32)
    began = time.process_time()
    order = reading_order(boxes)
    assert time.process_time() - began < 1
    assert order.tolist() == rows.tolist()


def test_columns_begin_below_a_head_of_short_lines() -> None:
    """Where a block is no columns of text, its lower part may still be."""
    head = [[x, y, x + 40, y + 20] for y in range(0, 600, 30) for x in (0, 320)]
    columns = [[x, y, x + 280, y + 20] for x in (0, 320) for y in range(600, 900, 30)]
    order = reading_order(np.array(head + columns, np.float32)).tolist()
    assert [i for i in order if i >= len(head)] == list(range(len(head), len(order)))
