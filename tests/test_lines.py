"""Lines of pages set in real type: what is found, where, in which order, and what is left alone."""

from __future__ import annotations

import json
import time
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest

from crnn.errors import UserError
from crnn.layout import reading_order
from crnn.lines import LineBox, TooManyLinesError, crop_line, find_lines
from crnn.page import read_page
from crnn.recognizer import Recognizer
from crnn.skew import find_skew
from data.page_benchmark import PageBenchmarkConfig, page_benchmark
from data.page_readers import parse_tsv
from data.page_scoring import FoundLine, distance, overlap, score_page
from data.pages import Page, PageLine, render, rotate
from tests.conftest import DIGITS, draw_digits
from tests.sources import write_sources

TYPE = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
FONTS = [(str(TYPE / f"{name}.ttf"), 0) for name in ("DejaVuSans", "DejaVuSerif", "DejaVuSans-Bold")]
TEXTS = [
    "Every curve was still climbing steeply, so training went on for hours and hours.",
    "The reference ellipsoid is a mathematical approximation of the earth.",
    "Order 4711 of 12 May: three lamps (brass), one table; total 1,250.75 with tax.",
]
CHINESE_TEXTS = [
    "三人行，必有我师焉；择其善者而从之。",
    "二月二日，江南水乡，一川烟草，满城风絮。",
    "请在2026年8月3日之前把表格交到三楼，电话010-62771234。",
    "公司名称：北京三川科技有限公司，注册资本一百二十万元。",
]
QUICK_FONTS = Path(__file__).parent.parent / "artifacts" / "fonts" / "quick" / "fonts.json"
Box = tuple[int, int, int, int]


def as_found(image: np.ndarray) -> list[FoundLine]:
    return [FoundLine(box.quad, None) for box in find_lines(image)]


def bounds(box: LineBox) -> Box:
    left, top, right, bottom = (int(v) for v in (*box.quad.min(axis=0), *box.quad.max(axis=0)))
    return left, top, right, bottom


def write(image: np.ndarray, text: str, x: int, y: int, size: float = 1.0, ink: int = 0) -> None:
    """Draw `text` with its baseline at `y`, capitals about 21·size px high."""
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, ink, max(1, round(2 * size)), cv2.LINE_AA)


@pytest.mark.parametrize("kind", ["single_column", "two_columns", "dark", "skewed", "shadow", "chat"])
@pytest.mark.parametrize("seed", [0, 1])
def test_finds_the_lines_of_a_page_in_reading_order(kind: str, seed: int) -> None:
    page = render(kind, seed, FONTS, TEXTS)
    found = as_found(page.image)
    score = score_page(page, found)
    assert score.recall >= 0.95
    assert score.precision >= 0.95
    shares = overlap([line.quad for line in page.lines], [line.quad for line in found])
    matches = shares.argmax(axis=1)[shares.max(axis=1) >= 0.5]
    assert np.mean(np.diff(matches) > 0) >= 0.95


@pytest.mark.parametrize("kind", ["single_column", "table", "receipt", "shadow"])
def test_finds_chinese_lines_whose_characters_fall_apart(kind: str) -> None:
    if not QUICK_FONTS.is_file():
        pytest.skip("no Chinese font here: run `make fonts PROFILE=quick`")
    faces = [face for face in json.loads(QUICK_FONTS.read_text())["faces"] if face["script"] == "zh"]
    fonts = [(str((QUICK_FONTS.parent / face["path"]).resolve()), face["index"]) for face in faces]
    score = score_page(page := render(kind, 3, fonts, CHINESE_TEXTS), as_found(page.image))
    assert score.recall >= 0.95
    assert score.precision >= 0.95


def test_one_page_may_hold_letters_of_10_and_of_120_pixels() -> None:
    page = np.full((700, 1000), 255, np.uint8)
    for y, height in ((60, 10), (120, 24), (220, 60), (420, 120)):
        write(page, "Height", 50, y, height / 21)
    heights = [bottom - top for _, top, _, bottom in map(bounds, find_lines(page))]
    assert len(heights) == 4
    assert heights == sorted(heights)


