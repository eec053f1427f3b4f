"""Columns of characters are laid side by side, and pages turned by the reader's judgment."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from crnn.core.reading import CharReading
from crnn.finder.boxes import LineBox, crop_line
from crnn.finder.columns import lay_column
from crnn.finder.direction import Way, directed, is_upright, line_ways, on_page, page_way
from crnn.finder.joining import join_columns
from crnn.page import PageReader


def draw(text: str) -> np.ndarray:
    image = np.full((40, 24 * len(text) + 8, 3), 255, np.uint8)
    for place, letter in enumerate(text):
        cv2.putText(image, letter, (6 + 24 * place, 31), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
    return image


def stacked(text: str) -> np.ndarray:
    return np.vstack([draw(letter)[:, :32] for letter in text])


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two lines scaled to one size, at its best place."""
    a, b = (image if image.ndim == 2 else image[:, :, 0] for image in (a, b))
    a, b = (cv2.resize(image, (round(image.shape[1] * 32 / image.shape[0]), 32)) for image in (a, b))
    if a.shape[1] < b.shape[1]:
        a, b = b, a
    return float(cv2.matchTemplate(a, b, cv2.TM_CCOEFF_NORMED).max())


def sees(text: str) -> object:
    """A reader that knows one text: its confidence is how much a line looks like it."""
    return lambda crops: [similarity(crop, draw(text)) for crop in crops]


def test_a_column_is_cut_between_its_characters() -> None:
    column = lay_column(stacked("2468"))
    line = column.line
    assert [column.share_of(x) for x in (24, 72, 120, 168)] == pytest.approx([1 / 8, 3 / 8, 5 / 8, 7 / 8], abs=0.06)
    assert line.shape[1] == pytest.approx(4 * 48, abs=2)
    ink = line.min(axis=(0, 2)) < 128
    cells = np.array_split(np.arange(line.shape[1]), 4)
    assert all(ink[cell[10:-10]].any() for cell in cells)
    assert not any(ink[cell[0]] for cell in cells[1:])


