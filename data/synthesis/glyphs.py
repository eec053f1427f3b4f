"""One character drawn: its style, and what that does to the outline."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import freetype
import numpy as np

HANZI_MIDDLE = 0.38  # of a hanzi, em above the baseline
LATIN_MIDDLE = 0.36  # half a capital's height
SWING = 10  # numbers that say where an outline sways


@dataclass(frozen=True)
class Style:
    """How glyphs are drawn.

    Attributes:
        size: pixels.
        shear: horizontal, per vertical.
        stretch: horizontal scale.
        bold: growth of strokes, em.
        across: growth of horizontal strokes beyond that of vertical ones, em.
        pull: how far outlines move out of the middle, in a hanzi's width and in its height; the second also lowers
            the middle of Latin letters. Negative: the other way.
        sway: how far, em, each glyph's outline leaves its design, as a hand's does; 0 leaves it alone.
        hinted, aliased: rasterization.
    """

    size: int
    shear: float = 0.0
    stretch: float = 1.0
    bold: float = 0.0
    across: float = 0.0
    pull: tuple[float, float] = (0.0, 0.0)
    sway: float = 0.0
    hinted: bool = False
    aliased: bool = False


@dataclass(frozen=True)
class Glyph:
    """One drawn character: coverage uint8 (h, w), its place relative to the pen on the baseline, pixels to the next."""

    bitmap: np.ndarray
    left: int
    top: int
    advance: float


NOTHING = np.zeros((0, 0), np.uint8)


def _points(outline: Any) -> np.ndarray:
    """The outline's points, int64 (n, 2) of 1/64 pixel; to write to."""
    return np.ctypeslib.as_array(ctypes.cast(outline.points, ctypes.POINTER(ctypes.c_long)), (outline.n_points, 2))


def sway(outline: Any, style: Style, advance: float, swing: np.ndarray) -> None:
    """Turn, lean, stretch and bend the outline about its middle, strokes and their distances with it.

    Four numbers of `swing` are a linear map: each moves what is half an em from the middle by up to `style.sway` em.
    Of the others three for each axis are a wave's direction and phase; it moves points by as much, and is .7 em long or
    longer.
    """
    if not outline.n_points:
        return
    points = _points(outline)
    em = style.size * 64
    places = (points - (advance / 2 * 64, LATIN_MIDDLE * em)) / em
    moved = 2 * places @ swing[:4].reshape(2, 2)
    for axis, (across, along, phase) in enumerate(swing[4:].reshape(2, 3)):
        moved[:, axis] += np.sin(np.pi * (2 * places @ (across, along) + phase))
    points += np.rint(moved * style.sway * em).astype(points.dtype)


def pull(outline: Any, style: Style, advance: float, hanzi: bool) -> None:
    """Move the outline's points as another design might have them; edges, baseline and cap height stay.

    A place u of a hanzi (-1 .. 1 from edge to edge) goes to u + pull · (u - u³): strokes grow by `pull` in the middle
    and shrink by twice that at the edges. Of a Latin letter, -1 the baseline and 1 the cap height, only the inner
    heights move, to u + pull · (u² - 1).
    """
    if not outline.n_points:
        return
    points = _points(outline)
    em = style.size * 64
    axes: tuple[tuple[int, float, float, float], ...]  # coordinate, its middle, half the width there, pull
    if hanzi:
        half_width = advance / 2 * 64  # outlines are in 1/64 pixel
        axes = (0, half_width, half_width, style.pull[0]), (1, HANZI_MIDDLE * em, em / 2, style.pull[1])
    else:
        axes = ((1, LATIN_MIDDLE * em, LATIN_MIDDLE * em, style.pull[1]),)
    for axis, middle, half, pull in axes:
        u = (points[:, axis] - middle) / half
        inside = np.abs(u) < 1
        moved = u + pull * (u - u**3 if hanzi else u**2 - 1)
        points[inside, axis] = np.rint(moved * half + middle)[inside]


def pixels_of(bitmap: Any) -> np.ndarray:
    """A FreeType bitmap as uint8 (h, w), copied."""
    raw = bitmap._FT_Bitmap
    rows, width, pitch = raw.rows, raw.width, abs(raw.pitch)
    if not rows or not width:
        return NOTHING
    buffer = np.frombuffer(ctypes.string_at(raw.buffer, rows * pitch), np.uint8).reshape(rows, pitch)
    if raw.pixel_mode == freetype.FT_PIXEL_MODE_MONO:
        return np.unpackbits(buffer, axis=1)[:, :width] * np.uint8(255)
    return buffer[:, :width]
