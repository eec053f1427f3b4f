"""Takes the pictures of the documentation: python -m tests.serve.screenshots MODEL ENGLISH CHINESE FOLDER"""

from __future__ import annotations

import argparse
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.serve.chromium import Page, phone, start_chromium
from tests.serve.running import RunningServer, until

COLOURS = 64  # a palette makes a third of the bytes, and nobody sees the difference


def main() -> None:
    """Read the pictures ENGLISH and CHINESE with MODEL on the page, the second also at phone width."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "english", "chinese", "folder"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    views = [
        ("page-en", "en", arguments.english),
        ("page-zh", "zh-CN", arguments.chinese),
        ("phone", "zh-CN", arguments.chinese),
    ]
    with tempfile.TemporaryDirectory() as state, RunningServer(Path(state), arguments.model.resolve()) as server:
        driver = start_chromium(Path(state) / "chromium")
        try:
            page = Page(driver)
            for name, language, picture in views:
                driver.get(server.url)
                driver.execute_script(f"localStorage.setItem('language', '{language}')")
                if name == "phone":
                    phone(driver)
                driver.refresh()
                page.one("#files").send_keys(str(picture.resolve()))
                until(lambda: page.all(".done"))
                shot = Image.open(BytesIO(driver.get_screenshot_as_png())).convert("RGB")
                shot.quantize(COLOURS).save(arguments.folder / f"{name}.png", optimize=True)
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
