"""Finds the lines of a page with a small network in an ONNX Runtime session. No torch, no configuration.

>>> [box.quad for box in Finder().find(image)]          # doctest: +SKIP
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from crnn.core.cpus import check_threads
from crnn.core.errors import UserError
from crnn.core.shipped import DEFAULT_FINDER
from crnn.finder.boxes import LineBox
from crnn.finder.info import METADATA_KEY, FinderInfo
from crnn.finder.joining import join_rows
from crnn.finder.matching import overlaps, quad_areas
from crnn.finder.postprocess import Boxes, BoxSettings, boxes_from_maps
from crnn.image.preprocess import ImageError
from crnn.recognition.session import open_session

SAME_PLACE = 0.3  # of the smaller of two boxes that lies in the other: both show one line
OVERLAP = 6  # pieces of a thin picture share one part in so many
CUT = 4  # px from a piece's end: a box that reaches so far is of a line that was cut there


@dataclass(frozen=True)
class FindSettings:
    """How a page is searched.

    Attributes:
        side: pixels of the longer side in the fine pass, which finds small print; larger pages are reduced to it.
        magnify: most that a small picture is enlarged, up to `magnify_side` pixels.
        magnify_side: see there.
        coarse: scale of the coarse pass, which sees large letters whole, as a share of the fine one.
        handover: px of the fine pass; lines at least as high are taken from the coarse pass alone. The fine pass sees
            letters of half that size whole, and those on a lively ground better than the coarse one.
        thin: times as long as wide, and twice as long as `side`: from there on a picture, such as a screenshot of a
            whole chat, is searched in pieces; reduced as a whole, its letters would vanish.
        most_pieces: of a thin picture.
        boxes: see `BoxSettings`.
    """

    side: int = 1600
    magnify: float = 2.0
    magnify_side: int = 1600
    coarse: float = 0.375
    handover: float = 100.0
    thin: float = 3.0
    most_pieces: int = 16
    boxes: BoxSettings = field(default_factory=BoxSettings)


class Finder:
    """The finder of the ONNX model `model`, the shipped one by default. Safe to share between threads, which
    take turns at the network.

    Create it after a fork: a session must not cross one.

    Attributes:
        info: what the model says of itself.

    Raises:
        UserError: no such file, not a finder, or more `threads` than there are processors.
    """

    def __init__(self, model: str | Path | None = None, threads: int = 1, settings: FindSettings | None = None) -> None:
        self.path = Path(model) if model is not None else DEFAULT_FINDER
        self.settings = settings or FindSettings()
        self._session = open_session(self.path, str(self.path), check_threads(threads), arena=True)
        self._one_at_a_time = threading.Lock()  # two runs at once make the session hold twice as much for good
        description = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if description is None:
            raise UserError(f"{self.path} is not a finder of lines (no metadata {METADATA_KEY!r}): export one")
        self.info = FinderInfo.from_json(description)

    def find(self, image: np.ndarray) -> list[LineBox]:
        """Lines of a page in no particular order; a blank page has none.

        Args:
            image: uint8 (H, W) gray or (H, W, 3) BGR.

        Raises:
            ImageError: not such an image.
        """
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.size == 0 or image.shape[2:] not in ((), (3,)):
            raise ImageError(f"expected a uint8 image (H, W) or (H, W, 3), got {image.dtype} {image.shape}")
        found = self.search(image)
        return [LineBox(quad, float(score)) for quad, score in zip(found.quads, found.scores, strict=True)]

    def search(self, image: np.ndarray) -> Boxes:
        """The same as arrays."""
        whole = self._both_passes(image)
        if max(image.shape[:2]) < max(2 * self.settings.side, self.settings.thin * min(image.shape[:2])):
            return join_rows(whole)
        pieces = self._pieces(image)
        # Lines along the picture are longer than its pieces: they are found in the whole alone.
        rows, _, _ = overlaps(whole.quads, pieces.quads)
        return join_rows(_concatenate(whole.take(np.setdiff1d(np.arange(len(whole)), rows)), pieces))

    def _pieces(self, image: np.ndarray) -> Boxes:
        """Boxes found in pieces of a long picture that overlap, none of them cut by a piece's end."""
        axis = int(np.argmax(image.shape[:2]))  # 0 where it is high
        longest, shortest = max(image.shape[:2]), min(image.shape[:2])
        settings = self.settings
        length = max(2 * shortest, settings.side, -(-longest // settings.most_pieces))
        step = length - length // OVERLAP
        found = Boxes.none()
        for start in range(0, longest - length // OVERLAP, step):
            stop = min(start + length, longest)
            boxes = self._both_passes(image[start:stop] if axis == 0 else image[:, start:stop])
            boxes.quads[..., 1 - axis] += start
            ends = boxes.quads[..., 1 - axis]
            cut = ((ends < start + CUT) & (start > 0)) | ((ends > stop - CUT) & (stop < longest))
            found = merge(found, boxes.take(~cut.any(axis=1)))
        return found

    def _both_passes(self, image: np.ndarray) -> Boxes:
        """Fine and coarse pass, each with the lines it sees best."""
        settings = self.settings
        longest = max(image.shape[:2])
        scale = settings.side / longest
        if scale > 1:
            scale = max(1.0, min(settings.magnify, settings.magnify_side / longest))
        fine = self._pass(image, scale)
        coarse = self._pass(image, scale * settings.coarse)
        limit = settings.handover / scale
        return merge(fine.take(fine.heights < limit), coarse.take(coarse.heights >= 0.8 * limit))

    def maps(self, pixels: np.ndarray) -> np.ndarray:
        """The bare network: uint8 (H, W, 3), sides multiples of 32, to float32 (2, H / 4, W / 4)."""
        images = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])  # (H, W, 3) -> (1, 3, H, W)
        with self._one_at_a_time:
            maps: np.ndarray = self._session.run(None, {"images": images})[0][0]
        return maps

    def _pass(self, image: np.ndarray, scale: float) -> Boxes:
        """Boxes found at `scale`, in pixels of `image`."""
        pixels, (right, down) = fit(image, scale, self.info.multiple)
        found = boxes_from_maps(self.maps(pixels), self.info.stride, self.settings.boxes)
        zoom = np.array([right, down], np.float32)
        return Boxes(found.quads * zoom, found.scores, found.heights * float(np.sqrt(right * down)))


def fit(image: np.ndarray, scale: float, multiple: int) -> tuple[np.ndarray, tuple[float, float]]:
    """The network's input: the image in color and scaled, its right and lower edge repeated up to a multiple.

    Args:
        image: uint8 (H, W) or (H, W, 3) BGR.

    Returns:
        uint8 (H', W', 3), and the pixels of `image` that a pixel of it is wide and high.
    """
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(image, size, interpolation=interpolation) if size != (width, height) else image
    if small.ndim == 2:
        small = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
    padded = cv2.copyMakeBorder(small, 0, -size[1] % multiple, 0, -size[0] % multiple, cv2.BORDER_REPLICATE)
    return padded, (width / size[0], height / size[1])


def merge(fine: Boxes, coarse: Boxes) -> Boxes:
    """The boxes of both passes; where two show the same place, the one with the higher score."""
    rows, columns, shares = overlaps(fine.quads, coarse.quads)
    if not len(rows):
        return _concatenate(fine, coarse)
    of_fine, of_coarse = quad_areas(fine.quads)[rows], quad_areas(coarse.quads)[columns]
    same = shares * (of_fine + of_coarse) / (1 + shares) > SAME_PLACE * np.minimum(of_fine, of_coarse)
    better = fine.scores[rows] > coarse.scores[columns]
    lost_fine = np.unique(rows[same & ~better])
    lost_coarse = np.unique(columns[same & better])
    return _concatenate(
        fine.take(np.setdiff1d(np.arange(len(fine)), lost_fine)),
        coarse.take(np.setdiff1d(np.arange(len(coarse)), lost_coarse)),
    )


def _concatenate(a: Boxes, b: Boxes) -> Boxes:
    return Boxes(*(np.concatenate([getattr(a, name), getattr(b, name)]) for name in ("quads", "scores", "heights")))
