"""Finds the text lines of a page with OpenCV alone. Knows nothing of reading them.

The page is turned level, searched for dark and for light text, and where both claim a place one of them gets it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from crnn.errors import UserError
from crnn.ink import Ink, find_ink, smooth, stands_on_paper
from crnn.layout import reading_order
from crnn.preprocess import to_grey
from crnn.rows import TALLEST_TEXT, boxes_of
from crnn.skew import find_skew

MOST_PIXELS = 2_400_000  # larger pages are searched at this size
SMALLEST_SIDE = 6  # px; less holds no text
SLACK = 0.15  # of the text's height, on every side: the middle of what the recogniser was trained with
TALLEST_LINE = 200  # px; a picture that is one line is not taller
MOST_LINES = 1000  # of a picture; a sheet of newspaper has some 800
PLATE_SHARE = 0.08  # of a plate that the text on it takes at least; the light spots in bold letters take less


class TooManyLinesError(UserError):
    """The picture has more lines than may be read at once."""


@dataclass(frozen=True)
class LineBox:
    """Where a line stands.

    Attributes:
        quad: float32 (4, 2), corners in image pixels, clockwise from the text's top left, slack included.
    """

    quad: np.ndarray

    @property
    def width(self) -> float:
        """Length of the line along its direction, px."""
        return float(np.linalg.norm(self.quad[1] - self.quad[0]))

    @property
    def height(self) -> float:
        """Height across its direction, px."""
        return float(np.linalg.norm(self.quad[3] - self.quad[0]))


def find_lines(
    image: np.ndarray, most: int = MOST_LINES, checkpoint: Callable[[], object] = lambda: None
) -> list[LineBox]:
    """Lines of text of a page in reading order; none on a blank page, one if the picture is a single line.

    Args:
        image: uint8 (H, W) grey or (H, W, 3) BGR.
        most: lines that the picture may have.
        checkpoint: called between steps, a few times a second; may raise to end the search.

    Raises:
        ImageError: not such an image.
        TooManyLinesError: there are more than `most`.
    """
    grey = to_grey(image)
    height, width = grey.shape
    if min(height, width) < SMALLEST_SIDE:
        return []
    scale = min(1.0, (MOST_PIXELS / (height * width)) ** 0.5)
    while True:
        size = (max(SMALLEST_SIDE, round(width * scale)), max(SMALLEST_SIDE, round(height * scale)))
        checkpoint()
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if scale < 1.0 else grey
        quads = _search(small, most, checkpoint)
        if len(quads) or scale * min(height, width) < 2 * TALLEST_TEXT:
            break
        scale /= 2  # an empty page, or letters as large as a poster's
    zoom = np.array([width / size[0], height / size[1]])
    return [LineBox((quad * zoom).astype(np.float32)) for quad in quads]


def crop_line(image: np.ndarray, box: LineBox) -> np.ndarray:
    """The line turned upright: uint8 (h, w) or (h, w, 3), as `image`; outside the picture its edge is repeated."""
    left, top = np.floor(box.quad.min(axis=0)).astype(int)
    right, bottom = np.ceil(box.quad.max(axis=0)).astype(int)
    if np.ptp(box.quad[[0, 1], 1]) < 0.5 and np.ptp(box.quad[[0, 3], 0]) < 0.5:
        inside = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        if inside.size:
            return inside
    width, height = max(1, round(box.width)), max(1, round(box.height))
    corners = np.array([[0, 0], [width, 0], [0, height]], np.float32)
    matrix = cv2.getAffineTransform(box.quad[[0, 1, 3]].astype(np.float32), corners)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _search(grey: np.ndarray, most: int, checkpoint: Callable[[], object]) -> np.ndarray:
    """Quads of the lines in reading order, (n, 4, 2), in pixels of `grey`; see `find_lines`."""
    height, width = grey.shape
    grey, noise = smooth(grey)
    degrees = find_skew(grey)
    if degrees:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        grey = cv2.warpAffine(grey, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    boxes = _find_boxes(grey, noise, checkpoint)
    if _is_one_line(boxes, grey.shape):
        return _corners(np.array([[0, 0, width, height]]))
    if len(boxes) > most:
        raise TooManyLinesError(f"the picture has {len(boxes)} lines, more than {most}: cut it up")
    boxes = _with_slack(boxes[reading_order(boxes)])
    if not degrees:
        return _corners(np.clip(boxes, 0, [width, height, width, height]))
    back = cv2.invertAffineTransform(turn)
    return _corners(boxes) @ back[:, :2].T + back[:, 2]


def _corners(boxes: np.ndarray) -> np.ndarray:
    """(n, 4) left, top, right, bottom -> (n, 4, 2), clockwise from the top left."""
    return boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]


def _with_slack(boxes: np.ndarray) -> np.ndarray:
    slack = SLACK * (boxes[:, 3] - boxes[:, 1])[:, None]
    return boxes + np.concatenate([-slack, -slack, slack, slack], axis=1)


def _find_boxes(grey: np.ndarray, noise: float, checkpoint: Callable[[], object]) -> np.ndarray:
    """Ink boxes of the lines of a level page, float32 (n, 4); dark and light text compete for each place."""
    inks, boxes = [], []
    for light in (False, True):
        checkpoint()
        inks.append(find_ink(grey, noise, light))
        boxes.append(boxes_of(inks[-1]))
    lines, plates = [boxes[0][:0], boxes[1][:0]], [np.zeros(0, bool), np.zeros(0, bool)]
    # Text makes few long lines, what lies between letters many short ones. Once the lines are known, most of the rest
    # has lost its place before it is looked at.
    few, many = sorted((0, 1), key=lambda number: len(boxes[number]))
    for one, other in ((few, many), (many, few)):
        checkpoint()
        rivals = lines[other][~plates[other]]
        lost = (_clash(boxes[one], rivals) & (_areas(boxes[one])[:, None] < _areas(rivals))).any(axis=1)
        stands = [stands_on_paper(grey, inks[one], box) for box in boxes[one][~lost]]
        lines[one] = boxes[one][~lost][np.array(stands, bool)]
        plates[one] = _may_be_plate(inks[one], lines[one])
    # A tight crop may show too little paper around its line to tell; on a page this means that it is no line.
    if _is_strip(grey.shape) and not any(map(len, lines)):
        return np.concatenate(boxes)
    return _compete(*lines, *plates)


def _compete(dark: np.ndarray, light: np.ndarray, dark_plate: np.ndarray, light_plate: np.ndarray) -> np.ndarray:
    """Where a dark and a light line claim one place keep the larger; but a plate gives way to the text on it."""
    area_dark, area_light = _areas(dark)[:, None], _areas(light)
    clash = _clash(dark, light)
    dark_gives_way = dark_plate[:, None] & ~light_plate & (area_light > PLATE_SHARE * area_dark)
    light_gives_way = ~dark_plate[:, None] & light_plate & (area_dark > PLATE_SHARE * area_light)
    dark_wins = light_gives_way | (~dark_gives_way & (area_dark >= area_light))
    return np.concatenate([dark[~(clash & ~dark_wins).any(axis=1)], light[~(clash & dark_wins).any(axis=0)]])


def _areas(boxes: np.ndarray) -> np.ndarray:
    areas: np.ndarray = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return areas


def _clash(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether each of `some` and each of `others` claim one place: bool (n, m)."""
    shared = np.minimum(some[:, None, 2:], others[:, 2:]) - np.maximum(some[:, None, :2], others[:, :2])
    clash: np.ndarray = np.maximum(0, shared).prod(axis=-1) > 0.3 * np.minimum(_areas(some)[:, None], _areas(others))
    return clash


