"""Takes the pictures of the README: python -m tests.serve.screenshots MODEL PICTURE FOLDER"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.serve.chromium import Page, phone, start_chromium
from tests.serve.running import RunningServer, until


def main() -> None:
    """Read PICTURE with MODEL on the page, in both languages and at phone width."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "picture", "folder"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, RunningServer(Path(state), arguments.model.resolve()) as server:
        driver = start_chromium(Path(state) / "chromium")
        try:
            page = Page(driver)
            for name, language in (("page-en", "en"), ("page-zh", "zh-CN"), ("phone", "zh-CN")):
                driver.get(server.url)
                driver.execute_script(f"localStorage.setItem('language', '{language}')")
                if name == "phone":
                    phone(driver)
                driver.refresh()
                page.one("#files").send_keys(str(arguments.picture.resolve()))
                until(lambda: page.all(".done"))
                driver.save_screenshot(str(arguments.folder / f"{name}.png"))
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
