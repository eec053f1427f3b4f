"""A server whose every answer is known: it reads bars (see `tests.barcode`)."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient

from serve.app import create_app
from serve.base.config import ServeConfig
from tests.barcode import FINDER, draw, save_finder, save_model


def line(text: str) -> np.ndarray:
    """A line of bars that reads as `text`, uint8 (48, 12 + 24 * len(text)): paper above and below, like a
    line of print.
    """
    return cv2.copyMakeBorder(draw(text), 8, 8, 0, 0, cv2.BORDER_CONSTANT, value=255)


def png(text: str) -> bytes:
    return encode(line(text))


def encode(image: np.ndarray, extension: str = ".png") -> bytes:
    return cv2.imencode(extension, image)[1].tobytes()


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_finder(folder / FINDER)
    return save_model(folder / "barcode.onnx")


def bars_config(model: Path, state: Path) -> ServeConfig:
    """Settings of a server that reads bars: their grays do not survive being read from nearer."""
    finder = str(model.with_name(FINDER))
    return ServeConfig(model=str(model), finder=finder, state_dir=str(state), watch_seconds=0, unsure=0)


@pytest.fixture
def config(model: Path, tmp_path: Path) -> ServeConfig:
    return bars_config(model, tmp_path / "state")


class Server:
    """Makes applications and closes them at the end of the test."""

    def __init__(self, config: ServeConfig) -> None:
        self._config = config
        self._services: list[object] = []

    def __call__(self, **settings: object) -> FlaskClient:
        app = create_app(replace(self._config, **settings))
        self._services.append(app.extensions["ocr"])
        return app.test_client()

    def close(self) -> None:
        for service in self._services:
            service.close()


@pytest.fixture
def serve(config: ServeConfig) -> Iterator[Server]:
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    server = Server(config)
    yield server
    server.close()


@pytest.fixture
def client(serve: Server) -> FlaskClient:
    return serve()