def test_dark_and_light_text_share_a_page() -> None:
    page = np.full((300, 600), 240, np.uint8)
    page[100:200] = 30
    write(page, "dark on light", 50, 60)
    write(page, "light on dark", 50, 160, ink=250)
    write(page, "dark again", 50, 260)
    tops = [top for _, top, _, _ in map(bounds, find_lines(page))]
    assert len(tops) == 3
    assert tops[0] < 60 < tops[1] < 160 < tops[2]


def test_bars_of_one_character_belong_together_and_rules_to_nobody() -> None:
    page = np.full((300, 400), 255, np.uint8)
    for y, left, right in ((100, 60, 100), (117, 64, 96), (134, 56, 104)):  # 三, alone
        page[y : y + 4, left:right] = 0
    page[200:202, 20:380] = 0
    (box,) = find_lines(page)
    left, top, right, bottom = bounds(box)
    assert left <= 56 <= 104 <= right
    assert top <= 100 <= 138 <= bottom


def test_boxes_keep_slack_around_the_ink_and_stay_inside_the_picture() -> None:
    page = np.full((400, 600), 255, np.uint8)
    page[100:130, 50:54] = page[100:104, 50:80] = page[126:130, 50:80] = 0  # a bracket of 30 px
    write(page, "reference", 0, 398)
    first, second = find_lines(page)
    assert 2 <= 100 - bounds(first)[1] <= 10
    assert bounds(second)[0] >= 0
    assert bounds(second)[3] <= 400


@pytest.mark.parametrize("text", ["1", "42", "0123456789"])
def test_a_picture_that_is_one_line_stays_one_line(text: str) -> None:
    image = cv2.imdecode(np.frombuffer(draw_digits(text * 4).image, np.uint8), cv2.IMREAD_GRAYSCALE)
    (box,) = find_lines(image)
    assert bounds(box) == (0, 0, image.shape[1], image.shape[0])
    assert np.array_equal(crop_line(image, box), image)


def test_two_rows_in_a_small_picture_are_two_lines() -> None:
    image = np.full((80, 300), 255, np.uint8)
    write(image, "first row", 10, 30)
    write(image, "second row", 10, 70)
    assert len(find_lines(image)) == 2


@pytest.mark.parametrize(
    "shape", [(1, 65_535), (65_535, 1), (3, 3), (6, 6), (7, 300), (300, 7), (8, 5_000), (500, 400), (40, 400, 3)]
)
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_of_any_shape_has_no_lines(shape: tuple[int, ...], level: int) -> None:
    assert find_lines(np.full(shape, level, np.uint8)) == []


