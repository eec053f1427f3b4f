"""Documents of several pages on the page, in a real Chromium: PDFs and TIFFs, short ones and jobs."""

from __future__ import annotations

import json
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from crnn.image.decode import decode_image
from serve.engine.corrections import FILE, CorrectionStore
from tests.serve.chromium import Page
from tests.serve.conftest import encode, line
from tests.serve.running import RunningServer, until

pytest_plugins = ["tests.serve.browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromedriver") is None, reason="needs chromium and chromium-driver"),
]


def sheet(lines: int = 3) -> np.ndarray:
    """A page of bars: uint8 (800, 600)."""
    image = np.full((800, 600), 255, np.uint8)
    for row in range(lines):
        bars = line("ab中cd")
        image[80 + 120 * row : 80 + 120 * row + bars.shape[0], 60 : 60 + bars.shape[1]] = bars
    return image


def document(path: Path, *pages: np.ndarray) -> Path:
    """A PDF or a TIFF with these pages, by the name's ending."""
    first, *others = [Image.fromarray(page) for page in pages]
    first.save(path, save_all=True, append_images=others, resolution=72)
    return path


def jobs(page: Page) -> list[str]:
    """Addresses of the jobs that the page asked for."""
    script = "return performance.getEntriesByType('resource').map((each) => each.name)"
    asked = page.driver.execute_script(script)
    return sorted({found[0] for address in asked if (found := re.match(r".*/api/v1/jobs/[^/]+", address))})


def status(address: str) -> int:
    """The HTTP status of a job."""
    try:
        with urllib.request.urlopen(address) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def saved(server: RunningServer, folder: Path) -> list[np.ndarray]:
    """The lines that people corrected, as they are exported for training."""
    CorrectionStore(server.state / FILE, most=0).export(folder)
    return [decode_image(path.read_bytes()) for path in folder.rglob("*.png")]


# The darkest there is across the box of each line, in the picture that is shown of a page
INK = """
const done = arguments[0], shown = document.querySelector(".sheet image"), image = new Image();
image.onload = () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  const scale = image.naturalWidth / shown.getAttribute("width");
  done([...document.querySelectorAll(".sheet polygon")].map((polygon) => {
    const { x, y, width, height } = polygon.getBBox();
    const across = [x * scale, (y + height / 2) * scale, width * scale, 1].map(Math.round);
    return Math.min(...canvas.getContext("2d").getImageData(...across).data.filter((_, at) => at % 4 === 0));
  }));
};
image.src = shown.getAttribute("href");
"""


def dark_lines(page: Page) -> list[bool]:
    """Whether there is ink under the box of each line, in the picture of the page that is shown."""
    until(lambda: page.all(".sheet image"), 30)
    return [level < 200 for level in page.driver.execute_async_script(INK)]


def test_the_pages_of_a_pdf_are_shown_with_the_boxes_of_their_lines(page: Page, tmp_path: Path) -> None:
    page.choose(document(tmp_path / "two.pdf", sheet(3), sheet(2)))
    page.ended(1)
    assert page.one(".document .state").text == "2 pages"
    assert len(page.texts(3)) == 3
    assert dark_lines(page) == [True] * 3
    assert not page.all(".sheet text")
    assert not page.one("#no-picture").is_displayed()
    until(lambda: len(page.all(".leaf image")) == 2, 30)
    assert page.all(".thumb image")
    assert page.one("#page-number").text == "1 / 2"
    assert len(page.all(".leaf .outline")) == 2
    page.one("#next-page").click()
    assert len(page.all(".line")) == 2
    assert not page.one("#next-page").is_enabled()
    page.all(".leaf")[0].click()
    assert len(page.all(".line")) == 3
    assert page.all(".leaf")[0].get_attribute("aria-current") == "page"


def test_the_pages_of_a_tiff(page: Page, tmp_path: Path) -> None:
    page.choose(document(tmp_path / "three.tif", sheet(1), sheet(2), sheet(1)))
    page.ended(1)
    assert page.one(".document .state").text == "3 pages"
    page.one("#stage").send_keys(Keys.PAGE_DOWN)
    assert page.one("#page-number").text == "2 / 3"
    assert len(page.texts(2)) == 2
    assert dark_lines(page) == [True] * 2
    assert len(page.all(".leaf image")) == 3


def test_a_page_whose_picture_is_gone_is_drawn_from_its_text(page: Page, tmp_path: Path) -> None:
    page.choose(document(tmp_path / "long.pdf", *[sheet(2)] * 6))
    page.ended(1)
    (job,) = jobs(page)
    with urllib.request.urlopen(urllib.request.Request(job, method="DELETE")):
        page.all(".leaf")[5].click()
    until(lambda: page.all(".sheet text"), 30)
    assert page.one("#no-picture").is_displayed()
    assert [element.text for element in page.all(".sheet text")] == page.texts(2), "drawn where they stand"


