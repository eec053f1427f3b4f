"""Writes a font as one of many hands would, from the strokes of its characters.

Faces of hands are few, and a reader that knows them does not know the next. Here a hand is drawn by chance: its pen,
how it slants, how far it misses a stroke's place, what it joins and rounds off. Source of the strokes: the `medians` of
Make Me a Hanzi's JSON, one character a file: points on the middle of each stroke in the order of writing, 1024 an em.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph

from crnn.core.errors import UserError
from data.fonts.truetype import DrawnGlyph, save_font

EM, ASCENT = 1024, 900
STEP = 36  # between points of a stroke's edge: a pixel where a character has 28
MIDDLE = np.array([EM / 2, ASCENT - EM / 2])
CAP = np.pi * np.array([0.25, 0.5, 0.75])  # angles at a stroke's round end


@dataclass(frozen=True)
class Hand:
    """How somebody writes. Lengths are in em.

    Attributes:
        pen: half the width of a stroke.
        thin: what is left of the pen's width across its nib; `nib` is the direction of thin strokes, radians.
        taper: share of the width that a stroke loses towards its end.
        rise, slant: upward tilt of horizontal strokes, rightward one of vertical strokes; per length.
        size: width and height of a character, of the em.
        corners: times that corners are cut.
        hooks: share of characters' hooks that are written.
        links: share of neighboring strokes that are joined, if they end and begin closer than `reach`.
        drift: how far strokes leave their places; `lean`, in radians, and `growth` likewise.
        bend: how far characters are bent as a whole.
    """

    pen: float
    thin: float
    nib: float
    taper: float
    rise: float
    slant: float
    size: tuple[float, float]
    corners: int
    hooks: float
    links: float
    reach: float
    drift: float
    lean: float
    growth: float
    bend: float

    @property
    def pitch(self) -> float:
        """From a character to the next, of the em."""
        return min(1.0, self.size[0] + 0.08)

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Hand:
        """A hand by chance, from a schoolchild's to one that runs."""
        haste = rng.uniform()
        return cls(
            pen=rng.uniform(0.016, 0.036) if rng.uniform() < 0.7 else rng.uniform(0.036, 0.06),
            thin=rng.uniform(0.5, 1.0),
            nib=rng.uniform(-0.3, 1.0),
            taper=rng.uniform(0.0, 0.7),
            rise=rng.normal(0.06, 0.05),
            slant=rng.normal(0.03, 0.08),
            size=(rng.uniform(0.68, 0.95), rng.uniform(0.72, 0.98)),
            corners=int(rng.integers(0, 4)),
            hooks=rng.uniform(0.0, 1.0),
            links=haste**2,
            reach=rng.uniform(0.2, 0.6),
            drift=rng.uniform(0.004, 0.012) + 0.02 * haste,
            lean=rng.uniform(0.01, 0.05) + 0.07 * haste,
            growth=rng.uniform(0.02, 0.08) + 0.1 * haste,
            bend=rng.uniform(0.01, 0.05),
        )


def write_font(files: Sequence[Path], number: int, target: Path) -> None:
    """Write the characters of `files` by hand number `number`; the same number writes the same.

    Raises:
        UserError: a file does not hold the strokes of a character.
    """
    rng = np.random.default_rng(number)
    hand = Hand.draw(rng)
    advance = round(EM * hand.pitch)
    drawn = {}
    for file in files:
        codepoint, strokes = _read(file)
        glyph = _glyph(_written(strokes, hand, rng), hand)
        drawn[codepoint] = DrawnGlyph(glyph, advance, min(glyph.coordinates)[0])
    save_font(drawn, target, f"Hand {number}", EM, ASCENT)


def _read(file: Path) -> tuple[int, list[np.ndarray]]:
    """A character's code point, and its strokes' points float (n, 2)."""
    try:
        strokes = [np.array(points, float).reshape(-1, 2) for points in json.loads(file.read_bytes())["medians"]]
        if not all(map(len, strokes)) or not strokes:
            raise ValueError("a stroke of no points, or no stroke")
        return ord(file.stem), strokes
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{file} does not hold the strokes of a character ({error!r})") from None


