"""The page in a real Chromium: what people do with it. Needs the packages chromium and chromium-driver."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from crnn.core.charset import Charset
from serve.engine.corrections import FILE, CorrectionStore
from tests.barcode import CHARACTERS, between
from tests.serve.chromium import Page, phone, start_chromium
from tests.serve.conftest import encode, line, png
from tests.serve.running import RunningServer, until
from tests.sources import save_language_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromedriver") is None, reason="needs chromium and chromium-driver"),
]


@pytest.fixture(scope="module")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("server"), model, workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    driver = start_chromium(tmp_path_factory.mktemp("chromium"))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver: webdriver.Chrome, server: RunningServer) -> Iterator[Page]:
    driver.get(server.url)
    driver.execute_script("localStorage.setItem('language', 'en'); sessionStorage.clear()")
    driver.refresh()
    driver.get_log("browser")
    page = Page(driver)
    yield page
    # A breach of the Content-Security-Policy, an outside request or a script's error would stand here.
    serious = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [entry for entry in serious if "status of 4" not in entry["message"]]


def test_choosing_a_picture(page: Page, tmp_path: Path) -> None:
    (tmp_path / "line.png").write_bytes(png("ab中"))
    page.one("#files").send_keys(str(tmp_path / "line.png"))
    assert page.texts(1) == ["ab中"]
    assert page.one(".confidence").text == "100%"
    assert "ms" in page.one(".time").text
    assert page.one("polygon").get_attribute("points") == "0,0 84,0 84,48 0,48"
    view = "return document.querySelector('.boxes').getAttribute('viewBox')"
    assert page.driver.execute_script(view) == "0 0 84 48"


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_dropping_and_pasting(page: Page, kind: str) -> None:
    page.hand_over(kind, "cab")
    assert page.texts(1) == ["cab"]


def test_doubtful_letters_are_read_by_their_context_unless_that_is_switched_off(
    driver: webdriver.Chrome, model: Path, tmp_path: Path
) -> None:
    lm = save_language_model(tmp_path / "lm.npz", Charset(CHARACTERS), ["ac"] * 20, [0, 0])
    (tmp_path / "line.png").write_bytes(encode(between("b", "c")))
    with RunningServer(tmp_path, model, workers=1, unsure=0, language_model=lm) as server:
        driver.get(server.url)
        page = Page(driver)
        page.one("#files").send_keys(str(tmp_path / "line.png"))
        assert page.texts(1) == ["ac"]
        page.one("#context").click()
        page.one("#files").send_keys(str(tmp_path / "line.png"))
        assert page.texts(2) == ["ac", "ab"]
        driver.refresh()
        assert not page.one("#context").is_selected(), "the choice is remembered"


def test_several_pictures_keep_their_order(page: Page) -> None:
    page.hand_over("drop", "a", "bc", "de", "ab中")
    assert page.texts(4) == ["a", "bc", "de", "ab中"]


def test_a_bad_picture_is_told_in_plain_words_and_the_others_are_read(page: Page, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "blank.png").write_bytes(cv2.imencode(".png", np.full((60, 90), 255, np.uint8))[1])
    (tmp_path / "good.png").write_bytes(png("ab"))
    page.one("#files").send_keys("\n".join(str(tmp_path / name) for name in ("bad.png", "blank.png", "good.png")))
    assert page.texts(1) == ["ab"]
    until(lambda: len(page.all(".done")) == 3, 30)
    assert [element.text for element in page.all(".message")] == [
        "This file is not a picture, or it is damaged.",
        "No text was found in this picture.",
    ]


def test_correcting_a_line_by_keyboard(page: Page, server: RunningServer, tmp_path: Path) -> None:
    page.hand_over("drop", "abc")
    page.texts(1)
    page.one(".correct").send_keys(Keys.ENTER)
    field = page.driver.switch_to.active_element
    assert field.get_attribute("value") == "abc"
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("ab 中文", Keys.ENTER)
    until(lambda: page.one(".outcome").text == "Kept, thank you!", 30)
    assert page.texts(1) == ["ab 中文"]
    CorrectionStore(server.state / FILE, most=1000).export(tmp_path)
    assert (tmp_path / "labels.tsv").read_text("utf-8").split("\t")[1] == "ab 中文"


def test_both_languages(page: Page) -> None:
    page.hand_over("drop", "ab")
    page.texts(1)
    assert page.one("h1").text == "Read text in pictures"
    page.one("#language").click()
    assert page.one("h1").text == "图片文字识别"
    assert page.one(".correct").text == "更正"
    assert "毫秒" in page.one(".time").text
    page.driver.refresh()
    assert page.one("h1").text == "图片文字识别"
    assert page.one("html").get_attribute("lang") == "zh-CN"


def test_saving_text_and_json(page: Page, tmp_path: Path) -> None:
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.hand_over("drop", "ab", "cd")
    page.texts(2)
    page.one("#save-text").click()
    page.one("#save-json").click()
    until(lambda: (tmp_path / "ocr.txt").exists() and (tmp_path / "ocr.json").exists(), 30)
    assert (tmp_path / "ocr.txt").read_text() == "ab\n\ncd"
    assert [entry["text"] for entry in json.loads((tmp_path / "ocr.json").read_text())] == ["ab", "cd"]


def test_clearing(page: Page) -> None:
    page.hand_over("drop", "ab")
    page.texts(1)
    page.one("#clear").click()
    assert not page.all("#pictures section")


def test_phone_width(page: Page) -> None:
    phone(page.driver)
    try:
        page.hand_over("drop", "abcde中文abcde")
        page.texts(1)
        overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.driver.execute_script(overflow) <= 0
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_page_of_several_lines_shows_a_box_for_each(page: Page, tmp_path: Path) -> None:
    sheet = np.full((420, 600), 255, np.uint8)
    for row, text in enumerate(("ab中ab", "cdabc", "aaabb")):
        bars = line(text)
        sheet[20 + 120 * row : 68 + 120 * row, 60 : 60 + bars.shape[1]] = bars
    (tmp_path / "sheet.png").write_bytes(cv2.imencode(".png", sheet)[1])
    page.one("#files").send_keys(str(tmp_path / "sheet.png"))
    assert len(page.texts(3)) == 3
    assert len(page.all("polygon")) == 3


def test_only_keyboard_reaches_everything(page: Page) -> None:
    page.hand_over("drop", "ab")
    page.texts(1)
    reached = set()
    for _ in range(13):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        active = page.driver.switch_to.active_element
        reached |= {active.get_attribute("id"), *active.get_attribute("class").split()}
    assert {"language", "files", "copy", "save-text", "save-json", "clear", "correct", "context"} <= reached


def test_asks_for_a_key_where_one_is_needed(driver: webdriver.Chrome, model: Path, tmp_path: Path) -> None:
    with RunningServer(tmp_path, model, workers=1, api_keys="sesame") as locked:
        driver.get(locked.url)
        page = Page(driver)
        page.one("#key").send_keys("sesame", Keys.ENTER)
        page.hand_over("drop", "ab")
        assert page.texts(1) == ["ab"]
