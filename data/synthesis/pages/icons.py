"""Pictograms of the kind that stand beside text."""

from __future__ import annotations

import cv2
import numpy as np

from data.synthesis.pages.grounds import random_color
from data.synthesis.pages.pen import Color
from data.synthesis.rand import Rand

Box = tuple[int, int, int, int]


def icon(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    """One pictogram of the kind that stands beside text."""
    left, top, right, bottom = box
    side = min(right - left, bottom - top)
    x, y, r = left + side // 2, top + side // 2, max(3, side // 2 - 1)
    thick = max(1, side // 12) if rand.chance(0.6) else -1
    line = max(1, side // 12)
    kind = rand.below(13)
    if kind == 0:
        cv2.circle(pixels, (x, y), r, ink, thick, cv2.LINE_AA)
    elif kind == 1:
        cv2.rectangle(pixels, (x - r, y - r), (x + r, y + r), ink, thick)
        cv2.line(pixels, (x - r // 2, y), (x, y + r // 2), ink, line, cv2.LINE_AA)
        cv2.line(pixels, (x, y + r // 2), (x + r, y - r // 2), ink, line, cv2.LINE_AA)
    elif kind == 2:
        for dy in (-r // 2, 0, r // 2):
            cv2.line(pixels, (x - r, y + dy), (x + r, y + dy), ink, line)
    elif kind == 3:
        cv2.circle(pixels, (x - r // 4, y - r // 4), int(r * 0.6), ink, line, cv2.LINE_AA)
        cv2.line(pixels, (x + r // 4, y + r // 4), (x + r, y + r), ink, line, cv2.LINE_AA)
    elif kind == 4:
        points = np.array([[x, y - r], [x + r, y], [x + int(0.6 * r), y], [x + int(0.6 * r), y + r],
                           [x - int(0.6 * r), y + r], [x - int(0.6 * r), y], [x - r, y]])  # fmt: skip
        _polygon(pixels, points, ink, thick)
    elif kind == 5:
        number = 3 + rand.below(6)
        angles = np.linspace(0, 2 * np.pi, 2 * number, endpoint=False) - np.pi / 2
        radii = np.where(np.arange(2 * number) % 2, r * rand.uniform(0.35, 0.8), r)
        _polygon(pixels, np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], 1), ink, thick)
    elif kind == 6:
        _polygon(pixels, np.array([[x - r // 2, y - r], [x + r // 2, y], [x - r // 2, y + r]]), ink, thick)
    elif kind == 7:
        cv2.circle(pixels, (x, y - r // 3), max(1, r // 2), ink, -1, cv2.LINE_AA)
        cv2.ellipse(pixels, (x, y + r), (r, r), 0, 180, 360, ink, -1, cv2.LINE_AA)
    elif kind == 8:
        cv2.rectangle(pixels, (x - r, y - r // 2), (x + r, y + int(0.7 * r)), ink, thick)
        cv2.rectangle(pixels, (x - r, y - int(0.8 * r)), (x, y - r // 2), ink, thick)
    elif kind == 9:
        for dx, dy in ((-r, 0), (0, 0), (r, 0)) if rand.chance(0.5) else ((0, -r), (0, 0), (0, r)):
            cv2.circle(pixels, (x + int(0.8 * dx), y + int(0.8 * dy)), max(1, r // 5), ink, -1, cv2.LINE_AA)
    elif kind == 10:
        for angle in np.arange(0, 2 * np.pi, np.pi / 4):
            end = (int(x + r * np.cos(angle)), int(y + r * np.sin(angle)))
            cv2.line(pixels, (x, y), end, ink, max(1, r // 4), cv2.LINE_AA)
        cv2.circle(pixels, (x, y), int(0.7 * r), ink, -1, cv2.LINE_AA)
    elif kind == 11:
        cv2.line(pixels, (x - r, y - r), (x + r, y + r), ink, line, cv2.LINE_AA)
        cv2.line(pixels, (x - r, y + r), (x + r, y - r), ink, line, cv2.LINE_AA)
    else:
        cv2.ellipse(pixels, (x, y), (r, int(0.7 * r)), 0, 40, 360, ink, line, cv2.LINE_AA)
        cv2.line(pixels, (x, y - r), (x, y + r // 2), ink, line, cv2.LINE_AA)


def icons(pixels: np.ndarray, box: Box, ink: Color, rand: Rand) -> None:
    """A row or a field of pictograms."""
    left, top, right, bottom = box
    side = max(10, min(right - left, bottom - top) // (1 + rand.below(4)))
    pitch = round(side * rand.uniform(1.2, 2.2))
    own = rand.chance(0.4)
    for y in range(top, bottom - side + 1, pitch):
        for x in range(left, right - side + 1, pitch):
            color = random_color(rand) if own else ink
            icon(pixels, (x, y, x + side, y + side), color, rand)


def _polygon(pixels: np.ndarray, points: np.ndarray, ink: Color, thick: int) -> None:
    shape = [np.rint(points).astype(np.int32)]
    if thick < 0:
        cv2.fillPoly(pixels, shape, ink, cv2.LINE_AA)
    else:
        cv2.polylines(pixels, shape, True, ink, thick, cv2.LINE_AA)
