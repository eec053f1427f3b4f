"""A plain page under construction, and the words and fonts it is set with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from crnn.core.errors import UserError

Color = tuple[int, int, int]
MARKS = " ,.;:!?|\"'*~<>=+$%&@#/\\`^，。；：！？、“”‘’()（）[]《》-—…"


@dataclass(frozen=True)
class PageLine:
    """A line of a page.

    Attributes:
        text: what it says.
        quad: float32 (4, 2), corners of its ink, clockwise from the text's top left, in page pixels.
    """

    text: str
    quad: np.ndarray


@dataclass(frozen=True)
class Page:
    """A rendered page.

    Attributes:
        kind: one of `KINDS`.
        image: uint8 (H, W, 3), BGR.
        lines: in reading order.
    """

    kind: str
    image: np.ndarray
    lines: tuple[PageLine, ...]


@dataclass(frozen=True)
class Typesetter:
    """Chooses the fonts and words of a page.

    Attributes:
        rng: the page's source of chance.
        fonts: (path, face index) of fonts that draw every character of `texts`.
        texts: prose to cut lines from.
    """

    rng: np.random.Generator
    fonts: Sequence[tuple[str, int]]
    texts: Sequence[str]

    def font(self, size: int) -> ImageFont.FreeTypeFont:
        path, index = self.fonts[int(self.rng.integers(len(self.fonts)))]
        return ImageFont.truetype(path, size, index=index)

    def words(self, length: int) -> str:
        """Text of about `length` characters, cut from the prose, never inside a Latin word."""
        text = ""
        while len(text) < length:
            text += (" " if text and text[-1].isascii() else "") + self.texts[int(self.rng.integers(len(self.texts)))]
        return cut(text, length)

    def label(self, shortest: int, longest: int) -> str:
        """A short text for a cell, a title or a message, with a letter or digit in it and no punctuation around."""
        length = int(self.rng.integers(shortest, longest + 1))
        for _ in range(100):
            label = cut(self.words(length + 4).strip(MARKS), length).strip(MARKS)
            if any(character.isalnum() for character in label):
                return label
        raise UserError("the texts hold hardly any letters: pages cannot be set from them")

    def number(self) -> str:
        return f"{self.rng.integers(1, 10_000) / 100:.2f}"

    def day(self) -> str:
        return f"20{self.rng.integers(10, 30)}-{self.rng.integers(1, 13):02}-{self.rng.integers(1, 29):02}"


def cut(text: str, length: int) -> str:
    """The first `length` characters, and the rest of the Latin word they end in (or without it)."""
    end = min(length, len(text))
    start = end
    while 0 < start < len(text) and _latin(text[start - 1]) and _latin(text[start]):
        start -= 1
    return text[: start or end].strip()


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


class Sheet:
    """A page under construction."""

    def __init__(self, width: int, height: int, paper: Color) -> None:
        self._image = Image.new("RGB", (width, height), paper)
        self.draw = ImageDraw.Draw(self._image)
        self.lines: list[PageLine] = []

    def write(self, x: float, y: float, text: str, font: ImageFont.FreeTypeFont, ink: Color = (20, 20, 20)) -> float:
        """Draw one line, the top of its em box at (x, y); return the x where it ends."""
        left, top, right, bottom = self.draw.textbbox((x, y), text, font=font)
        self.draw.text((x, y), text, font=font, fill=ink)
        quad = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        self.lines.append(PageLine(text, quad))
        return right

    def paragraph(
        self,
        box: tuple[int, int, int, int],
        typesetter: Typesetter,
        font: ImageFont.FreeTypeFont,
        leading: float,
        ink: Color = (20, 20, 20),
    ) -> None:
        """Fill `box` (left, top, right, bottom) with lines; now and then one ends early, as paragraphs do."""
        left, top, right, bottom = box
        y: float = top
        while y + font.size <= bottom:
            text = typesetter.words(120)
            while font.getlength(text) > right - left:
                text = cut(text, len(text) - 1)
            if typesetter.rng.random() < 0.15:
                text = cut(text, max(4, len(text) // 2))
            self.write(left, y, text, font, ink)
            y += font.size * leading

    def page(self, kind: str) -> Page:
        return Page(kind, cv2.cvtColor(np.asarray(self._image), cv2.COLOR_RGB2BGR), tuple(self.lines))
