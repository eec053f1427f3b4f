"""What lies under the text: even paper, texture, gradients, cells and rules.

Random fields are cut out of pools that are made once in each process from a fixed seed: drawing them afresh would
cost more than the rest of a line, and a line still depends on its own rand only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from data.synthesis.rand import Rand
from data.synthesis.settings import Coloring, Company

POOL_SEED = 20_000
TILE = (192, 1600)  # larger than any line while it is composed; larger ones are cut from the tile enlarged
TILES = 24


@dataclass(frozen=True)
class Colors:
    """Luma of the paper, of the ink, and of a second ink."""

    paper: float
    ink: float
    second: float

    @property
    def contrast(self) -> float:
        """How far ink and paper are apart."""
        return abs(self.paper - self.ink)


def choose_colors(recipe: Coloring, rand: Rand) -> Colors:
    """Lumas that differ by at least the recipe's contrast."""
    contrast = rand.span(recipe.contrast) or recipe.contrast.high
    light_on_dark = rand.chance(recipe.light_on_dark)
    paper = rand.span(recipe.paper) or recipe.paper.high
    paper = min(255 - paper, 255 - contrast) if light_on_dark else max(paper, contrast)
    sign = 1.0 if light_on_dark else -1.0
    return Colors(paper, paper + sign * contrast, paper + sign * contrast * rand.uniform(0.5, 0.9))