@pytest.mark.parametrize("gap", [0, 4, 16], ids=["tight", "usual", "wide"])
@pytest.mark.parametrize("beside", [0, 9], ids=["close box", "loose box"])
def test_characters_are_parted_however_loose_their_box_and_wide_their_gaps(gap: int, beside: int) -> None:
    """Twelve square characters; a loose box shows a little of the neighbors on its edges, too."""
    rng = np.random.default_rng(3)
    column = np.full((12 * (20 + gap), 20 + 2 * beside), 255, np.uint8)
    for top in range(gap // 2, len(column), 20 + gap):
        strokes = rng.integers(0, 2, (6, 6)).astype(np.uint8)
        strokes[0], strokes[-1] = 1, 1  # the edges of a character have ink
        column[top + 1 : top + 19, beside + 1 : beside + 19] = 255 - 255 * np.kron(strokes, np.ones((3, 3), np.uint8))
        column[top + 3 : top + 12, : beside // 4] = 0
    cuts = np.array(lay_column(column).cuts)
    assert len(cuts) == 13
    assert cuts * 12 == pytest.approx(np.arange(13), abs=0.15)


def test_a_short_box_is_no_column() -> None:
    image = draw("1")
    assert lay_column(image).line is image


def test_a_rule_is_no_column() -> None:
    rule = np.random.default_rng(0).integers(0, 255, (32000, 8)).astype(np.uint8)
    assert lay_column(rule).line is rule, "a second for each of sixty would be too long"


@pytest.mark.parametrize("shape", [(4000, 1), (9, 4), (1, 1), (2000, 40), (50, 25, 3)])
@pytest.mark.parametrize("level", [0, 255])
def test_any_column_gives_a_picture(shape: tuple[int, ...], level: int) -> None:
    assert lay_column(np.full(shape, level, np.uint8)).line.size


@pytest.mark.parametrize(("turns", "way"), [(0, Way.RIGHT), (1, Way.DOWN), (2, Way.LEFT), (3, Way.UP)])
def test_a_turned_page_is_read_the_right_way_up(turns: int, way: Way) -> None:
    page = np.full((300, 300, 3), 255, np.uint8)
    line = draw("13576")
    page[100 : 100 + line.shape[0], 60 : 60 + line.shape[1]] = line
    corners = np.array([[60, 100], [60 + line.shape[1], 100], [60 + line.shape[1], 140], [60, 140]], np.float32)
    for _ in range(turns):  # clockwise
        page = cv2.rotate(page, cv2.ROTATE_90_CLOCKWISE)
        corners = np.stack([300 - corners[:, 1], corners[:, 0]], axis=1)
    box = LineBox(np.roll(corners, 2, axis=0))  # the finder does not know where a line begins
    found = page_way(page, [box], sees("13576"))  # type: ignore[arg-type]
    assert found is way
    assert similarity(directed(page, box, found).crop, line) > 0.95


@pytest.mark.parametrize("turns", range(4))
def test_a_column_of_characters_is_told_from_a_turned_line(turns: int) -> None:
    """However the page was turned: it is found, read and placed as on the upright page."""
    page = np.full((260, 200, 3), 255, np.uint8)
    column = stacked("24687")
    page[20 : 20 + len(column), 50:82] = column
    corners = np.array([[50, 20], [82, 20], [82, 220], [50, 220]], np.float32)
    for _ in range(turns):  # clockwise
        page = cv2.rotate(page, cv2.ROTATE_90_CLOCKWISE)
        corners = np.stack([page.shape[1] - corners[:, 1], corners[:, 0]], axis=1)
    box = LineBox(np.roll(corners, turns, axis=0))  # as the finder gives it: from the corner above on the left
    assert is_upright(box) is (turns % 2 == 0)
    assert page_way(page, [box], sees("24687")) is list(Way)[4 + turns]  # type: ignore[arg-type]

    class Finder:
        def find(self, image: np.ndarray) -> list[LineBox]:
            return [box]

    reader = PageReader(None, Finder())  # type: ignore[arg-type]
    reader._confidence = sees("24687")  # type: ignore[method-assign, assignment]
    found = reader.find(page, "page")
    assert found.turned == -90 * turns % 360
    assert np.allclose(found.lines[0].box.quad, corners), "from the column's own upper left corner on"
    assert similarity(found.lines[0].crop, draw("24687")) > 0.7
    (last,) = on_page([CharReading("7", 1.0, found.lines[0].crop.shape[1] - 1, 0)], found.lines[0])
    assert np.hypot(*(np.array([last.x, last.y]) - corners[2:].mean(axis=0))) < 30, "at the column's end"


def test_a_label_that_stands_upright_on_a_level_page_is_read_on_its_own() -> None:
    page = np.full((300, 300, 3), 255, np.uint8)
    line = draw("13576")
    page[20:60, 20 : 20 + line.shape[1]] = line
    up = cv2.rotate(line, cv2.ROTATE_90_COUNTERCLOCKWISE)
    page[100 : 100 + up.shape[0], 200:240] = up
    level = LineBox(np.array([[20, 20], [148, 20], [148, 60], [20, 60]], np.float32))
    upright = LineBox(np.array([[200, 100], [240, 100], [240, 228], [200, 228]], np.float32))
    assert line_ways(page, [level, upright], Way.RIGHT, sees("13576")) == [Way.RIGHT, Way.UP]  # type: ignore[arg-type]


@pytest.mark.parametrize("page", [Way.RIGHT, Way.DOWN, Way.LEFT, Way.UP])
def test_a_column_among_lines_turns_with_its_page(page: Way) -> None:
    picture = np.full((260, 200, 3), 255, np.uint8)
    column = stacked("24687")
    picture[20 : 20 + len(column), 50:82] = column
    picture = np.ascontiguousarray(np.rot90(picture, -page.quarters))
    rows, columns = np.nonzero(picture.min(axis=2) < 128)
    (left, top), (right, bottom) = (columns.min() - 4, rows.min() - 4), (columns.max() + 4, rows.max() + 4)
    box = LineBox(np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32))
    assert line_ways(picture, [box], page, sees("24687")) == [page.column]  # type: ignore[arg-type]


@pytest.mark.parametrize("page", [Way.UP, Way.DOWN])
def test_a_single_letter_reads_as_its_page_does(page: Way) -> None:
    letter = LineBox(np.array([[0, 0], [28, 0], [28, 20], [0, 20]], np.float32))
    line = LineBox(np.array([[40, 0], [60, 0], [60, 200], [40, 200]], np.float32))
    picture = np.zeros((200, 60), np.uint8)
    assert line_ways(picture, [letter, line], page, lambda crops: [0.0] * len(crops)) == [page, page]


@pytest.mark.parametrize("turned", [False, True])
def test_figures_below_each_other_do_not_make_a_table_a_page_of_columns(turned: bool) -> None:
    """Rows far apart and figures close below each other: the finder takes some of these for one line."""
    page = np.full((400, 400), 255, np.uint8)
    quads = [np.array([[20, y], [68, y], [68, y + 25], [20, y + 25]], np.float32) for y in range(10, 390, 40)]
    quads += [np.array([[x, 10], [x + 26, 10], [x + 26, 75], [x, 75]], np.float32) for x in range(100, 300, 40)]
    for number, quad in enumerate(quads):  # words are dark on the left, pairs of figures gray
        left, top = quad[0].astype(int)
        page[top + 8 : top + 17, left + 8 : left + 20] = 0 if number < 10 else 128
    if turned:
        page = np.ascontiguousarray(np.rot90(page))
        quads = [np.roll(np.stack([quad[:, 1], 400 - quad[:, 0]], axis=1), 1, axis=0) for quad in quads]

    def reads(crops: Sequence[np.ndarray]) -> list[float]:
        """Words well where they are dark on their left, columns of figures a little worse."""
        words = [crop.min() < 64 for crop in crops]
        dark_left = [crop[:, : crop.shape[1] // 2].min() < 64 for crop in crops]
        return [0.95 if not word else 0.98 if left else 0.5 for word, left in zip(words, dark_left, strict=True)]

    boxes = [LineBox(quad.astype(np.float32)) for quad in quads]
    assert page_way(page, boxes, reads) is (Way.UP if turned else Way.RIGHT)


@pytest.mark.parametrize("page_reads", [Way.LEFT, Way.UP])
def test_a_slender_letter_may_read_as_its_page_does(page_reads: Way) -> None:
    page = np.full((100, 100), 255, np.uint8)
    quad = np.array([[40, 30], [52, 30], [52, 60], [40, 60]], np.float32)
    if page_reads is Way.UP:
        quad = quad[:, ::-1][[0, 3, 2, 1]]
    page[34:40, 42:50] = 0  # dark on top only
    asked: list[int] = []

    def best_first(crops: Sequence[np.ndarray]) -> list[float]:
        asked.append(len(crops))
        return [1.0 if len(asked) == 1 else 0.5] * len(crops)

    assert line_ways(page, [LineBox(np.ascontiguousarray(quad))], page_reads, best_first) == [page_reads]


def test_boxes_hardly_higher_than_wide_tell_nothing() -> None:
    box = LineBox(np.array([[0, 0], [20, 0], [20, 34], [0, 34]], np.float32))
    assert page_way(np.zeros((40, 40), np.uint8), [box], lambda crops: [0.0] * len(crops)) is Way.RIGHT


@pytest.mark.parametrize(
    ("confidence", "read"),
    [(0.97, [2]), (0.92, [2, 5]), (0.7, [2, 5] * 2), (0.5, [2, 5] * 4)],
    ids=["clear: two lines", "sure: one way", "unsure: both ways", "poor: lying columns, too"],
)
def test_no_more_is_read_than_it_takes_to_tell_the_way_up(confidence: float, read: list[int]) -> None:
    crops: list[list[np.ndarray]] = []

    def reads(asked: Sequence[np.ndarray]) -> list[float]:
        crops.append([*asked])
        return [confidence] * len(asked)

    quads = [np.array([[10, y], [290, y], [290, y + 20], [10, y + 20]], np.float32) for y in range(10, 290, 30)]
    page_way(np.zeros((300, 300), np.uint8), [LineBox(quad) for quad in quads], reads)
    assert [len(asked) for asked in crops] == read
    assert {crop.shape for asked in crops[:2] for crop in asked} == {(20, 160)}, "the beginning of a line says enough"


def test_a_level_crop_is_cut_and_not_resampled() -> None:
    image = np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8)
    box = LineBox(np.array([[10, 20], [50, 20], [50, 40], [10, 40]], np.float32))
    assert np.array_equal(crop_line(image, box), image[20:40, 10:50])
    assert np.array_equal(crop_line(image, box.turned(2)), image[20:40, 10:50][::-1, ::-1])


def test_parts_of_a_column_are_joined_and_neighbors_are_not() -> None:
    def upright(x: float, top: float, bottom: float) -> LineBox:
        return LineBox(np.array([[x + 40, top], [x + 40, bottom], [x, bottom], [x, top]], np.float32), 0.8)

    last = LineBox(np.array([[100, 350], [140, 350], [140, 390], [100, 390]], np.float32))  # one character
    joined = join_columns([upright(100, 0, 160), upright(100, 200, 310), last, upright(180, 0, 300)])
    assert sorted((box.quad[:, 0].min(), box.quad[:, 1].max()) for box in joined) == [(100, 390), (180, 300)]


def test_a_comma_at_the_upper_right_of_its_cell_is_laid_where_a_line_has_it() -> None:
    column = np.full((4 * 48, 48), 255, np.uint8)
    for top in (0, 48, 144):
        cv2.rectangle(column, (6, top + 6), (41, top + 41), 0, 3)
    cv2.circle(column, (38, 48 * 2 + 10), 4, 0, -1)
    line = lay_column(column).line
    rows, columns = np.nonzero(line[:, 96:144] < 128)
    assert rows.min() > 24 and columns.max() < 24
