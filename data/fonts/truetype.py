"""Saves drawn glyphs as a TrueType font."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph


@dataclass(frozen=True)
class DrawnGlyph:
    """An outline, how far it moves the pen, and where its left edge is; in font units."""

    outline: Glyph
    advance: int
    left: int


def save_font(drawn: Mapping[int, DrawnGlyph], target: Path, family: str, em: int, ascent: int) -> None:
    """Write the glyphs, by code point, as the font `family` of `em` units, `ascent` of them above the baseline."""
    named = {f"u{codepoint:04X}": glyph for codepoint, glyph in drawn.items()}
    outlines = {".notdef": TTGlyphPen(None).glyph()} | {name: glyph.outline for name, glyph in named.items()}
    metrics = {".notdef": (em, 0)} | {name: (glyph.advance, glyph.left) for name, glyph in named.items()}
    builder = FontBuilder(em)
    builder.setupGlyphOrder(list(outlines))
    builder.setupCharacterMap({codepoint: f"u{codepoint:04X}" for codepoint in drawn})
    builder.setupGlyf(outlines)
    builder.setupHorizontalMetrics(metrics)
    builder.setupHorizontalHeader(ascent=ascent, descent=ascent - em)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=ascent, sTypoDescender=ascent - em)
    builder.setupPost(keepGlyphNames=False)
    builder.save(target)