def test_corrected_lines_of_any_page_are_saved_for_training(page: Page, server: RunningServer, tmp_path: Path) -> None:
    page.choose(document(tmp_path / "two.pdf", sheet(1), sheet(2)), document(tmp_path / "one.tif", sheet(2)))
    page.ended(2)
    for document_number, page_number in ((0, 0), (0, 1), (1, 0)):
        page.open(document_number)
        if page_number:
            page.all(".leaf")[page_number].click()
        page.edit(0)
        page.driver.switch_to.active_element.send_keys("a", Keys.ENTER)
        until(lambda: page.one(".outcome").text == "Saved for training. Thank you!", 30)
    lines = saved(server, tmp_path / "saved")
    assert lines
    for kept in lines:
        assert kept.shape[0] < 100, "the line alone"
        assert kept.min() < 50 < 200 < kept.max(), "with its ink"


def test_paragraphs_join_lines_that_still_show_their_boxes(page: Page, tmp_path: Path) -> None:
    close = np.full((400, 600), 255, np.uint8)
    bars = line("abcdeabcdeabcdeabcdea")
    for row in range(3):
        close[60 + 52 * row : 60 + 52 * row + bars.shape[0], 40 : 40 + bars.shape[1]] = bars
    (tmp_path / "close.png").write_bytes(encode(close))
    page.choose(tmp_path / "close.png")
    first = page.texts(3)[0]
    page.edit(0)
    page.driver.switch_to.active_element.send_keys(Keys.CONTROL, "a")
    page.driver.switch_to.active_element.send_keys("a changed line", Keys.ENTER)
    page.view("paragraphs")
    assert len(page.all(".paragraph")) == 1
    assert page.one(".paragraph").text.startswith("a changed line")
    assert page.one(".paragraph").text.count(first) == 2  # the other lines say the same
    ActionChains(page.driver).move_to_element(page.all(".piece")[1]).perform()
    assert page.shown("polygon") == [False, True, False]


def test_turning_and_reading_again(page: Page, tmp_path: Path) -> None:
    (tmp_path / "lying.png").write_bytes(encode(cv2.rotate(sheet(3), cv2.ROTATE_90_COUNTERCLOCKWISE)))
    page.choose(tmp_path / "lying.png")
    page.ended(1)
    size = page.one(".sheet").get_dom_attribute("viewBox")
    assert not page.one("#read-turned").is_displayed()
    page.one("#turn-right").click()
    assert page.one(".sheet").get_dom_attribute("viewBox") != size
    page.one("#read-turned").click()
    until(lambda: page.one(".document").get_attribute("data-state") == "done", 30)
    page.ended(1)
    assert not page.one("#read-turned").is_displayed(), "it is read the way it is shown"


def test_downloads_in_all_formats(page: Page, tmp_path: Path) -> None:
    got = tmp_path / "got"
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(got)})
    page.choose(document(tmp_path / "scan.pdf", sheet(2), sheet(2)))
    page.ended(1)
    beginnings = {"txt": b"", "json": b"[", "md": b"", "hocr": b"<?xml", "pdf": b"%PDF"}
    for ending, beginning in beginnings.items():
        page.download(f"[data-format={ending}]")
        file = got / f"scan.{ending}"
        until(file.exists, 30)
        assert file.read_bytes().startswith(beginning)
    assert len(json.loads((got / "scan.json").read_text())[0]["pages"]) == 2


def text_of(pdf: Path) -> str:
    """What a PDF says."""
    opened = pypdfium2.PdfDocument(pdf)
    try:
        return "".join(page.get_textpage().get_text_range() for page in opened)
    finally:
        opened.close()


@pytest.mark.parametrize("pages", [2, 6], ids=["at once", "as a job"])
def test_every_download_says_what_was_changed(page: Page, tmp_path: Path, pages: int) -> None:
    got = tmp_path / "got"
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(got)})
    page.choose(document(tmp_path / "scan.pdf", *[sheet(2)] * pages))
    page.ended(1)
    page.one("#next-page").click()
    page.one("#context").click()  # what is chosen for further documents changes nothing about this one
    page.edit(1)
    page.driver.switch_to.active_element.send_keys(Keys.CONTROL, "a")
    page.driver.switch_to.active_element.send_keys("Zwölf Boxkämpfer", Keys.ENTER)
    for ending in ("txt", "json", "md", "hocr", "pdf"):
        page.download(f"[data-format={ending}]")
        until((got / f"scan.{ending}").exists, 30)
    for ending in ("txt", "json", "md"):
        assert (got / f"scan.{ending}").read_text("utf-8").count("Zwölf Boxkämpfer") >= 1, ending
    assert "Boxkämpfer</span>" in (got / "scan.hocr").read_text("utf-8")
    assert text_of(got / "scan.pdf").count("Zwölf Boxkämpfer") == 1


