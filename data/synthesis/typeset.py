"""Sets one line of text in glyphs: coverage and the center of each character."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data.synthesis.faces import FULL_WIDTH, Face
from data.synthesis.glyphs import SWING, Glyph, Style
from data.synthesis.rand import Rand
from data.synthesis.settings import FaceSettings, Lettering
from data.synthesis.text import HANZI

BASELINE = 1.3  # of the drawing, in em from its top
LATIN_SPACING = 0.4  # Latin letters are set less wide than hanzi: else their gaps look like spaces
OPENING, CLOSING = (
    "（【《〈「『〔“‘",
    "，。、；：！？）】》〉」』〕”’",
)  # full-width marks that may lose their blank half
NARROW_IN_LATIN = "“”‘’…"  # marks that many programs take from the Latin face
HEIGHT = 1.9  # of the drawing, in em: room for ascenders, descenders and jitter


@dataclass(frozen=True)
class Typeset:
    """A drawn line, its pen starting at x = `margin`.

    Attributes:
        ink: coverage, uint8 (height, width).
        centers: x of each character's center, float32 (characters,).
        edges: x where each character's advance box begins, and where the last one ends, float32 (characters + 1,).
        em: font size in pixels.
        baseline: y.
    """

    ink: np.ndarray
    centers: np.ndarray
    edges: np.ndarray
    em: int
    baseline: int


def choose_style(recipe: Lettering, variation: FaceSettings, rand: Rand) -> Style:
    """Size, slant, width, weight and rasterization of a line, and how `variation` changes the design."""
    return Style(
        size=round(rand.span(recipe.size) or recipe.size.low),
        shear=rand.span(recipe.shear) or 0.0,
        stretch=rand.span(recipe.stretch) or 1.0,
        bold=rand.span(recipe.bold) or 0.0,
        across=rand.span(variation.across) or 0.0,
        pull=(rand.span(variation.pull) or 0.0, rand.span(variation.pull) or 0.0),
        sway=rand.span(variation.sway) or 0.0,
        hinted=rand.chance(recipe.hinted),
        aliased=rand.chance(recipe.aliased),
    )


def typeset(
    text: str,
    face: Face,
    latin: Face | None,
    style: Style,
    recipe: Lettering,
    rand: Rand,
    substitute: Face | None = None,
) -> Typeset:
    """Draw `text` with `face`, its ASCII characters with `latin` if given, and what `face` lacks with `substitute`."""
    em = style.size
    spacing = (rand.span(recipe.spacing) or 0.0) * em
    if not HANZI.search(text):
        spacing *= LATIN_SPACING
    gap = rand.span(recipe.wide_gap)
    joint = (rand.span(recipe.latin_gap) or 0.0) * em
    jitter = (rand.span(recipe.jitter) or 0.0) * em
    latin_style = _scaled(style, rand.span(recipe.latin_scale))
    tail_style = _scaled(style, tail := rand.span(recipe.tail_scale))
    tail_start = len(text) - rand.below(max(1, len(text) // 2)) if tail else len(text)
    wide = face.script == "zh" and rand.chance(recipe.full_width) and face.full_width
    squeezed = face.script == "zh" and rand.chance(recipe.squeezed)
    shared = NARROW_IN_LATIN if latin and rand.chance(recipe.latin_quotes) and not latin.lacks(NARROW_IN_LATIN) else ""
    whole_pixels = style.hinted or style.aliased

    margin = em
    pen = float(margin)
    starts, ends, glyphs = [], [], []
    for i, character in enumerate(text):
        if joint and i and _is_joint(text[i - 1], character):
            pen += joint
        starts.append(pen)
        if character == " " and gap is not None:
            pen += gap * em
        else:
            drawn = FULL_WIDTH.get(character, character) if wide else character
            is_latin = (character.isascii() and not wide) or character in shared
            own = substitute if substitute and face.lacks(character) else face
            use, its_style = (latin or own, latin_style) if is_latin else (own, style)
            its_style = its_style if i < tail_start else tail_style
            cut = squeezed and _blank_half(use.glyph(drawn, its_style), character, em)
            pen -= cut if cut and character in OPENING else 0
            x = round(pen) if whole_pixels else int(pen)
            swing = np.array([rand.uniform(-1, 1) for _ in range(SWING)]) if style.sway else None
            glyph = use.glyph(drawn, its_style, 0.0 if whole_pixels else round((pen - x) * 4) / 4, swing)
            glyphs.append((glyph, x))
            pen += glyph.advance - (cut if cut and character in CLOSING else 0)
        ends.append(pen)
        pen += spacing

    ink = np.zeros((round(HEIGHT * em), int(pen) + margin + 2), np.uint8)
    baseline = round(BASELINE * em)
    for glyph, x in glyphs:
        shift = round(rand.uniform(-jitter, jitter)) if jitter else 0
        _place(ink, glyph.bitmap, x + glyph.left, baseline - glyph.top + shift)
    centers = (np.array(starts) + np.array(ends)) / 2
    return Typeset(ink, centers.astype(np.float32), np.array([*starts, ends[-1]], np.float32), em, baseline)


def _is_joint(before: str, after: str) -> bool:
    """Whether a Latin letter or digit meets a hanzi."""
    pair = (before.isascii() and before.isalnum(), after.isascii() and after.isalnum())
    hanzi = HANZI.match(after if pair[0] else before)
    return pair[0] != pair[1] and hanzi is not None


def _blank_half(glyph: Glyph, character: str, em: int) -> float:
    """Pixels to take off a full-width punctuation mark whose other half is blank; 0 for all else."""
    half = glyph.advance / 2
    if half < 0.35 * em:
        return 0.0  # narrow already
    if character in CLOSING and glyph.left + glyph.bitmap.shape[1] <= half:
        return half
    if character in OPENING and glyph.left >= 0.9 * half:
        return 0.9 * half
    return 0.0


def _scaled(style: Style, scale: float | None) -> Style:
    return style if scale is None else replace(style, size=max(8, round(style.size * scale)))


def _place(ink: np.ndarray, bitmap: np.ndarray, x: int, y: int) -> None:
    """Add `bitmap` with its top left corner at (x, y), clipped to the drawing."""
    height, width = bitmap.shape
    top, left = max(0, y), max(0, x)
    bottom, right = min(ink.shape[0], y + height), min(ink.shape[1], x + width)
    if bottom > top and right > left:
        region = ink[top:bottom, left:right]
        np.maximum(region, bitmap[top - y : bottom - y, left - x : right - x], out=region)
