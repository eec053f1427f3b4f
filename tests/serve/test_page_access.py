"""The page judged by axe-core (WCAG 2 A and AA, and its good practice): it finds nothing in any state."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.keys import Keys

from tests.barcode import between
from tests.serve.chromium import Page, colors, device
from tests.serve.conftest import encode, line
from tests.serve.documents import locked, pdf
from tests.serve.running import until

pytest_plugins = ["tests.serve.browser"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromedriver") is None, reason="needs chromium and chromium-driver"),
]

RUN = "const done = arguments[0]; axe.run().then((found) => done(found.violations), (error) => done(String(error)))"


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, from the package axe-core-python."""
    pytest.importorskip("axe_core_python")
    return (files("axe_core_python") / "axe.min.js").read_text("utf-8")


def violations(page: Page, axe: str) -> list[Any]:
    page.driver.execute_script(axe)
    found = page.driver.execute_async_script(RUN)
    return [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found]


def empty(page: Page, folder: Path) -> None:
    """Nothing chosen yet."""


def result(page: Page, folder: Path) -> None:
    """A picture is read; a doubtful character is marked, and the menu is open."""
    (folder / "line.png").write_bytes(encode(between("b", "c")))
    page.choose(folder / "line.png")
    page.texts(1)
    assert page.all("mark")
    page.one("#take summary").click()


def editing(page: Page, folder: Path) -> None:
    """A line was saved, and is edited again."""
    page.hand_over("drop", "ab")
    page.texts(1)
    page.edit(0)
    page.driver.switch_to.active_element.send_keys("c", Keys.ENTER)
    until(lambda: page.all(".outcome.good"), 30)
    page.edit(0)
    field = page.driver.switch_to.active_element
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(Keys.BACKSPACE, Keys.ENTER)


def error(page: Page, folder: Path) -> None:
    """One file could not be read, and another could."""
    (folder / "bad.png").write_bytes(b"no picture")
    page.choose(folder / "bad.png")
    page.ended(1)
    page.hand_over("drop", "ab")
    page.ended(2)


def password(page: Page, folder: Path) -> None:
    """A PDF asks for its password."""
    (folder / "locked.pdf").write_bytes(locked(pdf(), "word"))
    page.choose(folder / "locked.pdf")
    page.ended(1)
    assert page.driver.switch_to.active_element.get_attribute("id") == "password"


def document(page: Page, folder: Path) -> None:
    """A PDF of two pages, whose text is shown in paragraphs."""
    sheet = Image.fromarray(np.pad(line("abcde"), 60, constant_values=255))
    sheet.save(folder / "two.pdf", save_all=True, append_images=[sheet])
    page.choose(folder / "two.pdf")
    page.ended(1)
    page.view("paragraphs")


@pytest.mark.parametrize("kind", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", [empty, result, editing, error, password, document])
def test_axe_finds_nothing(page: Page, axe: str, tmp_path: Path, state: Any, scheme: str, kind: str) -> None:
    device(page.driver, kind)
    colors(page.driver, scheme)
    page.driver.refresh()
    state(page, tmp_path)
    assert violations(page, axe) == []


def test_axe_would_find_something(page: Page, axe: str) -> None:
    page.driver.execute_script("document.getElementById('language').removeAttribute('aria-label')")
    assert [name for name, _ in violations(page, axe)] == ["select-name"]


def test_what_happens_is_told_to_those_who_do_not_see_it(page: Page) -> None:
    page.hand_over("drop", "ab")
    page.texts(1)
    status = page.one("#status")
    assert status.get_attribute("role") == "status"
    until(lambda: status.get_attribute("textContent") == "ab.png is read: 1 line.", 10)
    page.one(".document .remove").click()
    assert status.get_attribute("textContent") == "ab.png was removed."
