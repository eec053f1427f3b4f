"""What a document is: something with pages that can be looked at one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from crnn.image.decode import MAX_IMAGE_PIXELS
from crnn.page import LineReading

TEXT_LAYERS = ("ignore", "use")


@dataclass(frozen=True)
class SourceOptions:
    """How documents are opened.

    Attributes:
        rgb: arrays of three or four channels are RGB, as PIL, matplotlib and torchvision have them; else BGR.
        text_layer: use: pages of a PDF that hold text already give that; ignore: each page is read as a picture.
        max_pixels: pages of more are refused.
        dpi: at which pages of a PDF are drawn; None to choose by the size of each.
        password: of encrypted PDFs.
    """

    rgb: bool = False
    text_layer: str = "ignore"
    max_pixels: int = MAX_IMAGE_PIXELS
    dpi: float | None = None
    password: str | None = None


@dataclass(frozen=True)
class PageImage:
    """One page to read.

    Attributes:
        number: from 1.
        image: uint8 (H, W) gray or (H, W, 3) BGR, upright as its file says.
        dpi: pixels an inch, 0 if unknown.
        text: its lines, where they were taken from the file instead of being read.
    """

    number: int
    image: np.ndarray
    dpi: float = 0.0
    text: tuple[LineReading, ...] | None = None


@dataclass(frozen=True)
class BadPage:
    """A page that cannot be looked at, and why."""

    number: int
    error: str


class Document(Protocol):
    """An opened document; use it with `with`.

    Attributes:
        count: how many pages it has.
        warning: what a user should know of it, else "".
    """

    @property
    def count(self) -> int: ...

    @property
    def warning(self) -> str: ...

    def pages(self, numbers: Sequence[int] | None = None) -> Iterator[PageImage | BadPage]:
        """Its pages, or those of these numbers (from 1, ascending), one at a time: the last one may be forgotten."""

    def __enter__(self) -> Document: ...

    def __exit__(self, *_: object) -> None: ...


def on_white(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 4) BGRA laid over white: (H, W, 3)."""
    alpha = image[:, :, 3:].astype(np.uint16)
    mixed: np.ndarray = (image[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return mixed.astype(np.uint8)
