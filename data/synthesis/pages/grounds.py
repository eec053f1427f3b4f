"""What text stands on: photographs and surfaces, uint8 (H, W, 3), BGR, none of which holds text."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import cv2
import numpy as np

from data.synthesis.pages.pen import Color
from data.synthesis.pages.stock import Stock
from data.synthesis.rand import Rand


def random_color(rand: Rand, lightness: tuple[float, float] = (0.0, 1.0), most: float = 1.0) -> Color:
    """A color of a lightness within the bounds and a saturation of at most `most`."""
    red, green, blue = colorsys.hls_to_rgb(rand.random(), rand.uniform(*lightness), most * rand.random())
    return round(255 * blue), round(255 * green), round(255 * red)


def luma(color: Color | np.ndarray) -> float:
    """Brightness of a color, 0 to 255."""
    return float(0.114 * color[0] + 0.587 * color[1] + 0.299 * color[2])


def ink_for(paper: Color | np.ndarray, rand: Rand, contrast: float = 70.0, colored: float = 0.3) -> Color:
    """An ink whose luma is at least `contrast` away from that of `paper`; a share `colored` is neither black, white
    nor gray."""
    base = luma(paper)
    darker = base > 255 - base if rand.chance(0.93) else base < 255 - base
    if base < contrast:
        darker = False
    elif base > 255 - contrast:
        darker = True
    if not rand.chance(colored):
        far = rand.uniform(0.0, 0.25) * max(0.0, (base if darker else 255 - base) - contrast)
        level = round(far if darker else 255 - far)
        return level, level, level
    for _ in range(30):
        color = random_color(rand, (0.0, 0.55) if darker else (0.45, 1.0))
        if abs(luma(color) - base) >= contrast and (luma(color) < base) == darker:
            return color
    return (0, 0, 0) if darker else (255, 255, 255)


def rng_of(rand: Rand) -> np.random.Generator:
    """For whole arrays of chance."""
    return np.random.default_rng(rand.below(2**31))


def ground(width: int, height: int, rand: Rand, stock: Stock, photographs: float = 0.5) -> np.ndarray:
    """A photograph, in a share `photographs` of the cases, or a surface."""
    if rand.chance(photographs):
        picture = photograph(width, height, rand, stock)
        if picture is not None:
            return picture
    return surface(width, height, rand)


def photograph(width: int, height: int, rand: Rand, stock: Stock) -> np.ndarray | None:
    """A part of a photograph without text, in this size; None where there is none."""
    picture = stock.photograph(rand)
    if picture is None:
        return None
    rows, columns = picture.shape[:2]
    scale = min(columns / width, rows / height) * rand.uniform(0.5, 1.0)
    part_width, part_height = max(8, int(width * scale)), max(8, int(height * scale))
    x, y = rand.below(max(1, columns - part_width)), rand.below(max(1, rows - part_height))
    part = picture[y : y + part_height, x : x + part_width]
    if rand.chance(0.5):
        part = part[:, ::-1]
    shrinks = part.shape[1] > width
    picture = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if rand.chance(0.25):
        picture = cv2.GaussianBlur(picture, (0, 0), rand.uniform(1, 8))
    if rand.chance(0.25):
        picture = cv2.convertScaleAbs(picture, alpha=rand.uniform(0.4, 0.9), beta=rand.uniform(0, 60))
    return picture


def surface(width: int, height: int, rand: Rand) -> np.ndarray:
    """One of the surfaces below."""
    return rand.choice(SURFACES)(width, height, rand)


def colored(field: np.ndarray, rand: Rand, depth: float | None = None) -> np.ndarray:
    """A field float32 (h, w) of about -1 to 1 between two colors."""
    first = np.array(random_color(rand, (0.1, 0.95), 0.6), np.float32)
    if depth is None:
        depth = rand.uniform(15, 90)
    second = first + np.array([rand.uniform(0.5, 1.0) for _ in range(3)], np.float32) * depth
    levels = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    table = np.clip(first + (second - first) * levels, 0, 255).astype(np.uint8).reshape(256, 1, 3)
    index = np.clip(field * 100 + 128, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(cv2.merge([index, index, index]), table))


def clouds(width: int, height: int, rand: Rand, coarsest: int = 200, finest: int = 2) -> np.ndarray:
    """Noise of several scales, float32 (height, width), of about -1 to 1."""
    rng = rng_of(rand)
    field = np.zeros((height, width), np.float32)
    scale, total = coarsest, 0.0
    rough = rand.uniform(0.3, 0.9)
    weight = 1.0
    while scale >= finest:
        cells = rng.uniform(-1, 1, (height // scale + 2, width // scale + 2)).astype(np.float32)
        field += weight * cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
        total += weight
        weight *= rough
        scale //= 3
    return field * np.float32(1.8 / total)


def plain(width: int, height: int, rand: Rand) -> np.ndarray:
    return np.full((height, width, 3), random_color(rand, (0.05, 0.98), 0.7), np.uint8)


def gradient(width: int, height: int, rand: Rand) -> np.ndarray:
    corners = np.array([[random_color(rand, (0.1, 0.95)) for _ in range(2)] for _ in range(2)], np.uint8)
    return cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)


def cloudy(width: int, height: int, rand: Rand) -> np.ndarray:
    return colored(clouds(width, height, rand), rand)


def gravel(width: int, height: int, rand: Rand) -> np.ndarray:
    grain = rng_of(rand).standard_normal((height, width), np.float32)
    grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), reach := rand.uniform(0.7, 3.0)), np.float32)
    return colored(grain * np.float32(1.6 * reach) + 0.3 * clouds(width, height, rand, finest=20), rand)


def wood(width: int, height: int, rand: Rand) -> np.ndarray:
    rng = rng_of(rand)
    grain = rng.uniform(-1, 1, (height // 2 + 2, width // 60 + 2)).astype(np.float32)
    grain = np.asarray(cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    y = np.arange(height, dtype=np.float32)[:, None] + 40 * clouds(width, height, rand, 500, 100)
    field = 0.5 * grain + np.sin(y * np.float32(rand.uniform(0.05, 0.4)))
    picture = colored(field * 0.8, rand, rand.uniform(15, 60))
    if rand.chance(0.6):  # planks
        pitch = 60 + rand.below(200)
        for at in range(rand.below(pitch), height, pitch):
            cv2.line(picture, (0, at), (width, at), tuple(int(v) // 2 for v in picture[at, 0]), 1 + rand.below(4))
    return picture if rand.chance(0.5) else _on_its_side(picture, width, height)


def fabric(width: int, height: int, rand: Rand) -> np.ndarray:
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    field = np.sin(x * np.float32(rand.uniform(0.3, 2.5))) + np.sin(y * np.float32(rand.uniform(0.3, 2.5)))
    return colored(0.4 * field + 0.5 * clouds(width, height, rand, finest=8), rand)


def stripes(width: int, height: int, rand: Rand) -> np.ndarray:
    angle, pitch = rand.uniform(0, np.pi), rand.uniform(4, 90)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    field = np.sin((x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))) * np.float32(2 * np.pi / pitch))
    return colored(np.clip(field * np.float32(rand.uniform(1, 8)), -1, 1), rand)


def bricks(width: int, height: int, rand: Rand) -> np.ndarray:
    rng = rng_of(rand)
    high = 12 + rand.below(60)
    wide = round(high * rand.uniform(1.0, 3.5))
    picture = colored(clouds(width, height, rand, 60), rand, 40)
    mortar, base = random_color(rand, (0.2, 0.9), 0.2), random_color(rand, (0.2, 0.7))
    thick = 1 + rand.below(max(2, high // 8))
    for row, top in enumerate(range(0, height, high)):
        for left in range(-(wide // 2) * (row % 2), width, wide):
            shade = rng.uniform(0.7, 1.3)
            part = picture[top : top + high, max(0, left) : left + wide]
            part[:] = cv2.addWeighted(part, 0.5, np.full_like(part, [min(255, int(c * shade)) for c in base]), 0.5, 0)
            cv2.rectangle(picture, (left, top), (left + wide, top + high), mortar, thick)
    return picture


def grid(width: int, height: int, rand: Rand) -> np.ndarray:
    picture = plain(width, height, rand) if rand.chance(0.6) else gradient(width, height, rand)
    color = ink_for(picture[0, 0], rand, 15)
    pitch, thick = 8 + rand.below(60), 1 + rand.below(2)
    vertical = rand.chance(0.6)
    for y in range(rand.below(pitch), height, pitch):
        cv2.line(picture, (0, y), (width, y), color, thick)
    for x in range(rand.below(pitch), width if vertical else 0, pitch):
        cv2.line(picture, (x, 0), (x, height), color, thick)
    return picture


def paper(width: int, height: int, rand: Rand) -> np.ndarray:
    """Light, with fibres, stains, and now and then crumpled."""
    base = np.array(random_color(rand, (0.75, 0.97), 0.5), np.float32)
    field = clouds(width, height, rand, 400, 3) * rand.uniform(2, 12)
    if rand.chance(0.4):
        field += np.abs(clouds(width, height, rand, 300, 30)) * rand.uniform(-50, -10)
    return np.clip(base + field[..., None], 0, 255).astype(np.uint8)


def foliage(width: int, height: int, rand: Rand) -> np.ndarray:
    """Leaves, petals or pebbles: many small strokes in kindred colors, which finders take for letters."""
    rng = rng_of(rand)
    picture = cloudy(width, height, rand)
    size = rand.uniform(4, 24)
    hue = rand.random()
    number = int(min(4000, 1.2 * width * height / size**2))
    centers = rng.integers(0, (width, height), (number, 2))
    for center, angle, reach, level, shift in zip(
        centers, rng.uniform(0, 360, number), rng.lognormal(0, 0.4, (number, 2)) * (size, size * 0.4),
        rng.uniform(0.15, 0.75, number), rng.normal(0, 0.06, number), strict=True
    ):  # fmt: skip
        red, green, blue = colorsys.hls_to_rgb((hue + shift) % 1, level, 0.45)
        axes = (max(1, int(reach[0])), max(1, int(reach[1])))
        color = (255 * blue, 255 * green, 255 * red)
        cv2.ellipse(picture, (int(center[0]), int(center[1])), axes, angle, 0, 360, color, -1)
    return cv2.GaussianBlur(picture, (0, 0), rand.uniform(0.4, 1.5))


def bokeh(width: int, height: int, rand: Rand) -> np.ndarray:
    picture = gradient(width, height, rand)
    for _ in range(20 + rand.below(80)):
        layer = random_color(rand, (0.2, 0.9))
        center = (rand.below(width), rand.below(height))
        if rand.chance(0.7):
            cv2.circle(picture, center, 4 + rand.below(max(5, width // 8)), layer, -1)
        else:
            cv2.rectangle(picture, center, (center[0] + rand.below(300), center[1] + rand.below(300)), layer, -1)
    return cv2.GaussianBlur(picture, (0, 0), rand.uniform(2, 20))


def metal(width: int, height: int, rand: Rand) -> np.ndarray:
    rng = rng_of(rand)
    lines = cv2.GaussianBlur(rng.standard_normal((height, 1), np.float32), (1, 9), 0)
    sheen = np.cos(np.linspace(-2, 2, width, dtype=np.float32) * np.float32(rand.uniform(1, 4)))
    return colored(0.6 * lines + 0.6 * sheen, rand)


def _on_its_side(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(np.ascontiguousarray(picture.transpose(1, 0, 2)), (width, height))


SURFACES: tuple[Callable[[int, int, Rand], np.ndarray], ...] = (
    plain, gradient, cloudy, gravel, wood, fabric, stripes, bricks, grid, paper, foliage, bokeh, metal,
)  # fmt: skip