def test_a_locked_pdf_is_read_with_its_password(page: Page, tmp_path: Path) -> None:
    plain, locked = document(tmp_path / "plain.pdf", *[sheet(2)] * 6), tmp_path / "locked.pdf"
    with pikepdf.open(plain) as opened:
        opened.save(locked, encryption=pikepdf.Encryption(owner="word", user="word"))
    page.choose(locked)
    page.ended(1)
    assert page.one("#failure-text").text == "This PDF is locked. Give its password to read it."
    assert not page.one("#retry").is_displayed()
    for password, outcome in (("sword", "This password does not open the PDF. Try another one."), ("word", "")):
        page.one("#password").send_keys(password, Keys.ENTER)
        until(lambda outcome=outcome: page.one("#failure-text").text == outcome, 30)  # type: ignore[misc]
    page.ended(1)
    assert page.one(".document .state").text == "6 pages"
    assert dark_lines(page) == [True] * 2


def test_a_long_document_is_read_as_a_job_and_may_be_cancelled(page: Page, tmp_path: Path) -> None:
    page.choose(document(tmp_path / "long.pdf", *[sheet(3)] * 12))
    until(lambda: "of 12" in page.one(".document .state").text, 60)
    assert page.one("progress").is_displayed()
    until(lambda: len(page.all(".leaf")) >= 1, 60)
    assert len(page.texts(3)) == 3, "pages are shown as they come"
    page.ended(1)
    assert page.one(".document .state").text == "12 pages"
    assert len(page.all(".leaf")) == 12
    assert dark_lines(page) == [True] * 3
    until(lambda: len(page.all(".leaf image")) >= 6, 30)
    page.view("paragraphs")
    assert page.all(".paragraph")
    (job,) = jobs(page)
    assert status(job) == 200
    page.one(".document .remove").click()
    until(lambda: status(job) == 404, 30)


def test_cancelling_and_trying_again(page: Page, tmp_path: Path) -> None:
    page.choose(document(tmp_path / "long.pdf", *[sheet(3)] * 24))
    until(lambda: jobs(page), 60)
    page.one(".document .cancel").click()
    until(lambda: page.one(".document .state").text == "Cancelled", 10)
    (job,) = jobs(page)
    until(lambda: status(job) == 404, 30)
    page.one("#retry").click()
    until(lambda: page.one(".document .state").text == "24 pages", 120)


def test_a_long_document_does_not_hold_up_the_short_ones_behind_it(page: Page, tmp_path: Path) -> None:
    (tmp_path / "line.png").write_bytes(encode(line("ab")))
    long = [document(tmp_path / f"{name}.pdf", *[sheet(3)] * 16) for name in ("first", "second", "third")]
    page.choose(*long, tmp_path / "line.png")
    page.ended(1)
    assert page.all(".document .state")[-1].text == "1 line"
    assert len(page.all(".document[data-state=reading]")) >= 2


def test_a_line_is_edited_in_peace_while_further_pages_come(page: Page, tmp_path: Path) -> None:
    page.choose(document(tmp_path / "long.pdf", *[sheet(3)] * 8))
    page.texts(3)
    page.edit(0)
    field = page.driver.switch_to.active_element
    page.ended(1)
    until(lambda: page.all("[value=paragraphs]:enabled"), 10)
    field.send_keys("a", Keys.ESCAPE)


def test_a_job_outlives_the_page_losing_the_server(page: Page, tmp_path: Path) -> None:
    page.choose(document(tmp_path / "long.pdf", *[sheet(3)] * 12))
    until(lambda: len(page.all(".leaf")) >= 1, 60)
    offline = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    try:
        tried = len([entry for entry in page.driver.get_log("browser") if "ERR_INTERNET" in entry["message"]])
        until(lambda: len(page.driver.get_log("browser")) > tried, 30)
    finally:
        page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline | {"offline": False})
    until(lambda: page.one(".document .state").text == "12 pages", 120)
    page.driver.get_log("browser")  # complains that the network was away


def test_a_damaged_pdf_is_told_in_plain_words(page: Page, tmp_path: Path) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7\n" + b"nothing " * 50)
    page.choose(tmp_path / "bad.pdf")
    page.ended(1)
    assert "damaged" in page.one("#failure-text").text
    assert "HTTP" not in page.one("#failure-text").text


def test_pages_of_a_document_stay_apart_in_what_is_copied(page: Page, server: RunningServer, tmp_path: Path) -> None:
    page.driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    page.choose(document(tmp_path / "two.pdf", sheet(1), sheet(1)))
    page.ended(1)
    text = page.texts(1)[0]
    page.one("#copy").click()
    until(lambda: page.one("#copy").text == "Copied", 10)
    read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))"
    assert page.driver.execute_async_script(read).split("\n\n")[0] == text
