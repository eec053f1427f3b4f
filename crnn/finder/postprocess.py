"""Turns the finder's maps into boxes. Every step is linear in cells or n log n in boxes.

Letters: G × G' cells of `stride` pixels, n components.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LEAST_CELLS = 2  # of a component; less is noise
LONG = 2.0  # a component so many times as long as high shows its own direction; shorter ones take the page's
LEAST_HEIGHT = 5.0  # px; nobody reads lower text
RIM = 1.5  # cells around a core that are its line's: beyond them lies the gap to the next core


@dataclass(frozen=True)
class BoxSettings:
    """How maps become boxes.

    Attributes:
        threshold: least probability of a cell that belongs to a line.
        core: least probability in the core of a line. Cells that the network joins, but doubtfully, have two cores.
        least_core: of the square of a line's height, area of a core; less is a stroke.
        least_score: least mean probability of a line's cells.
        unclip: of a line's height, added at either end: the kernels are shorter than their lines by as much.
        most: boxes kept, the best ones.
    """

    threshold: float = 0.4
    core: float = 0.65
    least_core: float = 0.25
    least_score: float = 0.55
    unclip: float = 0.25
    most: int = 2000


@dataclass(frozen=True)
class Boxes:
    """Lines found; arrays of equal length.

    Attributes:
        quads: float32 (n, 4, 2), corners in pixels: of lying lines clockwise from the upper left, of upright ones from
            the upper right, so that the first side runs down the line.
        scores: float32 (n,), mean probability of their cells.
        heights: float32 (n,), pixels.
    """

    quads: np.ndarray
    scores: np.ndarray
    heights: np.ndarray

    def __len__(self) -> int:
        return len(self.quads)

    def take(self, keep: np.ndarray) -> Boxes:
        """Those that `keep`, an index or a mask, chooses."""
        return Boxes(self.quads[keep], self.scores[keep], self.heights[keep])

    @classmethod
    def none(cls) -> Boxes:
        """No boxes."""
        return cls(np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32))


def boxes_from_maps(maps: np.ndarray, stride: int, settings: BoxSettings) -> Boxes:
    """Boxes of the lines in `maps`, float32 (2, G, G'): logits of the text map, and log2 of heights in pixels."""
    logits = maps[0]
    least = float(np.log(settings.threshold / (1 - settings.threshold)))
    count, labels = cv2.connectedComponents((logits > least).astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    if count < 2:
        return Boxes.none()
    labels, count = part_cores(maps, labels, count, stride, settings)
    rows, columns = np.nonzero(labels)
    part = labels[rows, columns] - 1
    n = count - 1
    probability = 1 / (1 + np.exp(-logits[rows, columns]))
    cells = np.bincount(part, minlength=n)
    scores = np.bincount(part, probability, n) / cells
    mass = np.bincount(part, probability, n)
    height = 2.0 ** (np.bincount(part, probability * maps[1][rows, columns], n) / mass)
    x, y = (columns + 0.5) * stride, (rows + 0.5) * stride
    center = np.stack([np.bincount(part, probability * at, n) for at in (x, y)], axis=1) / mass[:, None]
    dx, dy = x - center[part, 0], y - center[part, 1]
    xx, xy, yy = (np.bincount(part, probability * product, n) / mass for product in (dx * dx, dx * dy, dy * dy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)  # of the longer axis, in (-π/2, π/2]
    spread = np.sqrt(np.maximum((xx - yy) ** 2 + 4 * xy**2, 0))
    longer, shorter = (xx + yy + spread) / 2, (xx + yy - spread) / 2
    long = np.sqrt(longer / np.maximum(shorter, stride**2 / 12)) >= LONG
    angle = np.where(long, angle, _common_angle(angle[long], np.sqrt(longer[long])))
    along = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    position = dx * along[part, 0] + dy * along[part, 1]
    first, last = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(first, part, position)
    np.maximum.at(last, part, position)
    first, last = first - stride / 2 - settings.unclip * height, last + stride / 2 + settings.unclip * height
    keep = (cells >= LEAST_CELLS) & (scores >= settings.least_score) & (height >= LEAST_HEIGHT)
    if keep.sum() > settings.most:
        weakest = np.sort(scores[keep] * np.sqrt(cells[keep]))[-settings.most]
        keep &= scores * np.sqrt(cells) >= weakest
    upright = np.abs(angle) > np.pi / 4
    along = np.where((upright & (along[:, 1] < 0))[:, None], -along, along)  # upright lines run down
    first, last = np.where(upright & (angle < 0), (-last, -first), (first, last))
    down = np.stack([-along[:, 1], along[:, 0]], axis=1) * (height / 2)[:, None]
    start, end = center + first[:, None] * along, center + last[:, None] * along
    quads = np.stack([start - down, end - down, end + down, start + down], axis=1)
    return Boxes(quads[keep].astype(np.float32), scores[keep].astype(np.float32), height[keep].astype(np.float32))


def part_cores(
    maps: np.ndarray, labels: np.ndarray, count: int, stride: int, settings: BoxSettings
) -> tuple[np.ndarray, int]:
    """Parts the components that have several cores, such as two cells of a table or two rows of small print.

    Args:
        maps: see `boxes_from_maps`.
        labels: int32 (G, G'), number of each cell's component, 0 for none.
        count: of components, 0 included.

    Returns:
        Labels and count, where each core with the rim around it is a component.
    """
    least = float(np.log(settings.core / (1 - settings.core)))
    number, cores = cv2.connectedComponents((maps[0] > least).astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    at = np.nonzero(cores)
    core = cores[at]
    area = np.maximum(np.bincount(core, minlength=number), 1)
    height = 2.0 ** (np.bincount(core, maps[1][at], number) / area) / stride
    home = np.zeros(number, np.int32)
    home[core] = labels[at]
    large = (home > 0) & (area >= settings.least_core * height**2)
    parted = np.bincount(home[large], minlength=count) >= 2
    if not parted.any():
        return labels, count
    own = large & parted[home]
    name = np.where(own, count + np.arange(number, dtype=np.int32), 0)
    kept = name[cores]
    distance, nearest = cv2.distanceTransformWithLabels(
        (kept == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    inside = kept > 0
    named = np.zeros(int(nearest.max()) + 1, np.int32)
    named[nearest[inside]] = kept[inside]
    grown = named[nearest]
    of = np.concatenate([np.zeros(count, np.int32), home])[grown]  # the component that the nearest core lies in
    grown = np.where((distance <= RIM) & (of == labels), grown, 0)
    result = np.where(parted[labels], grown, labels)
    used = np.bincount(result.ravel(), minlength=count + number) > 0
    used[0] = True
    order = (np.cumsum(used) - 1).astype(np.int32)
    return order[result], int(used.sum())


def _common_angle(angles: np.ndarray, lengths: np.ndarray) -> float:
    """The angle that most of the lines share modulo a right angle, in [-π/4, π/4]; 0 where there is none."""
    if not len(angles):
        return 0.0
    return float(np.angle(np.sum(lengths * np.exp(4j * angles))) / 4)
