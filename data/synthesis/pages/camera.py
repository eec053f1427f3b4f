"""What becomes of a finished sheet: put on a table, bent, turned, lit, photographed, scanned, compressed."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from data.synthesis.pages.grounds import clouds, ground, rng_of
from data.synthesis.pages.sheet import Sheet
from data.synthesis.rand import Rand

SAG = 0.45  # of a line's height: what a bend may lift its middle from its chord, else its quad would not be tight


def mapped(quads: list[np.ndarray], matrix: np.ndarray) -> list[np.ndarray]:
    """Quads (4, 2) seen through a perspective matrix (3, 3)."""
    if not quads:
        return []
    points = np.concatenate(quads).reshape(1, -1, 2).astype(np.float64)
    return list(cv2.perspectiveTransform(points, matrix).reshape(-1, 4, 2).astype(np.float32))


def paste(sheet: Sheet, board: Sheet, quad: np.ndarray, shadow: bool = False) -> None:
    """Lay `board` on `sheet`, its corners at `quad`, float32 (4, 2), clockwise from the top left."""
    left, top = np.maximum(np.floor(quad.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(quad.max(axis=0)).astype(int) + 1, (sheet.width, sheet.height))
    size = (int(right - left), int(bottom - top))
    if min(size) < 4:
        return
    corners = np.array([[0, 0], [board.width, 0], [board.width, board.height], [0, board.height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, (quad - (left, top)).astype(np.float32))
    solid = np.full(board.pixels.shape[:2], 255, np.uint8) if board.alpha is None else board.alpha
    pixels = cv2.warpPerspective(board.pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpPerspective(solid, matrix, size, flags=cv2.INTER_LINEAR)
    part = sheet.pixels[top:bottom, left:right]
    if shadow:
        reach = 3 + sheet.rand.below(12)
        moved = cv2.warpAffine(alpha, np.array([[1, 0, reach], [0, 1, reach]], np.float32), size)
        cast = cv2.GaussianBlur(moved, (0, 0), reach / 2)
        part[:] = (part * (1 - cast[..., None] * np.float32(0.5 / 255))).astype(np.uint8)
    weight = alpha[..., None] * np.float32(1 / 255)
    part[:] = (part + (pixels.astype(np.float32) - part) * weight + 0.5).astype(np.uint8)
    for own, text in zip(mapped(board.quads, matrix), board.texts, strict=True):
        sheet.add(own + np.array([left, top], np.float32), text)


def photographed(sheet: Sheet) -> Sheet:
    """The sheet on a table or held before something, from an angle; its long side stays about as long."""
    rand = sheet.rand
    long = max(sheet.width, sheet.height)
    scale = rand.uniform(0.75, 0.97)
    width, height = int(sheet.width * rand.uniform(1.0, 1.25)), int(sheet.height * rand.uniform(1.0, 1.2))
    shrink = min(1.0, 1600 / max(width, height))
    width, height = int(width * shrink), int(height * shrink)
    table = Sheet(ground(width, height, rand, sheet.stock, 0.4), rand, sheet.stock)
    fit = scale * min(width / sheet.width, height / sheet.height)
    half = np.array([sheet.width, sheet.height]) * fit / 2
    quad = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32) * half
    lean = rand.uniform(0, 0.05) * long * fit
    quad += np.array([[rand.uniform(-1, 1), rand.uniform(-1, 1)] for _ in quad]) * lean
    radians = np.deg2rad(rand.uniform(-4, 4))
    turn = np.array([[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]])
    quad = (quad @ turn + (width / 2, height / 2)).astype(np.float32)
    if rand.chance(0.35):
        quad = (quad - (width / 2, height / 2)) * 1.15 + (width / 2, height / 2)  # nearer than its edges
    paste(table, sheet, quad.astype(np.float32), shadow=True)
    return trimmed(table)


def trimmed(sheet: Sheet) -> Sheet:
    """The sheet with lines cut off at its edges: what is left of them keeps a box, if a third of its height shows."""
    size = np.array([sheet.width, sheet.height])
    quads, texts = [], []
    for quad, text in zip(sheet.quads, sheet.texts, strict=True):
        if (quad >= 0).all() and (quad <= size).all():
            quads.append(quad)
            texts.append(text)
            continue
        s, t = np.meshgrid(np.linspace(0, 1, 41), np.linspace(0, 1, 13))
        upper = quad[0] + s[..., None] * (quad[1] - quad[0])
        lower = quad[3] + s[..., None] * (quad[2] - quad[3])
        points = upper + t[..., None] * (lower - upper)
        inside = ((points >= 0) & (points <= size)).all(axis=2)
        columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
        if len(columns) < 2 or len(rows) < 5:
            continue
        corners = [(rows[0], columns[0]), (rows[0], columns[-1]), (rows[-1], columns[-1]), (rows[-1], columns[0])]
        kept = np.array([points[corner] for corner in corners], np.float32)
        quads.append(np.clip(kept, 0, size.astype(np.float32)))
        texts.append(text)
    return replace(sheet, quads=quads, texts=texts)


def turned(sheet: Sheet, degrees: float) -> Sheet:
    """The sheet turned clockwise in a picture that holds all of it."""
    radians = np.deg2rad(degrees)
    cosine, sine = abs(np.cos(radians)), abs(np.sin(radians))
    width, height = sheet.width * cosine + sheet.height * sine, sheet.width * sine + sheet.height * cosine
    matrix = np.eye(3)
    matrix[:2] = cv2.getRotationMatrix2D((sheet.width / 2, sheet.height / 2), -degrees, 1.0)
    matrix[:2, 2] += ((width - sheet.width) / 2, (height - sheet.height) / 2)
    fit = min(1.0, 1600 / max(width, height))
    matrix = np.diag([fit, fit, 1.0]) @ matrix
    size = (max(1, round(width * fit)), max(1, round(height * fit)))
    quarter = degrees % 90 == 0
    rand = sheet.rand
    if quarter or rand.chance(0.5):
        fill = tuple(int(c) for c in np.median(sheet.pixels[:8].reshape(-1, 3), axis=0))
        pixels = cv2.warpPerspective(sheet.pixels, matrix, size, flags=cv2.INTER_LINEAR, borderValue=fill)
    else:
        pixels = ground(*size, rand, sheet.stock, 0.3)
        cv2.warpPerspective(sheet.pixels, matrix, size, pixels, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    return replace(sheet, pixels=pixels, quads=mapped(sheet.quads, matrix))


def bent(sheet: Sheet) -> Sheet:
    """Lines rise and fall as on a page near its spine or a curled slip; no more than their quads stay tight."""
    rand = sheet.rand
    x = np.arange(sheet.width, dtype=np.float32)
    t = x / sheet.width
    peak = rand.uniform(0.1, 0.9)
    arc = (t - peak) ** 2 if rand.chance(0.6) else np.cos((t - peak) * rand.uniform(3, 6))
    arc = (arc - arc.mean()) / max(1e-6, float(np.ptp(arc)))
    limit = rand.uniform(8, 60)
    for quad in sheet.quads:
        left, right = np.clip(quad[:, 0].min(), 0, None), min(sheet.width - 1.0, float(quad[:, 0].max()))
        section = arc[int(left) : int(right) + 1]
        if len(section) > 2:
            chord = np.linspace(section[0], section[-1], len(section))
            sag = float(np.abs(section - chord).max())
            high = min(float(np.linalg.norm(quad[3] - quad[0])), float(np.linalg.norm(quad[1] - quad[0])))
            limit = min(limit, SAG * high / max(sag, 1e-6))
    shift = (arc * np.float32(limit)).astype(np.float32)
    rows = np.arange(sheet.height, dtype=np.float32)[:, None] - shift[None]
    columns = np.ascontiguousarray(np.broadcast_to(x, rows.shape))
    pixels = cv2.remap(sheet.pixels, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    quads = []
    for quad in sheet.quads:
        quad = quad.copy()
        ends = np.clip(quad[:, 0].round().astype(int), 0, sheet.width - 1)
        left, right = int(ends.min()), int(ends.max())
        section = shift[left : right + 1]
        chord = np.linspace(section[0], section[-1], len(section))
        sag = section - chord
        quad[:, 1] += shift[ends]
        # The box holds the line's highest and lowest letters.
        quad[quad[:, 1] <= quad[:, 1].mean(), 1] += float(sag.min())
        quad[quad[:, 1] > quad[:, 1].mean(), 1] += float(sag.max())
        quads.append(quad)
    if rand.chance(0.5):  # the light follows the bend
        light = 1 + 0.25 * rand.uniform(-1, 1) * arc
        pixels = np.clip(pixels * light[None, :, None], 0, 255).astype(np.uint8)
    return trimmed(replace(sheet, pixels=pixels, quads=quads))


def shaded(pixels: np.ndarray, rand: Rand) -> np.ndarray:
    """Light that falls off, soft shadows with an edge, or a bright spot."""
    height, width = pixels.shape[:2]
    small = (max(2, height // 8), max(2, width // 8))
    y, x = np.mgrid[0 : small[0], 0 : small[1]].astype(np.float32) / max(small)
    light = np.ones(small, np.float32)
    if rand.chance(0.6):
        slope = x * rand.uniform(-0.6, 0.6) + y * rand.uniform(-0.6, 0.6)
        light += slope - slope.mean()
    if rand.chance(0.5):
        angle = rand.uniform(0, 2 * np.pi)
        edge = np.cos(angle) * (x - rand.uniform(0.2, 0.8)) + np.sin(angle) * (y - rand.uniform(0.2, 0.8))
        light *= 1 - rand.uniform(0.2, 0.6) / (1 + np.exp(-edge * rand.uniform(8, 200)))
    if rand.chance(0.3):
        spot = (x - rand.random()) ** 2 + (y - rand.random()) ** 2
        light += rand.uniform(0.1, 0.5) * np.exp(-spot * rand.uniform(5, 60))
    if rand.chance(0.3):
        light *= 1 + 0.2 * clouds(small[1], small[0], rand, 60, 10)
    light = cv2.resize(np.clip(light, 0.2, 1.6), (width, height), interpolation=cv2.INTER_LINEAR)
    tint = (
        np.array([rand.uniform(0.8, 1.1) for _ in range(3)], np.float32) if rand.chance(0.4) else np.ones(3, np.float32)
    )
    return np.clip(pixels * (light[..., None] * tint), 0, 255).astype(np.uint8)


def noisy(pixels: np.ndarray, rand: Rand, sigma: float) -> np.ndarray:
    """A sensor's noise, of `sigma` gray levels."""
    noise = np.empty(pixels.shape, np.int8)
    cv2.setRNGSeed(rand.below(2**31 - 1))
    # As one channel: of several, OpenCV reads a mean and a deviation for each, beyond the ends of these arrays.
    cv2.randn(noise.reshape(len(noise), -1), np.zeros(1), np.full(1, sigma))
    return np.asarray(cv2.add(pixels, noise, dtype=cv2.CV_8U))


