"""Things that look like text but are none; each fills a box (left, top, right, bottom) of a picture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from data.synthesis.pages.grounds import foliage, ink_for, random_color, rng_of
from data.synthesis.pages.icons import Box, icon, icons
from data.synthesis.pages.pen import Color
from data.synthesis.rand import Rand


def draw_decoy(pixels: np.ndarray, box: Box, rand: Rand) -> None:
    """Draw one of them on `pixels`, uint8 (H, W, 3)."""
    box = _inside(pixels, box)
    if min(box[2] - box[0], box[3] - box[1]) >= 12:
        rand.choice(DECOYS)(pixels, box, _ink(pixels, box, rand), rand)


def _inside(pixels: np.ndarray, box: Box) -> Box:
    return max(0, box[0]), max(0, box[1]), min(pixels.shape[1], box[2]), min(pixels.shape[0], box[3])


def _ink(pixels: np.ndarray, box: Box, rand: Rand) -> Color:
    left, top, right, bottom = box
    return ink_for(pixels[top:bottom:4, left:right:4].reshape(-1, 3).mean(axis=0), rand, 50, 0.5)


def barcode(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    left, top, right, bottom = box
    cv2.rectangle(pixels, (left, top), (right - 1, bottom - 1), (255, 255, 255), -1)
    unit, x = 1 + rand.below(4), left + 6
    while x < right - 6 - 4 * unit:
        wide = unit * (1 + rand.below(4))
        cv2.rectangle(pixels, (x, top + 4), (x + wide - 1, bottom - 5), (10, 10, 10), -1)
        x += wide + unit * (1 + rand.below(3))


def qr_code(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    """Its modules only: what it would say is nobody's concern."""
    left, top, right, bottom = box
    modules = 21 + 4 * rand.below(6)
    side = min(right - left, bottom - top)
    field = rng_of(rand).random((modules, modules)) < 0.5
    for y, x in ((0, 0), (0, modules - 7), (modules - 7, 0)):
        field[max(0, y - 1) : y + 8, max(0, x - 1) : x + 8] = False
        field[y : y + 7, x : x + 7] = True
        field[y + 1 : y + 6, x + 1 : x + 6] = False
        field[y + 2 : y + 5, x + 2 : x + 5] = True
    framed = np.pad(field, 2)
    dark = ink if rand.chance(0.2) and sum(ink) < 300 else (0, 0, 0)
    code = np.where(framed[..., None], np.array(dark, np.uint8), np.uint8(255)).astype(np.uint8)
    pixels[top : top + side, left : left + side] = cv2.resize(code, (side, side), interpolation=cv2.INTER_NEAREST)


