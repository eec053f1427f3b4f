"""Boxes are put into the order in which a person reads them, however many there are."""

from __future__ import annotations

import time

import numpy as np
import pytest

from crnn.finder.reading_order import reading_order


def test_columns_of_text_are_read_one_after_the_other_and_tables_row_by_row() -> None:
    title = [0, 0, 600, 30]
    columns = [[x, y, x + 280, y + 20] for x in (0, 320) for y in (50, 80, 110, 140)]
    assert reading_order(np.array([title, *columns], np.float32)[::-1]).tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    cells = [[x, y, x + 60, y + 20] for y in (0, 30, 60, 90) for x in (0, 200, 400)]
    assert reading_order(np.array(cells, np.float32)).tolist() == list(range(12))
    assert reading_order(np.zeros((0, 4), np.float32)).tolist() == []


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
