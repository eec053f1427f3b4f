"""Turns webfonts, bitmap fonts and strokes into plain TrueType that FreeType opens fast."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.filterPen import DecomposingFilterPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, TTLibError
from fontTools.ttLib.tables._g_l_y_f import Glyph

from crnn.core.atomic import replacing
from crnn.core.errors import UserError
from data.fonts.bitmap import trace_bitmap_font
from data.fonts.handwriting import write_font

WEBFONTS = (".woff", ".woff2")
BITMAP_FONT = ".pcf"
KEPT_TABLES = {"GlyphOrder", "head", "hhea", "hmtx", "maxp", "OS/2", "name", "post", "cmap", "glyf", "loca"}


def plain_font(paths: Sequence[Path], cache: Path, hand: int | None = None) -> Path:
    """Return one plain font file for the given file or slices, made in `cache` if need be and not there already.

    A single webfont is only decompressed and keeps its layout tables; several are merged; a bitmap font is traced. If
    there is a `hand`, the files are strokes, and it writes them.

    Raises:
        UserError: a file cannot be read, or slices do not fit together.
    """
    if hand is None and len(paths) == 1 and paths[0].suffix not in (*WEBFONTS, BITMAP_FONT):
        return paths[0]
    origin = "\n".join(f"{path.parent.name}/{path.name} {path.stat().st_size}" for path in paths)
    digest = hashlib.sha256(origin.encode()).hexdigest()[:10]
    target = cache / f"{paths[0].stem if hand is None else f'hand-{hand}'}-{digest}.ttf"
    if target.exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with replacing(target) as unfinished:
            if hand is not None:
                write_font(paths, hand, unfinished)
            elif paths[0].suffix == BITMAP_FONT:
                trace_bitmap_font(paths[0], unfinished)
            elif len(paths) == 1:
                with paths[0].open("rb") as file, TTFont(file) as font:
                    font.flavor = None
                    font.save(unfinished)
            else:
                merge_slices(paths, unfinished)
    except TTLibError as error:
        raise UserError(f"{paths[0].name} cannot be read: {error}") from None
    return target


def merge_slices(slices: Sequence[Path], target: Path) -> None:
    """Join slices of one face (TrueType outlines, the same units per em) into one font file.

    The first slice to map a character gives its glyph. Layout, hinting and vertical tables are dropped: they refer to
    glyphs by number across slices, and a line recognizer's data needs neither.

    Raises:
        UserError: a slice has no TrueType outlines or another scale.
    """
    with slices[0].open("rb") as file, TTFont(file) as base:
        scale = base["head"].unitsPerEm
        glyphs: dict[str, Glyph] = {".notdef": TTGlyphPen(None).glyph()}
        metrics: dict[str, tuple[int, int]] = {".notdef": (scale, 0)}
        cmap: dict[int, str] = {}
        for path in slices:
            with path.open("rb") as slice_file, TTFont(slice_file) as font:
                if "glyf" not in font or font["head"].unitsPerEm != scale:
                    raise UserError(
                        f"slice {path.name} does not fit {slices[0].name}: another scale or kind of outline"
                    )
                for codepoint, name in font.getBestCmap().items():
                    if codepoint not in cmap:
                        own_name = cmap[codepoint] = f"u{codepoint:04X}"
                        glyphs[own_name] = _own_outline(font, name)
                        metrics[own_name] = font["hmtx"][name]
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


def _own_outline(font: TTFont, name: str) -> Glyph:
    """The glyph without hints and without references to other glyphs of its slice."""
    glyph: Glyph = font["glyf"][name]
    if glyph.isComposite():
        pen = TTGlyphPen(None)
        font.getGlyphSet()[name].draw(DecomposingFilterPen(pen, font.getGlyphSet()))
        return pen.glyph()
    glyph.removeHinting()
    return glyph