def doodle(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    """Scribbles without letters."""
    rng = rng_of(rand)
    left, top, right, bottom = box
    thick = 1 + rand.below(4)
    for _ in range(1 + rand.below(6)):
        steps = rng.normal(0, 1, (30 + rand.below(60), 2))
        path = cv2.GaussianBlur(np.cumsum(steps, axis=0).astype(np.float32), (1, 7), 0)
        low, high = path.min(axis=0), path.max(axis=0)
        size = np.array([right - left, bottom - top]) * rand.uniform(0.3, 1.0)
        start = (left, top) + rng.random(2) * ((right - left, bottom - top) - size)
        points = (path - low) / np.maximum(high - low, 1e-3) * size + start
        cv2.polylines(pixels, [np.rint(points).astype(np.int32)], rand.chance(0.2), ink, thick, cv2.LINE_AA)


def dots(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    """Dotted rules."""
    left, top, right, bottom = box
    radius = 1 + rand.below(3)
    pitch, rows = radius * (3 + rand.below(4)), 12 + rand.below(40)
    for y in range(top + radius, bottom - radius, rows):
        for x in range(left + radius, right - radius, pitch):
            cv2.circle(pixels, (x, y), radius, ink, -1)


def hatching(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    left, top, right, bottom = box
    part = pixels[top:bottom, left:right]
    pitch, lean = 4 + rand.below(24), rand.uniform(-2, 2)
    high = bottom - top
    for x in range(-int(abs(lean) * high), right - left + int(abs(lean) * high), pitch):
        cv2.line(part, (x, 0), (int(x + lean * high), high), ink, 1 + rand.below(2), cv2.LINE_AA)
    cv2.rectangle(part, (0, 0), (right - left - 1, high - 1), ink, 1)


def halftone(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    left, top, right, bottom = box
    x, y = np.arange(right - left, dtype=np.float32), np.arange(bottom - top, dtype=np.float32)[:, None]
    turn = np.float32(rand.uniform(0.3, 1.6))
    field = np.sin((x + y) * turn) * np.sin((x - y) * turn) + np.sin(x / rand.uniform(20, 90)) * 0.7
    pixels[top:bottom, left:right][field > 0.4] = ink


def chart(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    """Bars, curves or points between axes, without a label."""
    rng = rng_of(rand)
    left, top, right, bottom = box
    cv2.line(pixels, (left + 3, top), (left + 3, bottom - 4), ink, 1)
    cv2.line(pixels, (left + 3, bottom - 4), (right, bottom - 4), ink, 1)
    number = 3 + rand.below(30)
    heights = rng.random(number) * (bottom - top - 12)
    xs = np.linspace(left + 8, right - 4, number + 1)
    kind = rand.below(3)
    if kind == 0:
        for x, end, height in zip(xs, xs[1:], heights, strict=False):
            color = random_color(rand, (0.2, 0.8)) if rand.chance(0.3) else ink
            upper = (int(x), int(bottom - 4 - height))
            cv2.rectangle(pixels, upper, (int(x + 0.7 * (end - x)), bottom - 4), color, -1)
    elif kind == 1:
        for _ in range(1 + rand.below(4)):
            heights = rng.random(number) * (bottom - top - 12)
            points = np.stack([xs[:-1], bottom - 6 - heights], 1)
            color = random_color(rand, (0.2, 0.7))
            cv2.polylines(pixels, [np.rint(points).astype(np.int32)], False, color, 1 + rand.below(3), cv2.LINE_AA)
    else:
        for x, height in zip(xs, heights, strict=False):
            cv2.circle(pixels, (int(x), int(bottom - 6 - height)), 1 + rand.below(5), ink, -1, cv2.LINE_AA)


def pie(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    left, top, right, bottom = box
    r = min(right - left, bottom - top) // 2 - 1
    angle = 0.0
    while angle < 359:
        end = min(360.0, angle + rand.uniform(10, 120))
        center = ((left + right) // 2, (top + bottom) // 2)
        cv2.ellipse(pixels, center, (r, r), 0, angle, end, random_color(rand, (0.2, 0.8)), -1, cv2.LINE_AA)
        angle = end


def empty_table(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    left, top, right, bottom = box
    rows, columns = 1 + rand.below(12), 1 + rand.below(8)
    thick = 1 + rand.below(3)
    if rand.chance(0.5):
        first = top + (bottom - top) // (rows + 1)
        cv2.rectangle(pixels, (left, top), (right - 1, first), random_color(rand, (0.3, 0.9)), -1)
    for y in np.linspace(top, bottom - 1, rows + 2):
        cv2.line(pixels, (left, int(y)), (right - 1, int(y)), ink, thick)
    for x in np.linspace(left, right - 1, columns + 1):
        cv2.line(pixels, (int(x), top), (int(x), bottom - 1), ink, thick)


def keyboard(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    """Keys without letters."""
    left, top, right, bottom = box
    key = max(8, (bottom - top) // (3 + rand.below(3)))
    for row, y in enumerate(range(top, bottom - key + 1, key)):
        for x in range(left + row * key // 3, right - key, key):
            cv2.rectangle(pixels, (x + 2, y + 2), (x + key - 3, y + key - 3), ink, 1 if rand.chance(0.9) else -1)


def leaves(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = foliage(right - left, bottom - top, rand)


def railing(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    """Bars, slats, louvres, windows of a front."""
    left, top, right, bottom = box
    pitch = 6 + rand.below(30)
    wide = max(2, int(pitch * rand.uniform(0.2, 0.7)))
    for x in range(left, right - wide, pitch):
        if rand.chance(0.5):
            cv2.rectangle(pixels, (x, top), (x + wide, bottom - 1), ink, -1)
        else:
            for y in range(top, bottom - wide, pitch):
                cv2.rectangle(pixels, (x, y), (x + wide, y + wide), ink, -1)


def waves(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    """Lines of waves or zigzags, as ornaments and signatures of no letters."""
    left, top, right, bottom = box
    x = np.arange(left, right, 2)
    swing, length = rand.uniform(2, 12), rand.uniform(6, 40)
    for y in range(top + 14, bottom - 14, 18 + rand.below(30)):
        points = np.stack([x, y + swing * np.sin(x / length * 2 * np.pi)], 1)
        cv2.polylines(pixels, [np.rint(points).astype(np.int32)], False, ink, 1 + rand.below(3), cv2.LINE_AA)


DECOYS: tuple[Callable[[np.ndarray, Box, Color, Rand], None], ...] = (
    barcode, qr_code, icon, icons, icons, doodle, dots, hatching, halftone, chart, pie, empty_table, keyboard, leaves,
    railing, waves,
)  # fmt: skip
