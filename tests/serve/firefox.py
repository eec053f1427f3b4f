"""Firefox on the page, through the package firefox-esr: Selenium speaks with it by its own protocol, Marionette.

Debian has no geckodriver, which would stand between the two and hands on what they say nearly unchanged:
https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.file_detector import UselessFileDetector
from selenium.webdriver.remote.remote_connection import RemoteConnection

from tests.serve.running import until

SECONDS = 120  # to start, and to answer
PREFERENCES = {
    "marionette.port": 0,  # a free one, which is written to a file of the profile
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.disabledForTesting": True,
    "services.settings.server": "data:,#remote-settings-dummy/v1",  # it asks nobody outside for anything
    "intl.accept_languages": "en",
}
COMMANDS = {
    Command.NEW_SESSION: "NewSession",
    Command.GET: "Navigate",
    Command.REFRESH: "Refresh",
    Command.GET_TITLE: "GetTitle",
    Command.FIND_ELEMENT: "FindElement",
    Command.FIND_ELEMENTS: "FindElements",
    Command.FIND_CHILD_ELEMENTS: "FindElements",
    Command.CLICK_ELEMENT: "ElementClick",
    Command.SEND_KEYS_TO_ELEMENT: "ElementSendKeys",
    Command.GET_ELEMENT_TEXT: "GetElementText",
    Command.GET_ELEMENT_TAG_NAME: "GetElementTagName",
    Command.GET_ELEMENT_ATTRIBUTE: "GetElementAttribute",
    Command.GET_ELEMENT_RECT: "GetElementRect",
    Command.GET_ELEMENT_VALUE_OF_CSS_PROPERTY: "GetElementCSSValue",
    Command.IS_ELEMENT_ENABLED: "IsElementEnabled",
    Command.IS_ELEMENT_SELECTED: "IsElementSelected",
    Command.W3C_GET_ACTIVE_ELEMENT: "GetActiveElement",
    Command.W3C_EXECUTE_SCRIPT: "ExecuteScript",
    Command.W3C_EXECUTE_SCRIPT_ASYNC: "ExecuteAsyncScript",
    Command.W3C_ACTIONS: "PerformActions",
    Command.SCREENSHOT: "TakeScreenshot",
    Command.QUIT: "DeleteSession",
}


class Marionette(RemoteConnection):
    """Selenium's commands for a Firefox of our own, which ends when its session does."""

    def __init__(self, profile: Path) -> None:
        super().__init__(client_config=ClientConfig("http://localhost"))  # nobody is called there
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()]
        (profile / "user.js").write_text("".join(lines))
        command = [shutil.which("firefox-esr") or "", "--marionette", "--headless", "--profile", profile]
        silent: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen([*command, "--width=1200", "--height=900"], **silent)
        port = profile / "MarionetteActivePort"
        until(lambda: port.exists() and port.read_text().strip(), SECONDS)
        self._socket = socket.create_connection(("127.0.0.1", int(port.read_text())), SECONDS)
        self._received = self._socket.makefile("rb")
        self._read()  # what it says of itself

    def execute(self, command: str, params: dict[str, Any]) -> dict[str, Any]:
        given = {} if command == Command.NEW_SESSION else {**params}
        if command == Command.FIND_CHILD_ELEMENTS:
            given["element"] = given.pop("id")
        row = json.dumps([0, 1, f"WebDriver:{COMMANDS[command]}", given]).encode()
        self._socket.sendall(b"%d:%b" % (len(row), row))
        _, _, error, result = self._read()
        if command == Command.QUIT:
            self._end()
        if error:
            return {"status": 500, "value": json.dumps({"value": error})}
        alone = isinstance(result, dict) and result.keys() == {"value"}
        return {"value": result["value"] if alone else result}

    def _read(self) -> Any:
        size = b""
        while not size.endswith(b":"):
            size += self._received.read(1)
        return json.loads(self._received.read(int(size[:-1])))

    def _end(self) -> None:
        self._received.close()
        self._socket.close()
        self._process.terminate()
        self._process.wait(SECONDS)


def start_firefox(profile: Path) -> webdriver.Remote:
    """A browser without a window."""
    driver = webdriver.Remote(Marionette(profile), options=webdriver.FirefoxOptions())
    driver.file_detector = UselessFileDetector()  # the files are on this machine
    return driver
