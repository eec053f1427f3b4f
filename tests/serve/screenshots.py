"""Takes pictures of the page in all its states: python -m tests.serve.screenshots FOLDER [--model MODEL] [--pdf PDF]

FOLDER gets STATE-DEVICE-SCHEME.png for each state, device and color scheme, and what the README shows: page-en.png,
page-zh.png and phone.png.
"""

from __future__ import annotations

import argparse
import tempfile
from io import BytesIO
from pathlib import Path

import pikepdf
from PIL import Image
from selenium.webdriver.common.keys import Keys

from tests.serve.chromium import DEVICES, Page, colors, device, start_chromium
from tests.serve.running import ROOT, RunningServer, until

COLORS = 128  # a palette makes a third of the bytes, and nobody sees the difference
EXAMPLE = ROOT / "docs/example.jpg"


class Photographer:
    """Brings the page into a state, and takes its picture."""

    def __init__(self, page: Page, url: str, folder: Path, pdf: Path | None) -> None:
        self.page, self.url, self.folder, self.pdf = page, url, folder, pdf

    def take(self, name: str) -> None:
        shot = Image.open(BytesIO(self.page.driver.get_screenshot_as_png())).convert("RGB")
        shot.quantize(COLORS).save(self.folder / f"{name}.png", optimize=True)

    def open(self, language: str) -> None:
        self.page.driver.get(self.url)
        self.page.driver.execute_script(f"localStorage.setItem('language', '{language}')")
        self.page.driver.refresh()

    def empty(self) -> None:
        """Nothing chosen yet."""

    def photograph(self) -> None:
        self.page.choose(EXAMPLE)
        self.page.ended(1)

    def editing(self) -> None:
        self.photograph()
        self.page.edit(3)
        self.page.driver.switch_to.active_element.send_keys("!", Keys.ENTER)
        until(lambda: self.page.all(".outcome.good, .outcome.bad"), 30)
        self.page.edit(5)

    def error(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            bad = Path(folder) / "holiday.png"
            bad.write_bytes(b"no picture")
            self.page.choose(bad)
            self.page.ended(1)

    def document(self) -> None:
        """A long document while it is read."""
        assert self.pdf is not None
        self.page.choose(self.pdf)
        until(lambda: len(self.page.all(".leaf")) >= 3 and self.page.all(".sheet image"))
        until(lambda: not any(outline.is_displayed() for outline in self.page.all(".leaf path")))

    def locked(self) -> None:
        """A document that asks for its password."""
        assert self.pdf is not None
        with tempfile.TemporaryDirectory() as folder:
            locked = Path(folder) / "contract.pdf"
            with pikepdf.open(self.pdf) as opened:
                opened.save(locked, encryption=pikepdf.Encryption(owner="secret", user="secret"))
            self.page.choose(locked)
            self.page.ended(1)


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, default=ROOT / "models/crnn-zh-en.int8.onnx")
    parser.add_argument("--pdf", type=Path, help="a document of more than four pages")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    states = ["empty", "photograph", "editing", "error", *(["document", "locked"] if arguments.pdf else [])]
    with (
        tempfile.TemporaryDirectory() as state,
        RunningServer(Path(state), arguments.model.resolve(), workers=1) as server,
    ):
        driver = start_chromium(Path(state) / "chromium")
        try:
            shots = Photographer(Page(driver), server.url, arguments.folder, arguments.pdf)
            for kind in DEVICES:
                device(driver, kind)
                for scheme in ("light", "dark"):
                    colors(driver, scheme)
                    for name in states:
                        shots.open("en")
                        getattr(shots, name)()
                        shots.take(f"{name}-{kind}-{scheme}")
            colors(driver, "light")
            for name, kind, language in (
                ("page-en", "desktop", "en"),
                ("page-zh", "desktop", "zh-CN"),
                ("phone", "phone", "zh-CN"),
            ):
                device(driver, kind)
                shots.open(language)
                shots.photograph()
                shots.take(name)
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
