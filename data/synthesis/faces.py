"""The faces of a `fonts.json` and their glyphs.

FreeType is called directly: it loads each outline once where Pillow's text drawing loads it four times, which
makes a line of hanzi three to six times as fast, and it shears, stretches and emboldens outlines on the way.
"""

from __future__ import annotations

import ctypes
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import freetype
import numpy as np

from crnn.core.errors import UserError
from data.synthesis.glyphs import Glyph, Style, pixels_of, pull, sway
from data.synthesis.rand import Rand, cumulate
from data.synthesis.settings import FaceSettings
from data.synthesis.text import HANZI

CAPITALS = str.maketrans(ascii_lowercase, ascii_uppercase)
FULL_WIDTH = {chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F) if chr(c).isalnum()}


@dataclass(frozen=True)
class Face:
    """A font face; opened at the first glyph, once in each process."""

    id: str
    path: Path
    index: int
    script: str
    lineage: str
    missing: frozenset[str]
    capitals: bool = False

    def shows(self, text: str) -> str:
        """What a reader sees where `text` is drawn with this face: capitals, if its small letters look like them."""
        return text.translate(CAPITALS) if self.capitals else text

    def lacks(self, text: str) -> bool:
        """Whether some character of `text` cannot be drawn.

        `missing` speaks of the charset the face was checked against; the font itself is asked as well, so that a
        larger charset teaches no empty boxes.
        """
        if not self.missing.isdisjoint(text):
            return True
        index = self._font.get_char_index
        return any(character != " " and not index(character) for character in text)

    @cached_property
    def _font(self) -> Any:
        return freetype.Face(str(self.path), self.index)

    @property
    def scalable(self) -> bool:
        """Whether it has outlines, and not pictures of a few sizes only."""
        return bool(self._font.is_scalable)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_font"}

    @cached_property
    def full_width(self) -> bool:
        """Whether the face draws full-width digits and letters (they are no characters of their own in a charset)."""
        return all(self._font.get_char_index(c) for c in FULL_WIDTH.values())

    def glyph(self, character: str, style: Style, fraction: float = 0.0, swing: np.ndarray | None = None) -> Glyph:
        """Draw `character`, its pen `fraction` of a pixel to the right of a whole one.

        `swing`, float (SWING,) of -1 to 1, is where `style.sway` leads the outline: the same again draws the same.
        """
        font = self._font
        if not font.is_scalable:
            return self._strike(character, style)
        font.set_pixel_sizes(0, style.size)
        bend = style.shear != 0.0 or style.stretch != 1.0
        if bend or fraction:
            matrix = freetype.Matrix(int(style.stretch * 0x10000), int(style.shear * 0x10000), 0, 0x10000)
            font.set_transform(matrix, freetype.Vector(int(fraction * 64), 0))
        else:
            font.set_transform(_UPRIGHT, _ORIGIN)
        flags = freetype.FT_LOAD_NO_BITMAP
        flags |= freetype.FT_LOAD_DEFAULT if style.hinted else freetype.FT_LOAD_NO_HINTING
        if style.aliased:
            flags |= freetype.FT_LOAD_TARGET_MONO
        font.load_char(character, flags)
        slot = font.glyph
        advance = slot.linearHoriAdvance / 65536 * style.stretch
        if style.hinted and not bend:
            advance = slot.advance.x / 64
        if any(style.pull):
            pull(slot.outline._FT_Outline, style, advance, HANZI.match(character) is not None)
        if style.sway and swing is not None:
            sway(slot.outline._FT_Outline, style, advance, swing)
        if style.bold or style.across:
            wide, high = (int(growth * style.size * 64) for growth in (style.bold, style.bold + style.across))
            freetype.FT_Outline_EmboldenXY(ctypes.byref(slot.outline._FT_Outline), wide, high)
            advance += max(0, wide) / 64
        slot.render(freetype.FT_RENDER_MODE_MONO if style.aliased else freetype.FT_RENDER_MODE_NORMAL)
        return Glyph(pixels_of(slot.bitmap), slot.bitmap_left, slot.bitmap_top, advance)

    def _strike(self, character: str, style: Style) -> Glyph:
        """The glyph of a bitmap face, in its size nearest to the one asked for."""
        sizes = [size.height for size in self._font.available_sizes]
        self._font.select_size(int(np.argmin([abs(size - style.size) for size in sizes])))
        self._font.load_char(character, freetype.FT_LOAD_RENDER)
        slot = self._font.glyph
        return Glyph(pixels_of(slot.bitmap), slot.bitmap_left, slot.bitmap_top, slot.advance.x / 64)


_UPRIGHT = freetype.Matrix(0x10000, 0, 0, 0x10000)
_ORIGIN = freetype.Vector(0, 0)


class Faces:
    """The faces of one split, drawn by script.

    Families with many faces (weights of one design) get fewer turns each: a lineage of n faces weighs
    n ** `lineage_power` times its `emphasis`.
    """

    def __init__(self, faces: list[Face], settings: FaceSettings) -> None:
        self._groups: dict[str, list[list[Face]]] = {}
        self._shares: dict[str, np.ndarray] = {}
        for script in {face.script for face in faces}:
            lineages: dict[str, list[Face]] = {}
            for face in faces:
                if face.script == script:
                    lineages.setdefault(face.lineage, []).append(face)
            self._groups[script] = list(lineages.values())
            self._shares[script] = cumulate(
                [
                    len(group) ** settings.lineage_power * settings.emphasis.get(lineage, 1.0)
                    for lineage, group in lineages.items()
                ]
            )

    @classmethod
    def load(cls, path: Path, split: str, settings: FaceSettings) -> Faces:
        """Faces of `split` in the `fonts.json` at `path`.

        Raises:
            UserError: no such file, or no Chinese face of that split in it.
        """
        faces = read_faces(path, split)
        if not any(face.script == "zh" for face in faces):
            raise UserError(f"{path} lists no zh face of split {split!r}: run `make fonts` with more sources")
        return cls(faces, settings)

    @property
    def scripts(self) -> set[str]:
        """Scripts there are faces for."""
        return set(self._groups)

    def choose(self, script: str, rand: Rand) -> Face:
        """A face for `script`; a zh face where there is none of that script."""
        script = script if script in self._groups else "zh"
        return rand.choice(self._groups[script][rand.weighted(self._shares[script])])


@lru_cache(maxsize=8)
def read_faces(path: Path, split: str) -> list[Face]:
    """The faces of `split` that a `fonts.json` lists."""
    if not path.is_file():
        raise UserError(f"no fonts at {path}: run `make fonts` first")
    entries = json.loads(path.read_text(encoding="utf-8"))["faces"]
    return [
        Face(
            id=entry["id"],
            path=path.parent / entry["path"],
            index=entry["index"],
            script=entry["script"],
            lineage=entry["lineage"],
            missing=frozenset(entry["missing"]),
            capitals=entry.get("capitals", False),
        )
        for entry in entries
        if entry["split"] == split
    ]
