"""Sets one line of text in glyphs: coverage and the centre of each character. Knows nothing of colour or damage."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data.synthesis.dice import Dice
from data.synthesis.faces import FULL_WIDTH, Face, Style
from data.synthesis.settings import Recipe
from data.synthesis.text import HANZI

BASELINE = 1.3  # of the drawing, in em from its top
LATIN_SPACING = 0.4  # Latin letters are set less wide than hanzi: else their gaps look like spaces
HEIGHT = 1.9  # of the drawing, in em: room for ascenders, descenders and jitter


@dataclass(frozen=True)
class Typeset:
    """A drawn line, its pen starting at x = `margin`.

    Attributes:
        ink: coverage, uint8 (height, width).
        centers: x of each character's centre, float32 (characters,).
        edges: x where each character's advance box begins, and where the last one ends, float32 (characters + 1,).
        em: font size in pixels.
        baseline: y.
    """

    ink: np.ndarray
    centers: np.ndarray
    edges: np.ndarray
    em: int
    baseline: int


def choose_style(recipe: Recipe, dice: Dice) -> Style:
    """Size, slant, width, weight and rasterisation of a line."""
    return Style(
        size=round(dice.span(recipe.size) or recipe.size.low),
        shear=dice.span(recipe.shear) or 0.0,
        stretch=dice.span(recipe.stretch) or 1.0,
        bold=dice.span(recipe.bold) or 0.0,
        hinted=dice.chance(recipe.hinted),
        aliased=dice.chance(recipe.aliased),
    )


def typeset(text: str, face: Face, latin: Face | None, style: Style, recipe: Recipe, dice: Dice) -> Typeset:
    """Draw `text` with `face`, its ASCII characters with `latin` if given."""
    em = style.size
    spacing = (dice.span(recipe.spacing) or 0.0) * em
    if not HANZI.search(text):
        spacing *= LATIN_SPACING
    gap = dice.span(recipe.wide_gap)
    jitter = (dice.span(recipe.jitter) or 0.0) * em
    latin_style = _scaled(style, dice.span(recipe.latin_scale))
    tail_style = _scaled(style, tail := dice.span(recipe.tail_scale))
    tail_start = len(text) - dice.below(max(1, len(text) // 2)) if tail else len(text)
    wide = face.script == "zh" and dice.chance(recipe.full_width) and face.full_width
    whole_pixels = style.hinted or style.aliased

    margin = em
    pen = float(margin)
    edges, glyphs = [], []
    for i, character in enumerate(text):
        edges.append(pen)
        if character == " " and gap is not None:
            pen += gap * em + spacing
            continue
        drawn = FULL_WIDTH.get(character, character) if wide else character
        use, its_style = (face, style) if not character.isascii() or wide else (latin or face, latin_style)
        its_style = its_style if i < tail_start else tail_style
        x = round(pen) if whole_pixels else int(pen)
        glyph = use.glyph(drawn, its_style, 0.0 if whole_pixels else round((pen - x) * 4) / 4)
        glyphs.append((glyph, x))
        pen += glyph.advance + spacing
    edges.append(pen - spacing)

    ink = np.zeros((round(HEIGHT * em), int(pen) + margin + 2), np.uint8)
    baseline = round(BASELINE * em)
    for glyph, x in glyphs:
        shift = round(dice.uniform(-jitter, jitter)) if jitter else 0
        _place(ink, glyph.bitmap, x + glyph.left, baseline - glyph.top + shift)
    starts, ends = np.array(edges[:-1]), np.array(edges[1:]) - spacing
    ends[-1] += spacing  # none follows the last character
    return Typeset(ink, ((starts + ends) / 2).astype(np.float32), np.array(edges, np.float32), em, baseline)


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