@pytest.mark.parametrize("shape", [(9, 700), (700, 9), (90, 130), (400, 500, 3)])
def test_noise_is_survived_and_read_the_same_twice(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    first, second = find_lines(image), find_lines(image)
    assert [bounds(box) for box in first] == [bounds(box) for box in second]
    assert all(crop_line(image, box).size for box in first)


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(UserError, match="expected a uint8 image"):
        find_lines(np.zeros((5, 5), np.float32))


def test_crops_of_a_turned_page_are_upright() -> None:
    page = np.full((500, 900), 255, np.uint8)
    for row in range(8):
        write(page, "Every curve was climbing", 100, 80 + 50 * row)
    colour = cv2.cvtColor(page, cv2.COLOR_GRAY2BGR)
    quad = np.array([[100, 50], [500, 50], [500, 90], [100, 90]], np.float32)
    turned = rotate(Page("", colour, (PageLine("", quad),)), 3.0).image
    boxes = find_lines(turned)
    assert len(boxes) == 8
    for box in boxes:
        crop = crop_line(turned, box)
        assert crop.shape[:2] == (round(box.height), round(box.width))
        assert box.height < 50  # the upright box around it would be 22 px higher
        assert crop[0].min() > 128  # nothing is cut off above


@pytest.mark.parametrize("degrees", [-5.0, -1.0, 0.0, 2.5, 5.0])
def test_skew_is_measured(degrees: float) -> None:
    page = render("single_column", 0, FONTS, TEXTS)
    assert find_skew(cv2.cvtColor(rotate(page, degrees).image, cv2.COLOR_BGR2GRAY)) == pytest.approx(degrees, abs=0.2)


def test_columns_of_text_are_read_one_after_the_other_and_tables_row_by_row() -> None:
    title = [0, 0, 600, 30]
    columns = [[x, y, x + 280, y + 20] for x in (0, 320) for y in (50, 80, 110, 140)]
    assert reading_order(np.array([title, *columns], np.float32)[::-1]).tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    cells = [[x, y, x + 60, y + 20] for y in (0, 30, 60, 90) for x in (0, 200, 400)]
    assert reading_order(np.array(cells, np.float32)).tolist() == list(range(12))
    assert reading_order(np.zeros((0, 4), np.float32)).tolist() == []


def test_a_page_is_read_line_by_line(trained: Path) -> None:
    page = np.full((300, 400), 255, np.uint8)
    for row, text in enumerate(("20261122", "4711")):
        digits = cv2.imdecode(np.frombuffer(draw_digits(text).image, np.uint8), cv2.IMREAD_GRAYSCALE)
        page[60 + 100 * row : 92 + 100 * row, 40 : 40 + digits.shape[1]] = digits
    reading = read_page(Recognizer(trained / "model.onnx"), page)
    assert len(reading.lines) == 2
    assert reading.text == "\n".join(line.text for line in reading.lines if line.text)
    assert set(reading.text) <= {*DIGITS.characters, "\n"}


def test_scores_count_lines_and_characters() -> None:
    quads = [np.array([[0, y], [90, y], [90, y + 20], [0, y + 20]], np.float32) for y in (0, 50, 100)]
    page = Page("", np.zeros((1, 1, 3), np.uint8), (PageLine("甲 乙", quads[0]), PageLine("丙丁", quads[1])))
    score = score_page(page, [FoundLine(quads[1], "丙T"), FoundLine(quads[2], "!")])
    assert (score.recall, score.precision) == (0.5, 0.5)
    assert score.line_errors == 1 + 2 + 1  # T for 丁, 甲乙 missing, ! too much
    assert distance("kitten", "sitting") == 3
    assert (score + score).lines == 4


def test_lines_of_tesseracts_table_are_parsed() -> None:
    head = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"
    rows = [
        "4 1 1 1 1 0 10 20 30 40 -1 ",
        "5 1 1 1 1 1 10 20 9 40 96 to",
        "5 1 1 1 1 2 20 20 9 40 96 be",
    ]
    table = head + "\n".join(row.replace(" ", "\t") for row in rows)
    (line,) = parse_tsv(table)
    assert line.text == "to be"
    assert line.quad[2].tolist() == [40, 60]


def test_the_benchmark_writes_a_report_and_pictures(tmp_path: Path) -> None:
    sources = write_sources(tmp_path)
    config = PageBenchmarkConfig(
        model=None,
        readers=["ours"],
        languages="eng",
        fonts=str(sources / "fonts" / "quick" / "fonts.json"),
        corpus=str(sources / "corpus" / "quick"),
        text_kinds=["english", "prose"],
        leave_out=[],
        shortest=8,
        kinds=["dark"],
        pages=1,
        seed=0,
        output=str(tmp_path / "report"),
    )
    (result,) = page_benchmark(config)
    assert result.score.recall >= 0.9
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.json", "report.md", "dark-0.png"}
    config.readers = ["abbyy"]
    with pytest.raises(UserError, match="no page reader 'abbyy'"):
        page_benchmark(config)


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


def test_too_many_lines_are_refused_and_a_search_can_be_stopped() -> None:
    page = np.full((400, 600), 255, np.uint8)
    for row in range(5):
        write(page, "reference", 20, 60 + 70 * row)
    assert len(find_lines(page, most=5)) == 5
    with pytest.raises(TooManyLinesError, match="5 lines, more than 4"):
        find_lines(page, most=4)
    steps: list[int] = []

    def stop() -> None:
        steps.append(1)
        if len(steps) == 3:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        find_lines(page, checkpoint=stop)