def _may_be_plate(ink: Ink, boxes: np.ndarray) -> np.ndarray:
    """Whether one piece spans a line's box, as a button does and no text of two characters: bool (n,)."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    pieces = ink.boxes[ink.boxes[:, 2] - ink.boxes[:, 0] >= 0.9 * sizes[:, 0].min(initial=np.inf)]
    inside = (pieces[:, :2] >= boxes[:, None, :2] - 1) & (pieces[:, 2:] <= boxes[:, None, 2:] + 1)
    spans = pieces[:, 2:] - pieces[:, :2] >= 0.9 * sizes[:, None]
    return (inside & spans).all(axis=-1).any(axis=1)


def _is_strip(size: tuple[int, ...]) -> bool:
    """Whether a picture of `size` (height, width) may be the crop of one line."""
    height, width = size
    return width >= 1.2 * height and height <= TALLEST_LINE


def _is_one_line(boxes: np.ndarray, size: tuple[int, ...]) -> bool:
    """Whether a picture of `size` is the crop of one line: what it shows spans it and stands on one row."""
    tall = boxes[boxes[:, 3] - boxes[:, 1] >= 0.25 * size[0]]
    if not _is_strip(size) or not len(tall):
        return False
    top, bottom = np.unique(tall[:, [1, 3]], axis=0).T  # at whole pixels: a strip has few pairs, whatever it shows
    if bottom.min() <= top.max():
        return False
    shared = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    lower = np.minimum((bottom - top)[:, None], bottom - top)
    return bool(bottom.max() - top.min() >= 0.4 * size[0] and (shared > 0.3 * lower).all())
