"""Square crops of pages with the finder's target maps; crop i of a step depends on (seed, step, i) only.

Letters: S pixels, the side of a crop; G = S / 4 cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from crnn.datasets.pages import LabeledPage
from crnn.finder.info import STRIDE

KERNEL_SHRINK = 0.25  # of a line's height, taken off each side of its box: what is left keeps clear of its neighbors
LEAST_HEIGHT = 6.0  # px; lower lines are neither text nor background: nobody can tell them
SHIFT = 4  # fractional bits of the corners that OpenCV fills between


@dataclass
class CropConfig:
    """How pages are cropped and varied.

    Attributes:
        side: pixels of a crop, a multiple of 32.
        line_height: [least, most] pixels that a line chosen from the page gets, log-uniform.
        magnify: most that a page is enlarged.
        around_line: share of crops that are laid around a line; the others lie anywhere.
        turned: share of crops turned by a random multiple of 90°.
        tilted: share of crops turned by any angle up to 45°; the others turn by a normal angle of `tilt` degrees.
        tilt: see there.
        stretch: log2 of the horizontal stretch, standard deviation.
        perspective: corners move by at most this share of the side.
        color: share of crops whose colors are changed.
        damage: share of crops that are blurred, made noisy or compressed, each.
    """

    side: int = 512
    line_height: list[float] = field(default_factory=lambda: [9.0, 72.0])
    magnify: float = 2.5
    around_line: float = 0.8
    turned: float = 0.12
    tilted: float = 0.08
    tilt: float = 2.5
    stretch: float = 0.15
    perspective: float = 0.04
    color: float = 0.7
    damage: float = 0.25


@dataclass(frozen=True)
class Crop:
    """What the network sees and is to say.

    Attributes:
        image: uint8 (3, S, S), BGR.
        kernel: uint8 (G, G), share of the cell that lies in the middle of a line, 0 to 255.
        height: float32 (G, G), log2 of the line's height in pixels, 0 where there is no line.
        known: bool (G, G), False where nothing is to be learned.
        labeled: whether a person or the renderer made the labels, so that all text is marked.
    """

    image: np.ndarray
    kernel: np.ndarray
    height: np.ndarray
    known: np.ndarray
    labeled: bool


def line_heights(quads: np.ndarray) -> np.ndarray:
    """Heights of lines, float (n,): the shorter side of each quad (n, 4, 2), whichever way it reads."""
    along = (np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1) + np.linalg.norm(quads[:, 2] - quads[:, 3], axis=1)) / 2
    across = (np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1) + np.linalg.norm(quads[:, 2] - quads[:, 1], axis=1)) / 2
    return np.minimum(along, across)


def shrunk(quads: np.ndarray, heights: np.ndarray, share: float = KERNEL_SHRINK) -> np.ndarray:
    """Quads (n, 4, 2) whose sides have moved inwards by `share` of `heights` (n,); outwards if it is negative."""
    right = quads[:, [1, 2]] - quads[:, [0, 3]]  # (n, 2, 2): upper and lower side
    down = quads[:, [3, 2]] - quads[:, [0, 1]]  # left and right side
    step = (share * heights)[:, None, None]
    right = right / np.maximum(np.linalg.norm(right, axis=2, keepdims=True), 1e-6) * step
    down = down / np.maximum(np.linalg.norm(down, axis=2, keepdims=True), 1e-6) * step
    moves = np.stack([right[:, 0] + down[:, 0], -right[:, 0] + down[:, 1],
                      -right[:, 1] - down[:, 1], right[:, 1] - down[:, 0]], axis=1)  # fmt: skip
    return (quads + moves).astype(np.float32)


def target_maps(quads: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kernel uint8 (G, G), log-height float32 (G, G) and known bool (G, G) of lines `quads` (n, 4, 2) in a crop."""
    grid = side // STRIDE
    kernel = np.zeros((side, side), np.uint8)
    height = np.zeros((grid, grid), np.float32)
    unknown = np.zeros((grid, grid), np.uint8)
    heights = line_heights(quads) if len(quads) else np.zeros(0)
    kernels = shrunk(quads, heights) if len(quads) else quads
    for quad, inner, tall in sorted(zip(quads, kernels, heights, strict=True), key=lambda line: -line[2]):
        coarse = np.round(quad / STRIDE * 2**SHIFT).astype(np.int32)
        if tall < LEAST_HEIGHT:
            cv2.fillConvexPoly(unknown, coarse, 1, shift=SHIFT)
            continue
        cv2.fillConvexPoly(height, coarse, math.log2(tall), shift=SHIFT)
        cv2.fillConvexPoly(kernel, np.round(inner * 2**SHIFT).astype(np.int32), 255, shift=SHIFT)
    return cv2.resize(kernel, (grid, grid), interpolation=cv2.INTER_AREA), height, unknown == 0


def make_crop(page: LabeledPage, image: np.ndarray, config: CropConfig, rng: np.random.Generator) -> Crop:
    """A crop of `page`, whose pixels are `image`, uint8 (H, W, 3)."""
    matrix = _placement(page.quads, image.shape[:2], config, rng)
    pixels = _warp(image, matrix, config.side, rng)
    quads = page.quads
    if len(quads):
        quads = cv2.perspectiveTransform(quads.reshape(1, -1, 2), matrix).reshape(-1, 4, 2).astype(np.float32)
        inside = ((quads.max(axis=1) > 0) & (quads.min(axis=1) < config.side)).all(axis=1)
        quads = quads[inside]
    kernel, height, known = target_maps(quads, config.side)
    pixels = _vary(pixels, config, rng)
    return Crop(pixels.transpose(2, 0, 1), kernel, height, known, page.kind in ("rendered", "textless"))


