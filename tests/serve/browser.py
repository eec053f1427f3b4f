"""Fixtures of the tests that need a browser; they name this module as their plugin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from tests.serve.chromium import Page, colors, device, start_chromium
from tests.serve.running import RunningServer


@pytest.fixture(scope="module")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("server"), model, workers=1, deadline_ms=60_000) as running:
        yield running


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    driver = start_chromium(tmp_path_factory.mktemp("chromium"))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver: webdriver.Chrome, server: RunningServer) -> Iterator[Page]:
    """The page of `server` in English; its test fails where the browser's console tells of an error."""
    device(driver, "desktop")
    colors(driver, "light")
    driver.get(server.url)
    driver.execute_script("localStorage.clear(); localStorage.setItem('language', 'en'); sessionStorage.clear()")
    driver.refresh()
    driver.get_log("browser")
    yield Page(driver)
    # A breach of the Content-Security-Policy, an outside request or a script's error would stand here.
    serious = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [entry for entry in serious if "status of 4" not in entry["message"]]
