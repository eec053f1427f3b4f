"""Chromium on the page, through the packages chromium and chromium-driver."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

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


def phone(driver: webdriver.Chrome) -> None:
    """Give the page the size and manners of a phone."""
    metrics = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


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

    def texts(self, count: int) -> list[str]:
        """The lines on the page, once there are `count` of them."""
        until(lambda: len(self.all(".line .text")) >= count, 30)
        return [element.text for element in self.all(".line .text")]