@lru_cache(maxsize=1)
def textures() -> np.ndarray:
    """Textures between -1 and 1, float32 (tiles, height, width): clouds, fibres, weaves, and blurred scenery."""
    rng = np.random.default_rng(POOL_SEED)
    height, width = TILE
    tiles = []
    for i in range(TILES):
        if i % 4 == 0:  # clouds: noise at several scales
            tile = sum(
                cv2.resize(rng.normal(size=(height // s + 2, width // s + 2)).astype(np.float32), (width, height),
                           interpolation=cv2.INTER_CUBIC) * s**0.5
                for s in (2, 8, 24, 64)[rng.integers(2) :]
            )  # fmt: skip
        elif i % 4 == 1:  # fibres and wood: noise drawn out along one direction
            kernel = (int(rng.integers(9, 60)) | 1, int(rng.integers(1, 4)) | 1)
            tile = cv2.blur(rng.normal(size=TILE).astype(np.float32), kernel if rng.random() < 0.6 else kernel[::-1])
        elif i % 4 == 2:  # weaves, tiles and corrugation
            y, x = np.mgrid[:height, :width].astype(np.float32)
            fx, fy = rng.uniform(0.1, 0.9, 2)
            tile = np.sin(x * fx) + np.sin(y * fy) + 0.5 * rng.normal(size=TILE)
            tile = cv2.GaussianBlur(tile.astype(np.float32), (0, 0), 0.8)
        else:  # scenery out of focus
            tile = np.zeros(TILE, np.float32)
            for _ in range(260):
                center = (int(rng.integers(width)), int(rng.integers(height)))
                value, reach = float(rng.normal()), int(rng.integers(4, 60))
                if rng.random() < 0.5:
                    cv2.circle(tile, center, reach, value, -1)
                else:
                    corner = (center[0] + 3 * reach, center[1] + int(rng.integers(2, 40)))
                    cv2.rectangle(tile, center, corner, value, -1)
            tile = cv2.GaussianBlur(tile, (0, 0), float(rng.uniform(0.8, 5)))
        tile = np.asarray(tile, np.float32)
        tile -= tile.mean()
        depth = 4 if i % 4 == 2 else 2  # a regular pattern hides letters at half the contrast
        tiles.append(np.clip(tile / (depth * tile.std()), -1, 1))
    return np.stack(tiles)


@lru_cache(maxsize=1)
def noise() -> np.ndarray:
    """Standard normal noise, float32 (height, width)."""
    return np.random.default_rng(POOL_SEED + 1).standard_normal((512, 4096), np.float32)


def cut(pool: np.ndarray, shape: tuple[int, int], rand: Rand) -> np.ndarray:
    """A random part of `pool` (height, width) in this shape; enlarged where the pool is smaller."""
    height, width = shape
    scale = max(1.0, height / pool.shape[0], width / pool.shape[1])
    rows, columns = int(height / scale), int(width / scale)
    y, x = rand.below(pool.shape[0] - rows + 1), rand.below(pool.shape[1] - columns + 1)
    part = pool[y : y + rows, x : x + columns]
    return part if scale == 1.0 else cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)


def make_paper(shape: tuple[int, int], colors: Colors, recipe: Coloring, rand: Rand) -> np.ndarray:
    """Paper of `shape`: float32 luma (height, width)."""
    paper = np.full(shape, colors.paper, np.float32)
    texture = rand.span(recipe.texture)
    if texture is not None:
        tile = cut(textures()[rand.below(TILES)], shape, rand)
        paper += tile * np.float32(texture * colors.contrast)
    gradient = rand.span(recipe.gradient)
    if gradient is not None:
        corners = np.array([[rand.uniform(-1, 1) for _ in range(3)] for _ in range(2)], np.float32)
        field = cv2.resize(corners, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
        paper += field * np.float32(gradient * colors.contrast)
    clutter = rand.span(recipe.clutter)
    if clutter is not None:
        _add_clutter(paper, clutter * colors.contrast, rand)
    return paper


def _add_clutter(paper: np.ndarray, amplitude: float, rand: Rand) -> None:
    """Put a few things with edges behind the text, of up to `amplitude` more or less luma, in place."""
    height, width = paper.shape
    things: np.ndarray = np.zeros(paper.shape, np.float32)
    for _ in range(3 + rand.below(6)):
        level = rand.uniform(-1, 1)
        start, end = [(int(rand.uniform(-0.2, 1.2) * width), int(rand.uniform(-0.5, 1.5) * height)) for _ in range(2)]
        kind = rand.below(3)
        if kind == 0:  # poles, branches, edges of boards
            cv2.line(things, start, end, level, 1 + rand.below(max(1, height // 3)), cv2.LINE_AA)
        elif kind == 1:  # windows and other boards
            cv2.rectangle(things, start, end, level, -1)
        else:  # leaves, lamps, pictures on packages
            axes = (1 + int(rand.uniform(0.2, 2) * height), 1 + int(rand.uniform(0.1, 0.8) * height))
            cv2.ellipse(things, start, axes, rand.uniform(0, 180), 0, 360, level, -1, cv2.LINE_AA)
    if rand.chance(0.6):
        things = cv2.GaussianBlur(things, (0, 0), rand.uniform(0.5, 2.5))
    paper += np.float32(amplitude) * things


def add_panel(paper: np.ndarray, box: tuple[int, int, int, int], colors: Colors, rand: Rand) -> None:
    """Let the cell or button around `box` (left, top, right, bottom) end inside the picture, in place."""
    left, top, right, bottom = box
    height, width = paper.shape
    other = np.float32(min(255.0, max(0.0, rand.uniform(0, 255))))
    if rand.chance(0.5):
        paper[: int(rand.uniform(0, max(1, top)))] = other
    if rand.chance(0.5):
        paper[int(rand.uniform(min(bottom + 1, height), height + 1)) :] = other
    if rand.chance(0.5):
        paper[:, : int(rand.uniform(0, max(1, left)))] = other
    if rand.chance(0.5):
        paper[:, int(rand.uniform(min(right + 1, width), width + 1)) :] = other


def add_rules(
    paper: np.ndarray,
    box: tuple[int, int, int, int],
    baseline: int,
    em: int,
    colors: Colors,
    recipe: Company,
    rand: Rand,
) -> None:
    """Underline, strike-through and table lines around `box` (left, top, right, bottom), in place."""
    left, top, right, bottom = box
    height, width = paper.shape
    thickness = 1 + (em > 24 and rand.chance(0.5))
    luma = colors.paper + (colors.ink - colors.paper) * rand.uniform(0.4, 1.0)

    def level(y: float) -> None:
        row = int(y)
        if 0 <= row < height:
            if rand.chance(0.15):  # dashes and dots
                step = max(2, em // 4)
                for x in range(rand.below(step), width, 2 * step):
                    paper[row : row + thickness, x : x + step] = luma
            else:
                paper[row : row + thickness] = luma

    underline = rand.span(recipe.underline)
    if underline is not None:
        row = baseline + max(2, round(underline * em))
        paper[row : row + thickness, max(0, left) : right if rand.chance(0.8) else width] = luma
    if rand.chance(recipe.strike):
        paper[baseline - round(0.35 * em) : baseline - round(0.35 * em) + thickness, max(0, left) : right] = luma
    if rand.chance(recipe.rule):
        where = rand.below(3)
        if where != 1:
            level(rand.uniform(0, max(1, top - 1)))
        if where != 0:
            level(rand.uniform(min(bottom + 2, height - 1), height))
    if rand.chance(recipe.side_rule):
        where = rand.below(3)
        if where != 1:
            x = int(rand.uniform(0, max(1, left - 1)))
            paper[:, x : x + thickness] = luma
        if where != 0:
            x = int(rand.uniform(min(right + 2, width - 1), width))
            paper[:, x : x + thickness] = luma
