"""Sets one line of text as coverage, and says how tall the line is.

A line's box is its ink from left to right. From top to bottom it is its ink too, but at least from the baseline to the
top of a capital or, where it holds hanzi, over a whole hanzi: so the boxes of a paragraph are even. `PADDING` of the
height is added on every side, as detectors of the PP-OCR family do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from data.synthesis.faces import Face
from data.synthesis.glyphs import SWING, Glyph, Style
from data.synthesis.rand import Rand
from data.synthesis.text import HANZI

PADDING = 0.08  # of the line's height
LEAST_EM = 7
CORNERED = "，。、"  # marks that stand in the upper right corner where lines run from top to bottom

Color = tuple[int, ...]  # blue, green, red


@dataclass
class Pen:
    """How a line is written.

    Attributes:
        face: its face.
        size: pixels an em.
        ink: its color.
        spacing: between characters, em.
        sway, jitter: em by which each glyph is bent, and the baseline wanders; as a hand does.
        bold, shear, stretch: of the outlines, see `data.synthesis.faces.Style`.
    """

    face: Face
    size: int
    ink: Color = (20, 20, 20)
    spacing: float = 0.0
    sway: float = 0.0
    jitter: float = 0.0
    bold: float = 0.0
    shear: float = 0.0
    stretch: float = 1.0
    _glyphs: dict[str, Glyph] = field(default_factory=dict, repr=False, compare=False)

    def of(self, ink: Color) -> Pen:
        """The same pen in another color."""
        return replace(self, ink=ink, _glyphs=self._glyphs)

    def sized(self, size: float) -> Pen:
        """The same pen in another size."""
        return replace(self, size=max(LEAST_EM, round(size)), _glyphs={})

    def glyph(self, character: str, rand: Rand | None = None) -> Glyph:
        """The character drawn; with `rand`, anew as a hand draws it each time."""
        if self.sway and rand is not None:
            swing = np.array([rand.uniform(-1, 1) for _ in range(SWING)])
            return self.face.glyph(character, self._style(), swing=swing)
        if character not in self._glyphs:
            self._glyphs[character] = self.face.glyph(character, self._style())
        return self._glyphs[character]

    def _style(self) -> Style:
        return Style(self.size, shear=self.shear, stretch=self.stretch, bold=self.bold, sway=self.sway)

    def width(self, text: str) -> float:
        """Of `text`, pixels."""
        return sum(self.glyph(c).advance + self.spacing * self.size for c in text)

    def fit(self, text: str, width: float) -> int:
        """How many characters of `text` fit into `width` pixels."""
        x = 0.0
        for i, character in enumerate(text):
            x += self.glyph(character).advance + self.spacing * self.size
            if x > width:
                return i
        return len(text)


@dataclass(frozen=True)
class Block:
    """A line set: coverage uint8 (h, w), its place (x, y) from where the pen began on the baseline, and its box
    (left, top, right, bottom) from there, without padding."""

    mask: np.ndarray
    x: int
    y: int
    box: tuple[float, float, float, float]


def set_line(text: str, pen: Pen, rand: Rand) -> Block | None:
    """`text` from left to right; None if it leaves no ink."""
    x, drift = 0.0, 0.0
    placed = []
    for character in text:
        glyph = pen.glyph(character, rand)
        if pen.jitter:
            drift = 0.8 * drift + rand.uniform(-1, 1) * pen.jitter * pen.size
        placed.append((round(x) + glyph.left, round(drift) - glyph.top, glyph.bitmap))
        x += glyph.advance + pen.spacing * pen.size
    block = _laid(placed)
    if block is None:
        return None
    sample = pen.glyph("国" if HANZI.search(text) and not pen.face.lacks("国") else "A")
    left, top, right, bottom = block.box
    return replace(block, box=(left, min(top, -sample.top), right, max(bottom, sample.bitmap.shape[0] - sample.top)))


def set_column(text: str, pen: Pen, rand: Rand) -> Block | None:
    """`text` from top to bottom, the pen beginning at the middle of the column's upper edge; None without ink."""
    placed = []
    y = 0.0
    for character in text:
        glyph = pen.glyph(character, rand)
        columns = glyph.bitmap.shape[1]
        x, top = -columns / 2, y + 0.86 * pen.size - glyph.top
        if character in CORNERED:
            x, top = 0.45 * pen.size - columns, y + 0.08 * pen.size
        x += rand.uniform(-1, 1) * pen.jitter * pen.size
        placed.append((round(x), round(top), glyph.bitmap))
        y += pen.size * (1 + pen.spacing)
    block = _laid(placed)
    if block is None:
        return None
    left, top, right, bottom = block.box
    return replace(block, box=(min(left, -0.44 * pen.size), top, max(right, 0.44 * pen.size), bottom))


def _laid(placed: list[tuple[int, int, np.ndarray]]) -> Block | None:
    placed = [item for item in placed if item[2].size]
    if not placed:
        return None
    left, top = min(x for x, _, _ in placed), min(y for _, y, _ in placed)
    right = max(x + bitmap.shape[1] for x, _, bitmap in placed)
    bottom = max(y + bitmap.shape[0] for _, y, bitmap in placed)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    for x, y, bitmap in placed:
        part = mask[y - top : y - top + bitmap.shape[0], x - left : x - left + bitmap.shape[1]]
        np.maximum(part, bitmap, out=part)
    return Block(mask, left, top, (float(left), float(top), float(right), float(bottom)))
