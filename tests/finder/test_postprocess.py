"""Maps become the boxes they were drawn from, whatever their number and direction."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crnn.finder.joining import join_rows
from crnn.finder.matching import match_quads
from crnn.finder.postprocess import Boxes, BoxSettings, boxes_from_maps
from tests.finder.drawing import maps_of


def line(x: float, y: float, length: float, height: float, degrees: float = 0.0) -> np.ndarray:
    """A quad whose upper left corner is at (x, y)."""
    along = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    down = np.array([-along[1], along[0]])
    start = np.array([x, y])
    return np.array(
        [start, start + length * along, start + length * along + height * down, start + height * down], np.float32
    )


@pytest.mark.parametrize("degrees", [0.0, 3.0, -7.0, 30.0, 90.0])
def test_a_line_is_found_where_it_was_drawn(degrees: float) -> None:
    truth = line(180, 150, 160, 24, degrees)[None]
    found = boxes_from_maps(maps_of(truth, (512, 512)), 4, BoxSettings())
    assert match_quads(truth, found.quads, 0.8) == [(0, 0)]
    assert found.heights[0] == pytest.approx(24, rel=0.05)


def test_lines_close_to_each_other_stay_apart() -> None:
    truth = np.stack([line(40, 20 + 26 * row, 300, 22) for row in range(12)])
    found = boxes_from_maps(maps_of(truth, (384, 384)), 4, BoxSettings())
    assert len(match_quads(truth, found.quads, 0.7)) == 12 == len(found)


def test_a_short_box_takes_the_direction_of_its_page() -> None:
    truth = np.stack([line(60, 60, 200, 20, 5), line(60, 120, 200, 20, 5), line(60, 180, 24, 20, 5)])
    found = boxes_from_maps(maps_of(truth, (320, 320)), 4, BoxSettings())
    assert len(match_quads(truth, found.quads, 0.75)) == 3


@pytest.mark.parametrize("gap", [(20, 0), (0, 4)])
def test_lines_that_a_doubtful_bridge_joins_stay_apart(gap: tuple[int, int]) -> None:
    right, down = gap
    one = line(60, 100, 120, 24)
    other = np.add(one, (120 + right, 0) if right else (0, 24 + down))
    maps = maps_of(np.stack([one, other]), (384, 384))
    bridge = np.concatenate([one, other])
    (left, top), (far, bottom) = bridge.min(axis=0) + 8, bridge.max(axis=0) - 8
    cells = np.s_[int(top) // 4 : int(bottom) // 4, int(left) // 4 : int(far) // 4]
    maps[0][cells] = np.maximum(maps[0][cells], 0.2)  # a probability of 0.55
    maps[1][cells] = np.log2(24)
    found = boxes_from_maps(maps, 4, BoxSettings())
    assert len(match_quads(np.stack([one, other]), found.quads, 0.7)) == 2 == len(found)


def test_a_faint_line_and_one_with_a_faint_letter_are_found_whole() -> None:
    truth = np.stack([line(60, 60, 200, 24), line(60, 140, 200, 24)])
    maps = maps_of(truth, (320, 320))
    maps[0][maps[0] > 0] = 0.4  # a probability of 0.6
    maps[0][37:41, 40:44] = 3.0  # and one stroke that is surer
    found = boxes_from_maps(maps, 4, BoxSettings())
    assert len(match_quads(truth, found.quads, 0.8)) == 2 == len(found)


def test_an_upright_box_runs_down() -> None:
    found = boxes_from_maps(maps_of(line(200, 40, 150, 20, 90)[None], (256, 256)), 4, BoxSettings())
    first = found.quads[0, 1] - found.quads[0, 0]
    assert first[1] > 5 * abs(first[0])


def test_nothing_is_found_on_an_empty_map() -> None:
    assert len(boxes_from_maps(np.full((2, 40, 40), -9, np.float32), 4, BoxSettings())) == 0


def test_the_best_boxes_are_kept_where_there_are_too_many() -> None:
    truth = np.stack([line(20, 12 + 24 * row, 60 + 40 * (row % 2), 16) for row in range(10)])
    found = boxes_from_maps(maps_of(truth, (256, 256)), 4, BoxSettings(most=5))
    assert len(found) == 5
    assert (np.linalg.norm(found.quads[:, 1] - found.quads[:, 0], axis=1) > 85).all()


@given(arrays(np.float32, (2, 24, 40), elements=st.floats(-20, 20, width=32)))
@settings(max_examples=60, deadline=None)
def test_any_map_gives_finite_boxes(maps: np.ndarray) -> None:
    maps[1] = np.clip(maps[1], 0, 10)
    boxes = join_rows(boxes_from_maps(maps, 4, BoxSettings(least_score=0.1)))
    assert np.isfinite(boxes.quads).all() and np.isfinite(boxes.heights).all()


def test_a_page_full_of_specks_is_done_in_a_moment() -> None:
    rng = np.random.default_rng(0)
    maps = np.stack([np.where(rng.random((400, 400)) < 0.3, 5.0, -5.0), np.full((400, 400), 4.0)]).astype(np.float32)
    start = time.process_time()
    join_rows(boxes_from_maps(maps, 4, BoxSettings()))
    assert time.process_time() - start < 1.0


def boxes(*quads: np.ndarray) -> Boxes:
    heights = np.array([np.linalg.norm(quad[3] - quad[0]) for quad in quads], np.float32)
    return Boxes(np.stack(quads), np.full(len(quads), 0.9, np.float32), heights)


@pytest.mark.parametrize("degrees", [0.0, 12.0, 90.0])
def test_parts_of_a_line_are_joined(degrees: float) -> None:
    whole = line(100, 100, 200, 20, degrees)
    along = (whole[1] - whole[0]) / 200
    parts = [whole + 0, whole + 0]
    parts[0][[1, 2]] -= 99 * along  # boxes that overlap by 2 px in a line 20 px high
    parts[1][[0, 3]] += 99 * along
    joined = join_rows(boxes(*parts))
    assert match_quads(whole[None], joined.quads, 0.9) == [(0, 0)]


def test_cells_of_a_table_stay_apart() -> None:
    cells = [line(20 + 80 * column, 20 + 30 * row, 77, 20) for row in range(3) for column in range(3)]
    assert len(join_rows(boxes(*cells))) == 9


def rows(number: int, *lengths: float, every: int = 1) -> list[np.ndarray]:
    """Rows of parts that touch; only `every` so many are cut, the others are one box."""
    found = []
    for row in range(number):
        begin = 20.0
        for length in lengths if row % every == 0 else [sum(lengths)]:
            found.append(line(begin, 20 + 30 * row, length + 1, 20))
            begin += length
    return found


def test_cells_that_touch_stay_apart_where_rows_agree_on_their_edge() -> None:
    assert len(join_rows(boxes(*rows(6, 80, 30, 80, 90)))) == 24
    assert len(join_rows(boxes(*rows(2, 80, 30, 80, 90)))) == 2  # two lines that break at one place


def test_an_edge_that_most_lines_run_over_is_none() -> None:
    assert len(join_rows(boxes(*rows(18, 80, 90, every=3)))) == 18


def test_numbers_of_items_and_the_end_of_a_number_stay_with_their_lines() -> None:
    assert len(join_rows(boxes(*rows(6, 30, 200)))) == 6  # A. text
    assert len(join_rows(boxes(*rows(6, 80, 40)))) == 6  # 1 057 273


@pytest.mark.parametrize(("number", "columns"), [(50, 40), (4000, 5), (50, 400)])
def test_edges_of_many_columns_are_found_in_a_moment(number: int, columns: int) -> None:
    cells = boxes(*rows(number, *[80.0] * columns))
    start = time.process_time()
    assert len(join_rows(cells)) == number * columns
    assert time.process_time() - start < 3.0


def test_lines_below_each_other_stay_apart() -> None:
    assert len(join_rows(boxes(line(20, 20, 100, 20), line(20, 42, 100, 20)))) == 2


def test_a_title_does_not_swallow_small_print_behind_it() -> None:
    assert len(join_rows(boxes(line(20, 20, 100, 60), line(122, 60, 100, 16)))) == 2


def test_matching_pairs_each_box_once() -> None:
    truth = np.stack([line(0, 0, 100, 20), line(0, 40, 100, 20)])
    found = np.stack([line(2, 1, 100, 20), line(0, 0, 100, 20), line(300, 300, 10, 10)])
    assert match_quads(truth, found) == [(0, 1)]
    assert cv2.contourArea(truth[0]) == pytest.approx(2000)
