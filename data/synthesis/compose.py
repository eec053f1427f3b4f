"""Puts ink on paper and cuts the line out, as a person with a camera or a text detector would.

Returns float32 luma and the centers carried along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from data.synthesis.paper import TILES, Colors, add_panel, add_rules, choose_colors, cut, make_paper, textures
from data.synthesis.rand import Rand
from data.synthesis.settings import Lettering, Recipe
from data.synthesis.typeset import Typeset

MIN_ASCENT = 0.65  # em: a line of "一" or "..." is still cropped about this high, as detectors do


@dataclass(frozen=True)
class Crop:
    """A cut-out line: float32 luma (height, width) and the centers of its characters, float32 (characters,)."""

    pixels: np.ndarray
    centers: np.ndarray


@dataclass(frozen=True)
class Frame:
    """Where the picture lies in the drawing (left, top, right, bottom), and where its text does."""

    left: int
    top: int
    right: int
    bottom: int
    text: tuple[int, int, int, int]


def frame_of(line: Typeset, recipe: Lettering, rand: Rand) -> Frame | None:
    """Choose the cut around the text; None if the line has no ink at all."""
    columns, rows = np.flatnonzero(line.ink.max(axis=0)), np.flatnonzero(line.ink.max(axis=1))
    if not len(columns):
        return None
    left, right, top, bottom = int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1
    em, baseline = line.em, line.baseline
    ascent, descent = (MIN_ASCENT, 0.0) if rand.chance(recipe.ink_box) else (0.88, 0.14)
    top, bottom = min(top, baseline - round(ascent * em)), max(bottom, baseline + round(descent * em))
    height = bottom - top
    above, below = rand.span(recipe.above) or 0.0, rand.span(recipe.below) or 0.0
    before, after = rand.span(recipe.left) or 0.0, rand.span(recipe.right) or 0.0
    return Frame(
        left - round(before * em),
        top - round(above * height),
        right + round(after * em),
        bottom + round(below * height),
        (left, top, right, bottom),
    )


def compose(line: Typeset, frame: Frame, recipe: Recipe, rand: Rand) -> Crop:
    """Draw the picture inside `frame`, bent and tilted as the recipe says."""
    tilt, perspective, curve = rand.span(recipe.tilt), rand.span(recipe.perspective), rand.span(recipe.curve)
    bent = tilt is not None or perspective is not None or curve is not None
    if bent:  # a box around a tilted line is higher
        text_height = frame.text[3] - frame.text[1]
        grow = round(text_height * (abs(tilt or 0) * 0.4 + (perspective or 0) * 0.3 + (curve or 0) * 0.6))
        frame = replace(frame, top=frame.top - grow, bottom=frame.bottom + grow)
    width, height = frame.right - frame.left, frame.bottom - frame.top
    margin = round(0.3 * height) if bent else 0
    left, top = frame.left - margin, frame.top - margin
    shape = (height + 2 * margin, width + 2 * margin)

    ink = _window(line.ink, left, top, shape)
    box = (frame.text[0] - left, frame.text[1] - top, frame.text[2] - left, frame.text[3] - top)
    baseline = line.baseline - top
    neighbors = rand.span(recipe.neighbors)
    if neighbors is not None:
        _add_neighbors(ink, line, left, top, neighbors, rand)
    if rand.chance(recipe.stray):
        _add_strays(ink, box, line, rand)

    colors = choose_colors(recipe, rand)
    picture = make_paper(shape, colors, recipe, rand)
    if rand.chance(recipe.panel):
        add_panel(picture, box, colors, rand)
    add_rules(picture, box, baseline, line.em, colors, recipe, rand)
    picture = _print(picture, ink, line, left, colors, recipe, rand)
    opacity = rand.span(recipe.stamp)
    if opacity is not None:
        _stamp(picture, ink, line.em, opacity, rand)

    centers = line.centers - np.float32(left)
    if curve is not None:
        picture = _bend(picture, curve * height, rand)
    if bent:
        return _warp(picture, centers, margin, tilt or 0.0, perspective or 0.0, rand)
    return Crop(picture, centers)


def _window(ink: np.ndarray, left: int, top: int, shape: tuple[int, int]) -> np.ndarray:
    """The part of `ink` at (left, top) with this shape, empty where it reaches beyond: float32 0 .. 1."""
    out = np.zeros(shape, np.float32)
    _paste(out, ink, -left, -top)
    return out


def _paste(out: np.ndarray, ink: np.ndarray, x: int, y: int) -> None:
    height, width = ink.shape
    y0, x0 = max(0, y), max(0, x)
    y1, x1 = min(out.shape[0], y + height), min(out.shape[1], x + width)
    if y1 > y0 and x1 > x0:
        part = ink[y0 - y : y1 - y, x0 - x : x1 - x].astype(np.float32) * np.float32(1 / 255)
        np.maximum(out[y0:y1, x0:x1], part, out=out[y0:y1, x0:x1])


def _add_neighbors(ink: np.ndarray, line: Typeset, left: int, top: int, distance: float, rand: Rand) -> None:
    """Let the lines above and below show: this line's own letters, moved along."""
    rows = np.flatnonzero(line.ink.max(axis=1))
    drawn = line.ink[rows[0] : rows[-1] + 1]
    pitch = round(distance * max(len(drawn), 0.9 * line.em))
    where = rand.below(3)
    for direction in ((-1,), (1,), (-1, 1))[where]:
        moved = np.roll(drawn, rand.below(drawn.shape[1]), axis=1)
        _paste(ink, moved, -left, rows[0] - top + direction * pitch)


