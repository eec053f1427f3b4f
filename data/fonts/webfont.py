"""Turns webfont files into plain TrueType that FreeType opens fast. Knows nothing of packages or charsets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.filterPen import DecomposingFilterPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, TTLibError
from fontTools.ttLib.tables._g_l_y_f import Glyph

from crnn.errors import UserError

KEPT_TABLES = {"GlyphOrder", "head", "hhea", "hmtx", "maxp", "OS/2", "name", "post", "cmap", "glyf", "loca"}


def plain_font(paths: Sequence[Path], cache: Path) -> Path:
    """Return one plain font file for the given webfont file or slices, made in `cache` unless it is there already.

    A single file is only decompressed and keeps its layout tables; several are merged.
    """
    digest = hashlib.sha256("\n".join(f"{path.parent.name}/{path.name} {path.stat().st_size}" for path in paths).encode())
    target = cache / f"{paths[0].stem}-{digest.hexdigest()[:10]}.ttf"
    if target.exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".partial{os.getpid()}")
    try:
        if len(paths) == 1:
            with TTFont(paths[0]) as font:
                font.flavor = None
                font.save(partial)
        else:
            merge_slices(paths, partial)
    except TTLibError as error:
        raise UserError(f"webfont {paths[0].name} cannot be read: {error}") from None
    partial.rename(target)
    return target


def merge_slices(slices: Sequence[Path], target: Path) -> None:
    """Join slices of one face (TrueType outlines, the same units per em) into one font file.

    The first slice to map a character gives its glyph. Layout, hinting and vertical tables are dropped: they refer to
    glyphs by number across slices, and a line recogniser's data needs neither.

    Raises:
        UserError: a slice has no TrueType outlines or another scale.
    """
    glyphs: dict[str, Glyph] = {".notdef": TTGlyphPen(None).glyph()}
    metrics: dict[str, tuple[int, int]] = {".notdef": (0, 0)}
    cmap: dict[int, str] = {}
    base = TTFont(slices[0])
    scale = base["head"].unitsPerEm
    metrics[".notdef"] = (scale, 0)
    for path in slices:
        font = TTFont(path)
        if "glyf" not in font or font["head"].unitsPerEm != scale:
            raise UserError(f"slice {path.name} does not fit {slices[0].name}: another scale or kind of outline")
        outlines, widths = font["glyf"], font["hmtx"]
        for codepoint, name in font.getBestCmap().items():
            if codepoint not in cmap:
                cmap[codepoint] = f"u{codepoint:04X}"
                glyphs[cmap[codepoint]] = _own_outline(outlines[name], name, font)
                metrics[cmap[codepoint]] = widths[name]
    for table in set(base.keys()) - KEPT_TABLES:
        del base[table]
    builder = FontBuilder(font=base)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(cmap)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(metrics)
    builder.setupPost(keepGlyphNames=False, italicAngle=base["post"].italicAngle)
    base.flavor = None
    base.save(target)


def _own_outline(glyph: Glyph, name: str, font: TTFont) -> Glyph:
    """The glyph without hints and without references to other glyphs of its slice."""
    if glyph.isComposite():
        pen = TTGlyphPen(None)
        font.getGlyphSet()[name].draw(DecomposingFilterPen(pen, font.getGlyphSet()))
        return pen.glyph()
    glyph.removeHinting()
    return glyph