def _placement(quads: np.ndarray, size: tuple[int, ...], config: CropConfig, rng: np.random.Generator) -> np.ndarray:
    """Perspective matrix from page pixels to crop pixels, float64 (3, 3)."""
    height, width = size
    middle = rng.uniform((0, 0), (width, height))
    whole = config.side / max(height, width)
    if len(quads):
        # Lines are chosen evenly over their heights, so that a title counts as much as a page of small print.
        tall = line_heights(quads)
        rank = np.log2(np.maximum(tall, 1.0))
        chosen = int(np.abs(rank - rng.uniform(rank.min(), rank.max())).argmin())
        wanted = math.exp(rng.uniform(*np.log(config.line_height)))
        scale = min(config.magnify, max(wanted / max(1.0, float(tall[chosen])), 0.7 * whole))
        if rng.random() < config.around_line:
            spread = 0.4 * config.side / scale
            middle = quads[chosen].mean(axis=0) + rng.uniform(-spread, spread, 2)
    else:
        scale = math.exp(rng.uniform(math.log(0.8 * whole), math.log(max(1.0, whole))))
    angle = rng.uniform(-45, 45) if rng.random() < config.tilted else rng.normal(0, config.tilt)
    if rng.random() < config.turned:
        angle += 90 * int(rng.integers(1, 4))
    # The crop stays on the page, or the page in the crop, but for a margin of a tenth.
    reach = 0.4 * config.side / scale
    limits = np.array([width, height], float)
    middle = np.clip(middle, np.minimum(reach, limits / 2), np.maximum(limits - reach, limits / 2))
    radians = math.radians(angle)
    stretch = 2 ** (rng.normal(0, config.stretch) / 2)
    turn = np.array([[math.cos(radians), -math.sin(radians)], [math.sin(radians), math.cos(radians)]])
    turn = scale * turn @ np.diag([stretch, 1 / stretch])
    affine = np.eye(3)
    affine[:2, :2] = turn
    affine[:2, 2] = config.side / 2 - turn @ middle
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * config.side
    moved = corners + rng.uniform(-1, 1, (4, 2)).astype(np.float32) * config.perspective * config.side * rng.random()
    return np.asarray(cv2.getPerspectiveTransform(corners, moved.astype(np.float32)) @ affine)


def _warp(image: np.ndarray, matrix: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """The crop, uint8 (side, side, 3); beyond the page its edge goes on, or is plain."""
    reduction = 1 / math.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    if reduction > 1.3:
        # Only the part of the page that the crop shows is averaged.
        corners = np.array([[[0, 0], [side, 0], [side, side], [0, side]]], np.float32)
        shown = cv2.perspectiveTransform(corners, np.linalg.inv(matrix))[0]
        left, top = np.maximum(np.floor(shown.min(axis=0)).astype(int) - 2, 0)
        right, bottom = np.ceil(shown.max(axis=0)).astype(int) + 2
        part = image[top:bottom, left:right]
        if part.size:
            size = (max(1, round(part.shape[1] / reduction)), max(1, round(part.shape[0] / reduction)))
            small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
            back = np.diag([part.shape[1] / size[0], part.shape[0] / size[1], 1.0])
            back[:2, 2] = (left, top)
            image, matrix = small, matrix @ back
    plain = rng.random() < 0.5
    border = cv2.BORDER_CONSTANT if plain else cv2.BORDER_REPLICATE
    color = tuple(int(c) for c in (rng.integers(0, 256, 3) if rng.random() < 0.3 else [int(rng.choice([0, 255]))] * 3))
    return cv2.warpPerspective(
        image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=color
    )


def _vary(pixels: np.ndarray, config: CropConfig, rng: np.random.Generator) -> np.ndarray:
    """Other light, colors, lens and file, uint8 (S, S, 3)."""
    if rng.random() < config.color:
        gain = rng.uniform(0.6, 1.3) * rng.uniform(0.85, 1.15, 3)
        offset = rng.uniform(-30, 30) + rng.uniform(-10, 10, 3)
        levels = np.arange(256) / 255
        curve = 255 * levels ** math.exp(rng.normal(0, 0.25))
        table = np.clip(curve[:, None] * gain + offset, 0, 255).astype(np.uint8)
        pixels = cv2.LUT(pixels, table[:, None].reshape(256, 1, 3))
    choice = rng.random()
    if choice < 0.10:
        pixels = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    elif choice < 0.20:
        pixels = cv2.bitwise_not(pixels)
    elif choice < 0.28:
        pixels = np.ascontiguousarray(pixels[:, :, rng.permutation(3)])
    if rng.random() < config.damage:
        pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.4))
    if rng.random() < config.damage:
        noise = rng.standard_normal(pixels.shape, np.float32) * rng.uniform(2, 14)
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    if rng.random() < config.damage:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))]
        pixels = np.asarray(cv2.imdecode(cv2.imencode(".jpg", pixels, quality)[1], cv2.IMREAD_COLOR))
    return pixels


def choose_page(
    sets: Sequence[Sequence[LabeledPage]], shares: Sequence[float], rng: np.random.Generator
) -> LabeledPage:
    """A page of one of the `sets`, which are chosen in proportion to `shares`.

    Kinds of a set are chosen by the square root of their size: a rare kind is seen more often than it occurs, and no
    page so often that it is learned by heart.
    """
    pages = sets[int(rng.choice(len(sets), p=np.asarray(shares) / np.sum(shares)))]
    kinds: dict[str, list[LabeledPage]] = {}
    for page in pages:
        kinds.setdefault(page.kind, []).append(page)
    weights = np.sqrt([len(of_kind) for of_kind in kinds.values()])
    of_kind = list(kinds.values())[int(rng.choice(len(kinds), p=weights / weights.sum()))]
    return of_kind[int(rng.integers(len(of_kind)))]