def _add_strays(ink: np.ndarray, box: tuple[int, int, int, int], line: Typeset, rand: Rand) -> None:
    """Leave bits of other letters, bullets or dirt at the left or right end, clear of the text."""
    height, width = ink.shape
    clear = max(2, round(0.15 * line.em))
    for free, at_left in ((box[0] - clear, True), (width - box[2] - clear, False)):
        size = min(free, round(0.3 * line.em))
        if size < 1 or rand.chance(0.4):
            continue
        x = int(rand.uniform(2, line.ink.shape[1] - size - 2)) if line.ink.shape[1] > size + 4 else 0
        scrap = line.ink[:, x : x + size]
        _paste(ink, scrap, 0 if at_left else width - size, (height - scrap.shape[0]) // 2)


def _print(
    picture: np.ndarray, ink: np.ndarray, line: Typeset, left: int, colors: Colors, recipe: Recipe, rand: Rand
) -> np.ndarray:
    """Lay the ink on the paper with its sides, light, outline, shadow or relief."""
    em = line.em
    shade = rand.span(recipe.drop_shadow)
    if shade is not None:
        offset = max(1, round(shade * em))
        cast = cv2.GaussianBlur(np.roll(ink, (offset, offset), (0, 1)), (0, 0), 0.3 + offset * rand.uniform(0, 0.7))
        dark = 0.0 if colors.ink > colors.paper else 255.0
        picture += (dark - picture) * cast * np.float32(rand.uniform(0.3, 0.9))
    depth = rand.span(recipe.depth)
    if depth is not None:
        # in shade or in light, but never near the ink: sides of its own luma would fill the letters
        side = colors.paper + (colors.ink - colors.paper) * rand.uniform(-0.4, 0.45)
        picture += (np.float32(side) - picture) * _extruded(ink, max(1, round(depth * em)), rand)
    glow = rand.span(recipe.glow)
    if glow is not None:
        halo = cv2.GaussianBlur(ink, (0, 0), max(0.5, glow * em)) * np.float32(rand.uniform(0.3, 0.8))
        picture += np.float32(colors.ink - colors.paper) * halo
    outline = rand.span(recipe.outline)
    if outline is not None:
        size = 2 * max(1, round(outline * em)) + 1
        ring = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
        rim = rand.uniform(180, 255) if colors.ink < colors.paper else rand.uniform(0, 75)
        picture += (np.float32(rim) - picture) * ring
    luma = np.full(ink.shape[1], colors.ink, np.float32)
    if len(line.edges) > 3 and rand.chance(recipe.two_inks):
        at = round(float(line.edges[1 + rand.below(len(line.edges) - 2)])) - left
        luma[max(0, at) :] = colors.second
    worn = rand.span(recipe.worn)
    if worn is not None:
        ink = ink * (1 - np.float32(worn) * np.maximum(cut(textures()[rand.below(TILES)], ink.shape, rand), 0))
    relief = rand.span(recipe.relief)
    if relief is not None:
        lit = np.roll(ink, (1, 1), (0, 1)) - np.roll(ink, (-1, -1), (0, 1))
        picture += lit * np.float32(relief * colors.contrast * (1 if rand.chance(0.5) else -1))
    picture += (luma - picture) * ink
    return picture


def _extruded(ink: np.ndarray, reach: int, rand: Rand) -> np.ndarray:
    """The sides of letters `reach` pixels deep, as seen from one of four corners."""
    down, right = (1 if rand.chance(0.5) else -1), (1 if rand.chance(0.5) else -1)
    sides = ink
    for step in range(1, reach + 1):
        sides = np.maximum(sides, np.roll(ink, (down * step, right * step), (0, 1)))
    return sides


def _stamp(picture: np.ndarray, ink: np.ndarray, em: int, opacity: float, rand: Rand) -> None:
    """Print part of a round or square seal over the line, worn and translucent, in place."""
    height, width = picture.shape
    mask = np.zeros((height, width), np.float32)
    center = (int(rand.uniform(0, width)), int(rand.uniform(-height, 2 * height)))
    radius, thickness = int(rand.uniform(0.9, 3) * em), max(1, round(em * rand.uniform(0.05, 0.14)))
    if rand.chance(0.75):
        cv2.circle(mask, center, radius, 1.0, thickness, cv2.LINE_AA)
    else:
        corner = (center[0] + 2 * radius, center[1] + 2 * radius)
        cv2.rectangle(mask, center, corner, 1.0, thickness)
    if rand.chance(0.5):  # a part of its inscription, standing on its head
        mask = np.maximum(mask, np.roll(ink[::-1], rand.below(width), axis=1) * (np.arange(width) < center[0]))
    luma = np.float32(rand.uniform(80, 160))  # red and blue inks in gray
    mask *= np.float32(opacity)
    np.minimum(picture, picture + (luma - picture) * mask, out=picture)


def _bend(picture: np.ndarray, height: float, rand: Rand) -> np.ndarray:
    """Shift columns up and down along an arc: a page near its spine, a curled receipt."""
    rows, columns = picture.shape
    t = np.linspace(0, 1, columns, dtype=np.float32)
    peak = np.float32(rand.uniform(0.2, 0.8))
    arc = 1 - ((t - peak) / max(peak, 1 - peak)) ** 2
    shift = (arc - arc.mean()) * np.float32(height * (1 if rand.chance(0.5) else -1))
    x = np.broadcast_to(np.arange(columns, dtype=np.float32), (rows, columns))
    y = np.arange(rows, dtype=np.float32)[:, None] + shift
    return cv2.remap(picture, np.ascontiguousarray(x), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _warp(picture: np.ndarray, centers: np.ndarray, margin: int, tilt: float, perspective: float, rand: Rand) -> Crop:
    """Cut the frame out of `picture` through corners that are a little off."""
    height, width = picture.shape[0] - 2 * margin, picture.shape[1] - 2 * margin
    drop = tilt * height * (0.5 if rand.chance(0.5) else -0.5)
    corners = [(0, 0, drop), (width, 0, -drop), (width, height, -drop), (0, height, drop)]
    shake = perspective * height
    source = np.array(
        [
            (margin + x + rand.uniform(-shake, shake) * 0.7, margin + y + dy + rand.uniform(-shake, shake) * 0.5)
            for x, y, dy in corners
        ],
        np.float32,
    )
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    pixels = cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    middle = np.full_like(centers, picture.shape[0] / 2)
    points = np.stack([centers, middle, np.ones_like(centers)])  # (3, characters)
    x, _, w = matrix.astype(np.float32) @ points
    return Crop(pixels, x / w)
