"""Chromium on the page, through the packages chromium and chromium-driver."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from tests.serve.conftest import png
from tests.serve.running import until

# What a browser hands over when files are dropped or pasted
TRANSFER = """
const [kind, pictures] = arguments;
const transfer = new DataTransfer();
for (const [name, data] of pictures) {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  transfer.items.add(new File([bytes], name, { type: "image/png" }));
}
const event = kind === "paste"
  ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true })
  : new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
document.getElementById("drop").dispatchEvent(event);
"""


def start_chromium(profile: Path) -> webdriver.Chrome:
    """A browser without a window that remembers what its console said."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = shutil.which("chromium") or ""
    return webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))


DEVICES = {
    "desktop": {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    "phone": {"width": 390, "height": 844, "deviceScaleFactor": 1.5, "mobile": True},
}


def device(driver: webdriver.Chrome, name: str) -> None:
    """Give the page the size and manners of one of `DEVICES`."""
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", DEVICES[name])
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": name == "phone"})


def colors(driver: webdriver.Chrome, scheme: str) -> None:
    """Let the system wish for `light` or `dark`."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


class Page:
    """What a person sees and does."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def hand_over(self, kind: str, *texts: str) -> None:
        pictures = [[f"{text}.png", base64.b64encode(png(text)).decode()] for text in texts]
        self.driver.execute_script(TRANSFER, kind, pictures)

    def choose(self, *files: Path) -> None:
        self.one("#files").send_keys("\n".join(map(str, files)))

    def ended(self, count: int) -> None:
        """Wait until `count` documents are read, or could not be."""
        until(lambda: len(self.all("[data-state=done].document, [data-state=failed].document")) >= count, 60)

    def texts(self, count: int) -> list[str]:
        """The lines of the page that is shown, once there are `count` of them."""
        until(lambda: len(self.all(".line .text")) >= count, 30)
        return [element.text for element in self.all(".line .text")]

    def open(self, number: int) -> None:
        """Show the document `number`, from 0."""
        self.all(".document .open")[number].click()

    def edit(self, number: int) -> None:
        """Begin to edit line `number`, from 0, by keyboard."""
        self.all(".edit")[number].send_keys(Keys.ENTER)

    def view(self, name: str) -> None:
        """Show the text as `lines`, `paragraphs` or `text`."""
        self.one(f"#views label:has([value={name}])").click()

    def language(self, name: str) -> None:
        Select(self.one("#language")).select_by_visible_text(name)

    def download(self, button: str) -> None:
        """Press a button of the menu, and wait until the menu closes."""
        self.one("#take summary").click()
        self.one(f"#take {button}").click()
        until(lambda: self.one("#take").get_attribute("open") is None, 60)

    def shown(self, selector: str) -> list[bool]:
        """Which of the elements are marked as what the pointer is at."""
        return ["shown" in (each.get_dom_attribute("class") or "") for each in self.all(selector)]