def blurred(pixels: np.ndarray, rand: Rand) -> np.ndarray:
    """Out of focus, or moved."""
    if rand.chance(0.75):
        return cv2.GaussianBlur(pixels, (0, 0), rand.uniform(0.4, 1.3))
    size = 3 + 2 * rand.below(3)
    kernel = np.zeros((size, size), np.float32)
    angle = rand.uniform(0, np.pi)
    middle = size // 2
    step = np.array([np.cos(angle), np.sin(angle)]) * middle
    first = (round(middle - step[0]), round(middle - step[1]))
    cv2.line(kernel, first, (round(middle + step[0]), round(middle + step[1])), 1.0)
    return cv2.filter2D(pixels, -1, kernel / kernel.sum())


def moire(pixels: np.ndarray, rand: Rand) -> np.ndarray:
    """The beat of a screen's cells with a camera's, colored."""
    height, width = pixels.shape[:2]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    out = pixels.astype(np.float32)
    angle, pitch = rand.uniform(0, np.pi), rand.uniform(3, 30)
    bend = np.float32(rand.uniform(-1, 1) * 2e-4)
    for channel in range(3):
        turn = np.float32(2 * np.pi / pitch)
        phase = (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)) + bend * x * y) * turn + np.float32(
            channel * 0.7
        )
        out[..., channel] += np.float32(rand.uniform(4, 16)) * np.sin(phase)
    return np.clip(out, 0, 255).astype(np.uint8)


def compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Once through JPEG."""
    return np.asarray(
        cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    )


def low_resolution(pixels: np.ndarray, share: float) -> np.ndarray:
    """Made smaller by `share` and enlarged again."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (max(1, int(width * share)), max(1, int(height * share))), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def scanned(pixels: np.ndarray, rand: Rand) -> np.ndarray:
    """A scan or copy: gray, specks, hard contrast."""
    if rand.chance(0.4):
        gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        if rand.chance(0.3):
            _, gray = cv2.threshold(cv2.GaussianBlur(gray, (0, 0), 0.7), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        pixels = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    if rand.chance(0.3):
        rng = rng_of(rand)
        specks = rng.integers(0, pixels.shape[:2], (200 + rand.below(2000), 2))
        pixels = pixels.copy()
        pixels[specks[:, 0], specks[:, 1]] = 0 if rand.chance(0.7) else 255
    if rand.chance(0.3):
        pixels = cv2.convertScaleAbs(pixels, alpha=rand.uniform(0.5, 1.3), beta=rand.uniform(-20, 60))
    return pixels
