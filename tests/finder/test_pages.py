"""Pages set in real type, found and read by the shipped models: as they are, turned, and in columns."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import compress
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest

from crnn.core.errors import UserError
from crnn.core.reading import Reading
from crnn.datasets.pages import LabeledPage
from crnn.evaluation.pages.benchmark import PageBenchmarkConfig, benchmark_pages, rotate_page
from crnn.evaluation.pages.engines import parse_tsv
from crnn.evaluation.pages.measure import Found, score_page
from crnn.finder.boxes import LineBox
from crnn.finder.finder import Finder
from crnn.finder.one_line import is_one_line
from crnn.finder.text_probability import is_text, shown
from crnn.image.decode import decode_image
from crnn.page import PageReader, TooManyLinesError
from crnn.recognizer import Recognizer
from data.synthesis.plain.layouts import render

CASES = Path(__file__).parents[1] / "cases"
TYPE = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
FONTS = [(str(TYPE / f"{name}.ttf"), 0) for name in ("DejaVuSans", "DejaVuSerif", "DejaVuSans-Bold")]
TEXTS = [
    "Every curve was still climbing steeply, so training went on for hours and hours.",
    "The reference ellipsoid is a mathematical approximation of the earth.",
    "Order 4711 of 12 May: three lamps (brass), one table; total 1,250.75 with tax.",
]


@cache
def finder() -> Finder:
    return Finder()


@cache
def reader() -> PageReader:
    return PageReader(Recognizer(), finder())


def rendered(kind: str, seed: int = 0) -> tuple[np.ndarray, LabeledPage]:
    page = render(kind, seed, FONTS, TEXTS)
    quads = np.stack([line.quad for line in page.lines])
    return page.image, LabeledPage(Path(kind), quads, tuple(line.text for line in page.lines), kind)


@pytest.mark.parametrize(
    "kind", ["single_column", "two_columns", "table", "receipt", "dark", "skewed", "shadow", "chat"]
)
def test_the_lines_of_a_page_are_found(kind: str) -> None:
    image, page = rendered(kind)
    score = score_page(page, [Found(box.quad, None) for box in finder().find(image)])
    assert score.recall >= 0.9 and score.precision >= 0.85


@pytest.mark.parametrize(
    ("text", "confidence", "score", "kept"),
    [
        ("1", 0.8, 0.58, False),  # an eye or a speck of dust: the reader makes something of it, the finder is unsure
        ("Total", 0.4, 0.8, True),  # a blurred word
        ("1", 0.98, 0.7, True),  # a number alone in its cell
        ("1", 0.99, 0.57, True),  # the same, read surely, where rules around it trouble the finder
        ("□", 1.0, 0.57, False),  # a tile
        ("H HHHHH " * 8, 0.97, 0.72, False),  # a fence
        ("日H日目" * 8, 0.97, 0.72, False),  # another
        ("哈哈" * 15, 0.97, 0.72, True),
        ("9898888" * 9, 0.56, 0.8, False),  # a dashed rule
        ('HH"n889' * 7, 0.5, 0.8, False),  # another
        ("000000 … " * 9, 0.9, 0.8, True),  # a row of bits
        ("." * 40, 0.9, 0.8, True),  # a rule of dots
        ("Total", 0.1, 0.8, False),
        ("", 1.0, 1.0, False),
    ],
)
def test_text_is_told_from_texture_by_finder_and_reader_together(
    text: str, confidence: float, score: float, kept: bool
) -> None:
    box = LineBox(np.zeros((4, 2), np.float32), score)
    line = Reading(text, confidence, ())
    assert is_text(line, box, is_line=False, min_confidence=0.2) == kept
    assert is_text(line, box, is_line=False, min_confidence=0.0) == bool(text)
    assert is_text(line, box, is_line=True, min_confidence=0.2) == (bool(text) and confidence >= 0.4)


def test_two_columns_are_read_one_after_the_other() -> None:
    image, _ = rendered("two_columns")
    found = reader().find(image, "page")
    left = np.array([line.box.quad[:, 0].mean() < image.shape[1] / 2 for line in found.lines[1:]])
    assert len(left) > 20 and np.count_nonzero(np.diff(left.astype(int))) == 1


@pytest.mark.parametrize(("degrees", "turned"), [(0, 0), (8, 0), (90, 270), (180, 180), (270, 90)])
def test_a_turned_page_says_the_same(degrees: float, turned: int) -> None:
    lines = ["Every curve was climbing", "Order 4711 of 12 May", "three lamps and one table", "total 1,250.75 with tax"]
    image = np.full((420, 620, 3), 255, np.uint8)
    for row, text in enumerate(lines):
        cv2.putText(image, text, (40, 80 + 90 * row), cv2.FONT_HERSHEY_DUPLEX, 1.1, (30, 30, 30), 2, cv2.LINE_AA)
    page, _ = rotate_page(image, LabeledPage(Path("page"), np.zeros((0, 4, 2), np.float32), ()), degrees)
    reading = reader().read(page, "greedy", "page")
    assert reading.turned == turned
    assert [line.text.replace(" ", "") for line in reading.lines] == [line.replace(" ", "") for line in lines]
    for line in reading.lines:  # characters stand inside their line, in the order they are read
        along = line.box.quad[1] - line.box.quad[0]
        places = [np.dot(np.array([char.x, char.y]) - line.box.quad[0], along) for char in line.chars]
        assert places == sorted(places) and places[0] > 0 and places[-1] < np.dot(along, along)


def test_a_page_on_its_side_is_not_taken_for_one_line() -> None:
    image = np.full((800, 620, 3), 255, np.uint8)
    for row in range(8):
        where = (40, 80 + 90 * row)
        cv2.putText(image, "Every curve was climbing", where, cv2.FONT_HERSHEY_DUPLEX, 1.2, (30, 30, 30), 2)
    reading = reader().read(np.ascontiguousarray(np.rot90(image)), "greedy")
    assert not reading.is_line and reading.turned == 90 and len(reading.lines) == 8


def test_a_long_screenshot_is_read_to_its_end() -> None:
    """Reduced as a whole to what the network sees at once, its letters would be three pixels high."""
    image = np.full((9000, 700, 3), 255, np.uint8)
    for row in range(100):
        where = (40, 80 + 88 * row)
        cv2.putText(image, f"Message {1000 + row}", where, cv2.FONT_HERSHEY_DUPLEX, 1.1, (30, 30, 30), 2, cv2.LINE_AA)
    lines = reader().find(image).lines
    middles = np.array([line.box.quad[:, 1].mean() for line in lines])
    assert np.abs(middles - (70 + 88 * np.arange(100))).max() < 12


@pytest.mark.parametrize("name", ["bands1000.png", "zig2000.png"])
def test_rows_of_bars_are_no_text(name: str) -> None:
    assert reader().read(decode_image((CASES / name).read_bytes())).text == ""


@pytest.mark.parametrize(
    ("name", "layout", "texts"),
    [
        ("big_letters_line.png", "line", ["营业执照"]),
        ("big_letters_line.png", "page", ["营业执照"]),
        ("big_letters_page.png", "page", ["营业执照"]),
        (
            "big_title_page.png",
            "page",
            [
                "关于放假的通知",
                "各部门：根据国家规定，现将放假安排通知如下。",
                "一、放假时间为十月一日至十月七日。",
                "二、各单位做好值班工作。",
            ],
        ),
    ],
)
def test_letters_of_hundreds_of_pixels_are_read_and_small_ones_beside_them(
    name: str, layout: str, texts: list[str]
) -> None:
    found = reader().read(decode_image((CASES / name).read_bytes()), layout=layout)
    assert [line.text for line in found.lines] == texts


def test_the_network_runs_once_at_a_time() -> None:
    """For each run at the same time the session would keep another 140 MB."""
    alone, running, most = Finder(), [], []

    class Session:
        def run(self, outputs: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
            running.append(1)
            most.append(len(running))
            time.sleep(0.01)
            running.pop()
            return [np.zeros((1, 2, 8, 8), np.float32)]

    alone._session = Session()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(alone.maps, [np.zeros((32, 32, 3), np.uint8)] * 8))
    assert most == [1] * 8


@pytest.mark.parametrize("shape", [(300, 400), (600, 200, 3), (5, 5), (1, 900), (900, 1)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_of_any_shape_has_no_lines(shape: tuple[int, ...], level: int) -> None:
    assert reader().read(np.full(shape, level, np.uint8)).lines == ()


def test_pieces_of_a_fence_are_not_shown_and_the_letters_of_a_table_are() -> None:
    box = LineBox(np.zeros((4, 2), np.float32), 0.8)

    def shown_of(*texts: str) -> list[str]:
        kept = shown([Reading(text, 0.99, ()) for text in texts], [box] * len(texts), False, 0.2)
        return list(compress(texts, kept))

    assert shown_of(*"H" * 30, "HHH", "I I", "Keep off") == ["Keep off"]
    assert shown_of(*"YN" * 15, "Yes or no") == [*"YN" * 15, "Yes or no"]
    assert shown_of("H", "HH") == ["H", "HH"]
    unread = shown([None, *[Reading("H", 0.99, ())] * 30], [box] * 31, False, 0.2)
    assert unread == [True] + [False] * 30


def test_boxes_with_equal_corners_scores_and_directions_are_equal() -> None:
    quad = np.array([[0, 0], [9, 0], [9, 4], [0, 4]], np.float32)
    assert LineBox(quad) == LineBox(quad.copy()) and len({LineBox(quad), LineBox(quad.copy())}) == 1
    assert (
        LineBox(quad) != LineBox(quad + 1) and LineBox(quad) != LineBox(quad, vertical=True) and LineBox(quad) != "box"
    )


@pytest.mark.parametrize("shape", [(9, 700), (700, 9), (90, 130), (400, 500, 3)])
def test_noise_is_survived_and_read_the_same_twice(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    assert reader().read(image) == reader().read(image)


@pytest.mark.parametrize("shape", [(1, 10_000), (10_000, 1), (4, 4)])
def test_a_picture_too_thin_for_letters_has_no_lines(shape: tuple[int, int]) -> None:
    assert reader().read(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)).lines == ()


def test_a_picture_that_is_one_line_is_read_whole() -> None:
    image = np.full((48, 420, 3), 255, np.uint8)
    cv2.putText(image, "Total 1,250.75", (16, 36), cv2.FONT_HERSHEY_DUPLEX, 1.1, (30, 30, 30), 2, cv2.LINE_AA)
    reading = reader().read(image)
    assert reading.is_line and reading.text == "Total 1,250.75"
    assert not is_one_line(finder().find(np.vstack([image, image])), (96, 420))


def test_a_page_with_too_many_lines_is_refused_and_a_search_can_be_stopped() -> None:
    image, _ = rendered("single_column")
    with pytest.raises(TooManyLinesError, match="more than 3: cut it up"):
        reader().find(image, most=3)

    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        reader().find(image, checkpoint=stop)


def test_what_is_no_image_or_no_layout_is_refused() -> None:
    with pytest.raises(UserError, match="expected a uint8 image"):
        reader().read(np.zeros((5, 5), np.float32))
    with pytest.raises(UserError, match="unknown layout 'book': choose one of auto, page, line"):
        reader().read(np.zeros((5, 5), np.uint8), layout="book")


def quad(x: float, y: float, width: float, height: float = 20) -> np.ndarray:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)


def test_scores_count_lines_boxes_and_readings() -> None:
    truths = np.stack([quad(0, 0, 90), quad(0, 50, 90), quad(0, 100, 90), quad(0, 150, 90)])
    page = LabeledPage(Path("page"), truths, ("甲 乙", "丙丁", "左", "右"))
    found = [
        Found(quad(0, 50, 90), "丙T"),  # one wrong character
        Found(quad(300, 300, 50), "!"),  # stands on no line
        Found(quad(0, 100, 90, 70), "左右"),  # two lines in one box
    ]
    score = score_page(page, found)
    assert (score.lines, score.found, score.matched, score.spurious, score.merged) == (4, 3, 1, 1, 1)
    assert (score.texts, score.exact, score.errors, score.characters) == (4, 2, 1 + 2, 6)
    assert (score + score).lines == 8


def test_a_box_with_more_slack_than_the_label_still_finds_it() -> None:
    page = LabeledPage(Path("page"), quad(20, 20, 100)[None], (None,))
    assert score_page(page, [Found(quad(14, 14, 112, 32), None)]).matched == 1


def test_lines_of_tesseracts_table_are_parsed() -> None:
    head = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"
    rows = ["4 1 1 1 1 0 10 20 30 40 -1 ", "5 1 1 1 1 1 10 20 9 40 96 to", "5 1 1 1 1 2 20 20 9 40 96 be"]
    (line,) = parse_tsv(head + "\n".join(row.replace(" ", "\t") for row in rows))
    assert line.text == "to be"
    assert line.quad[2].tolist() == [40, 60]


def test_the_benchmark_writes_a_report_and_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    image, page = rendered("dark")
    cv2.imwrite(str(folder / "0.png"), image)
    row = {"file": "0.png", "kind": "dark", "boxes": page.quads.tolist(), "texts": list(page.texts)}
    (folder / "pages.jsonl").write_text(json.dumps(row), encoding="utf-8")
    config = PageBenchmarkConfig("report", str(tmp_path), str(folder), model="", turned=[0, 90], pictures=1)
    results = benchmark_pages(config)
    assert [(r.turned, r.kind, r.pages) for r in results] == [
        (0, "dark", 1),
        (0, "all", 1),
        (90, "dark", 1),
        (90, "all", 1),
    ]
    assert all(result.score.recall >= 0.9 for result in results)
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.json", "report.md", "0000.jpg"}
    config.engines = ["abbyy"]
    with pytest.raises(UserError, match="no page engine 'abbyy'"):
        benchmark_pages(config)