def _written(strokes: list[np.ndarray], hand: Hand, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pen's ways: points float (n, 2), and the width, of the pen's, at each (n,)."""
    moved = _bent([_moved(stroke, hand, rng) for stroke in strokes], hand, rng)
    ways: list[tuple[np.ndarray, np.ndarray]] = []
    for stroke in moved:
        width = np.linspace(1.0, 1.0 - hand.taper * rng.uniform(), len(stroke))
        if ways and rng.uniform() < hand.links and np.hypot(*(stroke[0] - ways[-1][0][-1])) < hand.reach * EM:
            before, widths = ways.pop()
            width[0] = min(width[0], 0.7)
            stroke, width = np.concatenate([before, stroke]), np.concatenate([widths[:-1], [0.5], width])
        ways.append((stroke, width))
    return [_rounded(*way, hand.corners) for way in ways]


def _moved(stroke: np.ndarray, hand: Hand, rng: np.random.Generator) -> np.ndarray:
    """The stroke turned, grown and shifted, with or without its hook."""
    if len(stroke) > 3 and rng.uniform() > hand.hooks:
        last, before = stroke[-1] - stroke[-2], stroke[-2] - stroke[-3]
        if np.hypot(*last) < 0.2 * EM and last @ before < 0.3 * np.hypot(*last) * np.hypot(*before):
            stroke = stroke[:-1]
    middle = (stroke.min(axis=0) + stroke.max(axis=0)) / 2
    angle = rng.normal(0, hand.lean)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (stroke - middle) @ turn * rng.normal(1, hand.growth) + middle + rng.normal(0, hand.drift * EM, 2)


def _bent(strokes: list[np.ndarray], hand: Hand, rng: np.random.Generator) -> list[np.ndarray]:
    """All strokes bent by two waves an em long or longer, then slanted and sized."""
    waves = rng.uniform(-1, 1, (2, 3))
    shape = np.array([[hand.size[0], hand.rise], [hand.slant, hand.size[1]]])
    middle = MIDDLE * (hand.pitch, 1)
    bent = []
    for stroke in strokes:
        places = (stroke - MIDDLE) / EM
        shift = np.stack([np.sin(np.pi * (2 * places @ wave[:2] + wave[2])) for wave in waves], axis=1)
        bent.append((places + hand.bend * shift) @ shape * EM + middle)
    return bent


def _rounded(points: np.ndarray, width: np.ndarray, times: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners cut `times` over (Chaikin 1974)."""
    for _ in range(times):
        if len(points) > 2:
            points, width = _cut(points), _cut(width)
    return points, width


def _cut(values: np.ndarray) -> np.ndarray:
    inner = np.stack([0.75 * values[:-1] + 0.25 * values[1:], 0.25 * values[:-1] + 0.75 * values[1:]], axis=1)
    inner = inner.reshape(-1, *values.shape[1:])
    return np.concatenate([values[:1], inner[1:-1], values[-1:]])


def _glyph(ways: Iterable[tuple[np.ndarray, np.ndarray]], hand: Hand) -> Glyph:
    pen = TTGlyphPen(None)
    for points, width in ways:
        outline = np.rint(_outline(points, width, hand)).astype(int).tolist()
        pen.moveTo(outline[0])
        for point in outline[1:]:
            pen.lineTo(point)
        pen.closePath()
    return pen.glyph()


def _outline(points: np.ndarray, width: np.ndarray, hand: Hand) -> np.ndarray:
    """The edge of what the pen leaves, clockwise: one side, a round end, the other side, a round beginning."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    places = np.linspace(0, lengths[-1], max(2, round(lengths[-1] / STEP) + 1))
    points = np.stack([np.interp(places, lengths, axis) for axis in points.T], axis=1)
    width = np.interp(places, lengths, width)
    along = np.gradient(points, axis=0)
    along /= np.hypot(along[:, :1], along[:, 1:]) + 1e-6
    angle = np.arctan2(along[:, 1], along[:, 0])
    across = hand.thin + (1 - hand.thin) * np.abs(np.sin(angle - hand.nib))
    half = (hand.pen * EM * width * across)[:, None]
    left = np.stack([-along[:, 1], along[:, 0]], axis=1)
    end = np.cos(CAP)[:, None] * left[-1] + np.sin(CAP)[:, None] * along[-1]
    begin = -np.cos(CAP)[:, None] * left[0] - np.sin(CAP)[:, None] * along[0]
    return np.concatenate(
        [points + half * left, points[-1] + half[-1] * end, (points - half * left)[::-1], points[0] + half[0] * begin]
    )
