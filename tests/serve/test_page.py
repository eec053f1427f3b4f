"""The page in a real Chromium: what people do with pictures on it. Needs the packages chromium and chromium-driver."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from crnn.core.charset import Charset
from serve.engine.corrections import FILE, CorrectionStore
from tests.barcode import CHARACTERS, between
from tests.serve.chromium import Page, device
from tests.serve.conftest import encode, line, png
from tests.serve.running import RunningServer, until
from tests.sources import save_language_model

pytest_plugins = ["tests.serve.browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromedriver") is None, reason="needs chromium and chromium-driver"),
]


def sheet(*texts: str) -> np.ndarray:
    """A page of bars, a line for each text; cut out of it they are not read exactly."""
    image = np.full((120 * len(texts) + 60, 600), 255, np.uint8)
    for row, text in enumerate(texts):
        bars = line(text)
        image[20 + 120 * row : 68 + 120 * row, 60 : 60 + bars.shape[1]] = bars
    return image


def test_choosing_a_picture(page: Page, tmp_path: Path) -> None:
    (tmp_path / "line.png").write_bytes(png("ab中"))
    page.choose(tmp_path / "line.png")
    assert page.texts(1) == ["ab中"]
    assert page.one(".document .state").text == "1 line"
    assert page.one("polygon").get_attribute("points") == "0,0 84,0 84,48 0,48"
    assert page.one(".sheet").get_dom_attribute("viewBox") == "0 0 84 48"
    assert not page.all("mark"), "what was read surely is not marked"


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_dropping_and_pasting(page: Page, kind: str) -> None:
    page.hand_over(kind, "cab")
    assert page.texts(1) == ["cab"]


def test_the_example_is_read(page: Page) -> None:
    page.one("#example").click()
    page.ended(1)
    assert page.one(".document .name").text == "Example"
    assert page.one(".sheet").get_dom_attribute("viewBox") == "0 0 620 640"


def test_doubtful_characters_are_read_by_their_context_unless_that_is_switched_off(
    driver: webdriver.Chrome, model: Path, tmp_path: Path
) -> None:
    lm = save_language_model(tmp_path / "lm.npz", Charset(CHARACTERS), ["ac"] * 20, [0, 0])
    (tmp_path / "line.png").write_bytes(encode(between("b", "c")))
    with RunningServer(tmp_path, model, workers=1, unsure=0, language_model=lm) as server:
        driver.get(server.url)
        page = Page(driver)
        page.choose(tmp_path / "line.png")
        assert page.texts(1) == ["ac"]
        page.one("#context").click()
        page.choose(tmp_path / "line.png")
        page.ended(2)
        page.open(1)
        assert page.texts(1) == ["ab"]
        driver.refresh()
        assert not page.one("#context").is_selected(), "the choice is remembered"


def test_only_doubtful_characters_are_marked_as_many_as_the_slider_says(page: Page, tmp_path: Path) -> None:
    (tmp_path / "line.png").write_bytes(encode(between("b", "c")))  # an "a", and a bar between "b" and "c"
    page.choose(tmp_path / "line.png")
    text = page.texts(1)[0]
    assert [element.text for element in page.all("mark")] == [text[1]]
    page.one("#doubt").send_keys(Keys.HOME)
    until(lambda: not page.all("mark"), 10)
    assert page.one("#doubt").get_attribute("aria-valuetext") == "none"
    assert page.texts(1) == [text]


def test_several_pictures_keep_their_order(page: Page) -> None:
    page.hand_over("drop", "a", "bc", "de", "ab中")
    page.ended(4)
    assert [element.text for element in page.all(".document .name")] == ["a.png", "bc.png", "de.png", "ab中.png"]
    for number, text in enumerate(("a", "bc", "de", "ab中")):
        page.open(number)
        assert page.texts(1) == [text]
        assert page.one("[aria-current=true] .name").text == f"{text}.png"


def test_a_bad_picture_is_told_in_plain_words_and_the_others_are_read(page: Page, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "blank.png").write_bytes(encode(np.full((60, 90), 255, np.uint8)))
    (tmp_path / "good.png").write_bytes(png("ab"))
    page.choose(*(tmp_path / name for name in ("bad.png", "blank.png", "good.png")))
    page.ended(3)
    reason = "This file cannot be read: it is damaged, or not a picture or document."
    assert page.one("#failure-text").text == reason
    page.open(1)
    assert page.one("#note").text == "No text was found here."
    page.open(2)
    assert page.texts(1) == ["ab"]
    assert page.one(".document .why").text == reason, "the list goes on saying it"
    page.open(0)
    page.one("#retry").click()
    until(lambda: page.one("#failure-text").text == reason, 30)


def test_names_and_texts_are_never_markup(page: Page, tmp_path: Path) -> None:
    name = "<img src=x onerror=document.title='broken'>.png"
    (tmp_path / name).write_bytes(png("ab"))
    page.choose(tmp_path / name)
    assert page.texts(1) == ["ab"]
    page.edit(0)
    page.driver.switch_to.active_element.send_keys("<b>c</b>", Keys.ENTER)
    until(lambda: page.texts(1) == ["ab<b>c</b>"], 10)
    assert page.one(".name").text == name
    assert page.driver.title == "Read text in pictures"


def test_editing_by_keyboard_saves_for_training(page: Page, server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "sheet.png").write_bytes(encode(sheet("ab中ab", "cdabc", "aaabb")))
    page.choose(tmp_path / "sheet.png")
    first, second, third = page.texts(3)
    page.edit(0)
    field = page.driver.switch_to.active_element
    assert field.get_attribute("value") == first
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("ab 中文", Keys.TAB)
    field = page.driver.switch_to.active_element
    assert field.get_attribute("value") == second, "Tab goes on to the next line"
    field.send_keys("e", Keys.ESCAPE)
    assert page.driver.switch_to.active_element.get_attribute("aria-label") == f"Edit: {second}"
    assert page.texts(3) == ["ab 中文", second, third], "Escape leaves it as it was"
    until(lambda: page.all(".outcome")[0].text == "Saved for training. Thank you!", 30)
    assert not page.all(".outcome")[1].text
    CorrectionStore(server.state / FILE, most=1000).export(tmp_path)
    assert (tmp_path / "labels.tsv").read_text("utf-8").splitlines()[-1].split("\t")[1] == "ab 中文"


def test_clicking_a_line_edits_it_and_an_empty_one_stays_open(page: Page) -> None:
    page.hand_over("drop", "ab")
    page.texts(1)
    page.one(".line .text").click()
    field = page.driver.switch_to.active_element
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(Keys.BACKSPACE, Keys.ENTER)
    assert page.one(".outcome").text == "A line cannot be empty. Escape leaves it as it was."
    field.send_keys(Keys.ESCAPE)
    assert page.texts(1) == ["ab"]
    assert not page.one(".outcome").text


def test_pointing_at_a_line_marks_its_box_and_the_reverse(page: Page, tmp_path: Path) -> None:
    (tmp_path / "sheet.png").write_bytes(encode(sheet("ab中ab", "cdabc", "aaabb")))
    page.choose(tmp_path / "sheet.png")
    texts = page.texts(3)
    assert len(page.all("polygon")) == 3
    ActionChains(page.driver).move_to_element(page.all(".line")[1]).perform()
    assert page.shown("polygon") == [False, True, False]
    ActionChains(page.driver).move_to_element(page.all("polygon")[2]).perform()
    assert page.shown(".line") == [False, False, True]
    page.all("polygon")[0].click()
    assert page.driver.switch_to.active_element.get_attribute("aria-label") == f"Edit: {texts[0]}"


def test_zooming_pulling_and_turning(page: Page, tmp_path: Path) -> None:
    (tmp_path / "sheet.png").write_bytes(encode(sheet("ab中ab", "cdabc", "aaabb")))
    page.choose(tmp_path / "sheet.png")
    page.texts(3)
    width = page.one(".sheet").size["width"]
    for _ in range(4):
        page.one("#zoom-in").click()
    assert page.one(".sheet").size["width"] > 3 * width
    before = page.driver.execute_script("return document.getElementById('stage').scrollLeft")
    stage = page.one("#stage")
    ActionChains(page.driver).move_to_element(stage).click_and_hold().move_by_offset(-60, 0).release().perform()
    assert page.driver.execute_script("return document.getElementById('stage').scrollLeft") == before + 60
    page.one("#zoom-fit").click()
    assert abs(page.one(".sheet").size["width"] - width) <= 1
    page.one("#turn-right").click()
    assert page.one(".sheet").get_dom_attribute("viewBox") == "0 0 420 600"
    page.one("#turn-left").click()
    assert page.one(".sheet").get_dom_attribute("viewBox") == "0 0 600 420"
    stage.send_keys("+")
    assert page.one(".sheet").size["width"] > width


def test_large_photographs_are_shown_smaller(page: Page, tmp_path: Path) -> None:
    large = np.full((600, 4000), 255, np.uint8)
    bars = line("ab")
    large[100 : 100 + bars.shape[0], 100 : 100 + bars.shape[1]] = bars
    (tmp_path / "large.png").write_bytes(encode(large))
    page.choose(tmp_path / "large.png")
    page.ended(1)
    script = """const done = arguments[0], image = new Image();
      image.onload = () => done([image.naturalWidth, image.naturalHeight]);
      image.src = document.querySelector("image").getAttribute("href");"""
    assert page.driver.execute_async_script(script) == [2560, 384]
    assert page.one(".sheet").get_dom_attribute("viewBox") == "0 0 4000 600", "places are those of the file"


def test_what_is_removed_frees_its_memory(page: Page) -> None:
    page.hand_over("drop", "ab", "cd")
    page.ended(2)
    url = page.one("image").get_attribute("href")
    page.one(".document .remove").click()
    assert page.texts(1) == ["cd"]
    assert page.driver.switch_to.active_element.text.startswith("cd.png"), "the keyboard is not lost"
    gone = "const done = arguments[1]; fetch(arguments[0]).then(() => done(false), () => done(true))"
    assert page.driver.execute_async_script(gone, url)
    page.driver.get_log("browser")  # where the browser complains that the picture is gone
    page.one(".document .remove").click()
    assert not page.all(".document")
    assert page.one("#example").is_displayed()
    assert not page.one("#work").is_displayed()


def test_removing_all(page: Page) -> None:
    page.hand_over("drop", "ab", "cd", "a")
    page.ended(3)
    page.one("#clear").click()
    assert not page.all(".document")


def test_both_languages(page: Page) -> None:
    page.hand_over("drop", "ab")
    page.texts(1)
    assert page.one("h1").text == "Read text in pictures"
    page.language("中文")
    assert page.one("h1").text == "图片文字识别"
    assert page.one(".state").text == "1 行"
    assert page.one(".edit").get_attribute("aria-label") == "修改：ab"
    page.driver.refresh()
    assert page.one("h1").text == "图片文字识别"
    assert page.one("html").get_attribute("lang") == "zh-CN"


def test_saving_text_and_json(page: Page, tmp_path: Path) -> None:
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.hand_over("drop", "ab", "cd")
    page.ended(2)
    page.edit(0)
    page.driver.switch_to.active_element.send_keys("c", Keys.ENTER)
    page.download("#take-all [data-format=txt]")
    page.download("#take-all [data-format=json]")
    page.download("[data-format=txt]")
    names = ("documents.txt", "documents.json", "ab.txt")
    until(lambda: all((tmp_path / name).exists() for name in names), 30)
    assert (tmp_path / "documents.txt").read_text() == "abc\n\ncd"
    assert (tmp_path / "ab.txt").read_text() == "abc"
    kept = json.loads((tmp_path / "documents.json").read_text())
    assert [(entry["name"], entry["text"]) for entry in kept] == [("ab.png", "abc"), ("cd.png", "cd")]
    assert kept[0]["pages"][0]["lines"][0]["read_text"] == "ab"


def test_copying(page: Page, server: RunningServer) -> None:
    page.driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    page.hand_over("drop", "ab中")
    page.texts(1)
    page.one("#copy").click()
    until(lambda: page.one("#copy").text == "Copied", 10)
    read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))"
    assert page.driver.execute_async_script(read) == "ab中"
    until(lambda: page.one("#copy").text == "Copy", 10)


def test_plain_text(page: Page, tmp_path: Path) -> None:
    (tmp_path / "sheet.png").write_bytes(encode(sheet("ab中ab", "cdabc")))
    page.choose(tmp_path / "sheet.png")
    text = "\n".join(page.texts(2))
    page.view("text")
    assert page.one(".plain").text == text
    page.driver.refresh()
    page.choose(tmp_path / "sheet.png")
    page.ended(1)
    assert page.one(".plain").text == text, "the choice is remembered"


def test_phone(page: Page) -> None:
    device(page.driver, "phone")
    page.driver.refresh()
    assert page.one(".camera").is_displayed()
    assert page.one("#camera").get_attribute("capture") == "environment"
    page.hand_over("drop", "abcde中文abcde")
    page.texts(1)
    overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.driver.execute_script(overflow) <= 0
    assert page.one("#reading").location["y"] > page.one("#viewer").location["y"]


def test_only_keyboard_reaches_everything(page: Page) -> None:
    page.hand_over("drop", "ab", "cd")
    page.ended(2)
    reached = set()
    for _ in range(30):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        active = page.driver.switch_to.active_element
        reached |= {active.get_attribute("id"), active.tag_name, *active.get_attribute("class").split()}
    controls = {
        "language",
        "files",
        "open",
        "remove",
        "clear",
        "zoom-in",
        "turn-right",
        "stage",
        "copy",
        "doubt",
        "edit",
    }
    assert controls | {"summary"} <= reached


def test_asks_for_a_key_where_one_is_needed(driver: webdriver.Chrome, model: Path, tmp_path: Path) -> None:
    with RunningServer(tmp_path, model, workers=1, api_keys="sesame") as locked:
        driver.get(locked.url)
        page = Page(driver)
        page.hand_over("drop", "ab")
        until(lambda: page.one("#failure-text").text == "An API key is needed.", 30)
        page.one("#key").send_keys("sesame", Keys.ENTER)
        assert page.texts(1) == ["ab"], "what was refused is read now"
