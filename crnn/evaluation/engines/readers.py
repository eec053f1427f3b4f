"""One face for every recognizer that is compared: an image in, a guess out. Ours stands here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from crnn.decoding.decoder import DecodeOptions, make_decoder
from crnn.recognizer import Recognizer

FLOAT = "float"


@dataclass(frozen=True)
class Guess:
    """What a recognizer read: its text and, in [0, 1], how sure it is of the whole of it."""

    text: str
    confidence: float


class LineReader(Protocol):
    """A recognizer under test.

    Attributes:
        name: unique in a report.
        source: the file or package it came from.
        size_mb: what has to be shipped to read (model files), in 10^6 bytes.
        threads: processor threads it may use.
        precision: "float", or how its weights were quantized; "" if unknown.
    """

    name: str
    source: str
    size_mb: float
    threads: int
    precision: str

    def read(self, image: np.ndarray) -> Guess:
        """Read one line, uint8 (H, W) gray or (H, W, 3) BGR: everything from pixels to text."""
        ...


def file_megabytes(*paths: Path) -> float:
    """Size of the files in 10^6 bytes."""
    return sum(path.stat().st_size for path in paths) / 1e6


class ModelReader:
    """One of our models behind the `Recognizer` the server uses, with a language model in the beam if one is given."""

    def __init__(self, model: str | Path, name: str, threads: int, language_model: Path | None = None) -> None:
        self.recognizer = Recognizer(model, threads=threads)
        method = "beam" if language_model else "greedy"
        options = DecodeOptions(method=method, language_model=language_model)
        self.decode = make_decoder(self.recognizer.info.charset, options)
        self.name = name
        self.source = str(model)
        self.size_mb = file_megabytes(Path(model), *([language_model] if language_model else []))
        self.threads = threads
        self.precision = str(self.recognizer.info.quantization.get("mode", FLOAT))

    def read(self, image: np.ndarray) -> Guess:
        reading = self.recognizer.read(image, self.decode)
        return Guess(reading.text, reading.line_confidence)

    def read_many(self, images: Sequence[np.ndarray]) -> list[Guess]:
        readings = self.recognizer.read_many(images, self.decode)
        return [Guess(reading.text, reading.line_confidence) for reading in readings]
