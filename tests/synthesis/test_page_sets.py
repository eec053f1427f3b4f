"""Rendered pages for the finder: their boxes hold ink, and a seed gives the same page again."""

import json
import string
from itertools import pairwise
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest

from crnn.core.errors import UserError
from crnn.datasets.pages import read_pages
from data.synthesis import page_sets
from data.synthesis.page_sets import PageSetConfig, build_pages
from data.synthesis.pages import camera
from data.synthesis.pages.pen import Pen
from data.synthesis.pages.receipts import till_roll
from data.synthesis.pages.render import KINDS, render
from data.synthesis.pages.scenes import textless
from data.synthesis.pages.sheet import Sheet
from data.synthesis.pages.stock import Stock
from data.synthesis.rand import Rand

WORDS = ["the quick brown fox", "jumps over the lazy dog", "pack my box with five dozen jugs", "Sphinx of black quartz"]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fonts and texts of a small profile: two faces that come with matplotlib, called Chinese."""
    folder = tmp_path_factory.mktemp("artifacts")
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    common = {"index": 0, "split": "train", "missing": "", "style": "sans"}
    faces = [
        {**common, "id": "plain", "path": str(fonts / "DejaVuSans.ttf"), "script": "zh", "lineage": "plain"},
        {**common, "id": "serif", "path": str(fonts / "DejaVuSerif.ttf"), "script": "en", "lineage": "serif"},
    ]
    (folder / "fonts" / "small").mkdir(parents=True)
    (folder / "fonts" / "small" / "fonts.json").write_text(json.dumps({"faces": faces}))
    (folder / "corpus" / "small" / "train").mkdir(parents=True)
    for kind in ("prose", "english"):
        (folder / "corpus" / "small" / "train" / f"{kind}.txt").write_text("\n".join(WORDS))
    return folder


@pytest.fixture(scope="module")
def stock(artifacts: Path) -> Stock:
    small = Path("small")
    return Stock.load(artifacts / "fonts" / small / "fonts.json", artifacts / "corpus" / small, artifacts, "train")


def config(artifacts: Path, **changes: object) -> PageSetConfig:
    values = {"name": "set", "profile": "small", "split": "train", "pages": 2, "seed": 3, "workers": 1, "layouts": [],
              "photographs": str(artifacts / "none"), "artifacts": str(artifacts)}  # fmt: skip
    return PageSetConfig(**{**values, **changes})


@pytest.mark.parametrize("layout", KINDS)
def test_each_layout_is_drawn_with_its_boxes_inside(layout: str, stock: Stock) -> None:
    page = render(1, 5, stock, layout)
    height, width = page.image.shape[:2]
    assert max(height, width) <= 1601
    assert len(page.quads) == len(page.texts)
    assert (page.quads >= 0).all() and (page.quads <= (width, height)).all()


def test_the_same_seed_and_number_give_the_same_page(stock: Stock) -> None:
    first, again, other = render(1, 9, stock), render(1, 9, stock), render(1, 10, stock)
    assert np.array_equal(first.image, again.image) and np.array_equal(first.quads, again.quads)
    assert first.image.shape != other.image.shape or not np.array_equal(first.image, other.image)


def blank(stock: Stock, width: int = 600, height: int = 200) -> Sheet:
    return Sheet.blank(width, height, (255, 255, 255), Rand(0, 0), stock)


def pen(stock: Stock, size: int = 40) -> Pen:
    return Pen(stock.face("en", Rand(0, 0)), size)


def ink_box(sheet: Sheet) -> tuple[int, int, int, int]:
    y, x = np.nonzero(sheet.pixels.min(axis=2) < 128)
    return x.min(), y.min(), x.max() + 1, y.max() + 1


@pytest.mark.parametrize("text", ["Apply", "HEAD", "bold line"])
def test_a_box_is_the_ink_and_an_even_margin(text: str, stock: Stock) -> None:
    sheet = blank(stock)
    sheet.write(50, 60, text, pen(stock))
    left, top, right, bottom = ink_box(sheet)
    low, high = sheet.quads[0].min(axis=0), sheet.quads[0].max(axis=0)
    height = high[1] - low[1]
    margins = np.array([left - low[0], top - low[1], high[0] - right, high[1] - bottom]) / height
    assert (margins > 0.02).all() and (margins < 0.12).all()


def test_lines_without_capitals_are_as_tall_as_others(stock: Stock) -> None:
    sheet = blank(stock)
    sheet.write(10, 20, "on", pen(stock))
    sheet.write(10, 100, "On", pen(stock))
    first, second = (quad[3, 1] - quad[0, 1] for quad in sheet.quads)
    assert abs(first - second) <= 2


def test_a_line_stands_over_no_other_and_leaves_no_sheet(stock: Stock) -> None:
    sheet = blank(stock)
    assert sheet.write(50, 60, "first", pen(stock))
    assert sheet.write(60, 70, "second", pen(stock)) is None
    assert sheet.write(580, 60, "third", pen(stock)) is None
    assert sheet.write(50, 130, "unseen", pen(stock).of((250, 250, 250))) is None
    assert sheet.texts == ["first"]


def test_a_panel_is_not_drawn_over_a_line(stock: Stock) -> None:
    sheet = blank(stock)
    sheet.write(50, 60, "first", pen(stock))
    before = sheet.pixels.copy()
    sheet.rectangle((40, 50, 300, 100), (0, 0, 255))
    assert np.array_equal(sheet.pixels, before)


def test_columns_are_tall_and_begin_at_their_top_left(stock: Stock) -> None:
    sheet = blank(stock, 100, 500)
    sheet.write_column(50, 10, "ABCDEF", pen(stock))
    quad = sheet.quads[0]
    width, height = quad[1, 0] - quad[0, 0], quad[3, 1] - quad[0, 1]
    assert height > 4 * width > 0
    assert quad[0].tolist() == quad.min(axis=0).tolist()


def test_a_turned_line_begins_where_it_is_read_from(stock: Stock) -> None:
    sheet = blank(stock, 200, 600)
    sheet.write(60, 60, "Clockwise", pen(stock), turns=1)  # reads downwards: its top is at the right
    quad = sheet.quads[0]
    assert quad[0].tolist() == [quad[:, 0].max(), quad[:, 1].min()]
    assert quad[1].tolist() == [quad[:, 0].max(), quad[:, 1].max()]
    left, top, right, bottom = ink_box(sheet)
    assert quad[:, 0].min() <= left and quad[:, 1].min() <= top
    assert quad[:, 0].max() >= right and quad[:, 1].max() >= bottom


@pytest.mark.parametrize("degrees", [90.0, 180.0, 37.0])
def test_boxes_turn_with_the_page(degrees: float, stock: Stock) -> None:
    sheet = blank(stock)
    sheet.write(50, 60, "Turned about", pen(stock))
    turned = camera.turned(sheet, degrees)
    y, x = np.nonzero(turned.pixels.min(axis=2) < 100)
    mask = np.zeros(turned.pixels.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, turned.quads[0].round().astype(np.int32), 1)
    inside = mask[y, x].mean()
    if degrees % 90 == 0:  # else what lies beyond the page may be dark as well
        assert inside == 1
    direction = turned.quads[0][1] - turned.quads[0][0]
    assert np.rad2deg(np.arctan2(direction[1], direction[0])) % 360 == pytest.approx(degrees, abs=0.5)


def test_bent_lines_stay_in_their_boxes(stock: Stock) -> None:
    for number in range(6):
        sheet = Sheet.blank(600, 200, (255, 255, 255), Rand(1, number), stock)
        sheet.write(30, 80, "A line that bends and stays", pen(stock, 34))
        bent = camera.bent(sheet)
        mask = np.zeros(bent.pixels.shape[:2], np.uint8)
        cv2.fillPoly(mask, [bent.quads[0].round().astype(np.int32)], 1)
        y, x = np.nonzero(bent.pixels.max(axis=2) < 100)
        assert mask[y, x].mean() > 0.99


def test_what_a_picture_cuts_off_keeps_a_box(stock: Stock) -> None:
    sheet = blank(stock)
    sheet.add(np.array([[-200, 20], [200, 20], [200, 60], [-200, 60]]), "half")
    sheet.add(np.array([[20, -35], [200, -35], [200, 5], [20, 5]]), "a sliver")
    trimmed = camera.trimmed(sheet)
    assert trimmed.texts == ["half"]
    assert trimmed.quads[0].min() >= 0 and trimmed.quads[0][:, 0].max() == 200


def test_pages_without_text_have_no_boxes(stock: Stock) -> None:
    for number in range(4):
        assert textless(Rand(2, number), stock).quads == []
    share = KINDS["textless"].weight / sum(kind.weight for kind in KINDS.values())
    assert 0.07 < share < 0.12


def test_a_set_is_read_back_and_goes_on_where_it_stopped(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build_pages(config(artifacts))
    first = (folder / "000000.jpg").read_bytes()
    with open(folder / "pages.jsonl", "a") as listing:
        listing.write('{"file": "0000')  # an interruption
    build_pages(config(artifacts, pages=3))
    pages = read_pages(folder)
    assert [page.path.name for page in pages] == ["000000.jpg", "000001.jpg", "000002.jpg"]
    assert all(page.kind == "rendered" for page in pages)
    assert (folder / "000000.jpg").read_bytes() == first
    monkeypatch.setattr(page_sets, "render", None)  # nothing is left to draw
    build_pages(config(artifacts, pages=3))
    with pytest.raises(UserError, match="begun with"):
        build_pages(config(artifacts, seed=4))


def test_rows_of_a_till_roll_nearly_touch(stock: Stock) -> None:
    gaps = []
    for number in range(8):
        sheet = till_roll(Rand(6, number), stock)
        prices = sorted((q for q in sheet.quads if q[:, 0].max() > 0.7 * sheet.width), key=lambda q: q[0, 1])
        gaps += [(below[0, 1] - above[3, 1]) / (above[3, 1] - above[0, 1]) for above, below in pairwise(prices)]
    assert np.mean(np.array(gaps) < 0.2) > 0.3


def test_a_set_takes_the_layouts_that_are_asked_for_in_turn(artifacts: Path) -> None:
    folder = build_pages(config(artifacts, name="chosen", pages=3, layouts=["till_roll", "table"]))
    rows = [json.loads(line) for line in (folder / "pages.jsonl").read_text().splitlines()]
    assert [row["layout"] for row in rows] == ["till_roll", "table", "till_roll"]
    with pytest.raises(UserError, match="no layout poem"):
        build_pages(config(artifacts, name="chosen", layouts=["poem"]))


def test_missing_sources_and_a_wrong_split_are_told(artifacts: Path) -> None:
    with pytest.raises(UserError, match="make fonts"):
        build_pages(config(artifacts, name="none", profile="absent"))
    with pytest.raises(UserError, match="train or test"):
        build_pages(config(artifacts, name="none", split="dev"))


def test_texts_are_drawable(stock: Stock) -> None:
    face = stock.face("en", Rand(0, 0))
    for number in range(20):
        assert set(stock.field(face, Rand(4, number))) & set(string.ascii_letters + string.digits)


def test_noise_is_as_strong_in_every_channel() -> None:
    gray = np.full((400, 300, 3), 128, np.uint8)
    noise = camera.noisy(gray, Rand(1, 2), 5.0).astype(float) - 128
    assert noise.std(axis=(0, 1)) == pytest.approx([5, 5, 5], abs=0.2)
    assert noise.mean(axis=(0, 1)) == pytest.approx([0, 0, 0], abs=0.1)
