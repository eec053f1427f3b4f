"""Varies lines at training time: how a line lies on its canvas, and how it looks there.

How it lies is drawn for a whole epoch when its batches are planned, because the widths decide who shares a batch. How
it looks (`pixel_variation`) is drawn when the line is loaded. Both depend only on the generators they are given.

Letters: K sights (a line seen once), h and w pixels of a line's picture, H and W of its canvas. Lengths on the picture
are in heights of the line: h pixels are 1.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from crnn.core.canvas import CanvasSpec
from crnn.image.enhance import enhance
from crnn.image.preprocess import Canvas, pad_to_bucket, to_gray, to_strip
from crnn.training.pixel_variation import vary_pixels
from crnn.training.variation_config import CHANCES, VariationConfig

LEAST_WIDTH = 8  # pixels of content on a canvas
SHOWN_OF_RISE = (0.3, 1.0)  # how much higher the box of a turned line is, as a share of what its ends rise
BLURRY = 1.25  # pictures are averaged before they are reduced by more than this: else thin strokes are skipped
FIELDS = ("above", "below", "before", "after", "angle")
PLACEMENT = np.dtype([("width", np.int32), ("plain", np.bool_), *((name, np.float32) for name in FIELDS)])


class Variation:
    """Draws how lines lie on canvases of `spec`, and puts them there."""

    def __init__(self, config: VariationConfig, spec: CanvasSpec, frame_stride: int) -> None:
        """Raises:
        UserError: see `VariationConfig.check`.
        """
        config.check()
        self.config, self.spec, self.frame_stride = config, spec, frame_stride

    def place(self, widths: np.ndarray, frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """How each of K lines lies on its canvas.

        Args:
            widths: int (K,), pixels that each takes on the canvas unvaried.
            frames: int (K,), frames that each label needs.

        Returns:
            `PLACEMENT` (K,): pixels of content on the canvas, whether the line is left as it is, slack at the four
            sides in heights of the line, and radians that it is turned by.
        """
        config, strength, count = self.config, self.config.strength, len(widths)
        places = np.zeros(count, PLACEMENT)
        places["plain"] = rng.random(count) < config.plain
        aspects = widths / self.spec.height
        low, high = np.log(config.stretch)
        stretch = np.exp(strength * rng.uniform(low, high, count))
        slack = rng.random(count)  # one value a line: a loose box is loose all round
        for side in ("above", "below", "before", "after"):
            least, most = config.above_below if side in ("above", "below") else config.before_after
            value = least + slack * (most - least) + config.uneven * rng.standard_normal(count)
            places[side] = strength * np.clip(value, least, most)
        turn = rng.uniform(-1, 1, count)
        turn = strength * math.radians(config.turn) * turn * np.abs(turn)
        steepest = np.arctan2(strength * config.rise, aspects)
        places["angle"] = np.clip(turn, -steepest, steepest)
        rise = aspects * np.tan(np.abs(places["angle"])) * rng.uniform(*SHOWN_OF_RISE, count)
        places["above"] += rise / 2
        places["below"] += rise / 2
        for name in FIELDS:
            places[name][places["plain"]] = 0
        stretch[places["plain"]] = 1
        shown = self.spec.height / (1 + places["above"] + places["below"])  # pixels that one height takes
        narrowest = np.minimum(config.room * frames * self.frame_stride, widths)
        stretch = np.maximum(stretch, narrowest / (aspects * shown))
        wanted = np.where(
            places["plain"], widths, np.round(stretch * shown * (aspects + places["before"] + places["after"]))
        )
        places["width"] = np.clip(wanted, LEAST_WIDTH, self.spec.max_width)
        return places

    def __call__(
        self, image: np.ndarray, centers: np.ndarray | None, place: np.void, rng: np.random.Generator
    ) -> tuple[Canvas, np.ndarray | None]:
        """The canvas of a line, and its characters' centers there.

        Args:
            image: uint8 (h, w) gray or (h, w, 3) BGR.
            centers: float32 (S,), x of each character in pixels of the picture, or None.
            place: one element of what `place` drew.

        Returns:
            The canvas, whose `scale` is the mean over the line, and float32 (S,) or None.
        """
        chance = rng.random(len(CHANCES))
        if place["plain"]:
            strip = to_strip(image, self.spec)
            scale = strip.shape[1] / image.shape[1]
            moved = None if centers is None else centers * scale
        else:
            strip, scale, moved = self._warp(enhance(to_gray(image), self.spec.mode), centers, place, chance)
        height = self.spec.height / (1 + float(place["above"] + place["below"]))  # pixels that the line takes
        strip = vary_pixels(strip, min(height, image.shape[0] * scale), chance, self.config)
        return Canvas(pad_to_bucket(strip, self.spec), strip.shape[1], scale), moved

    def _warp(
        self, gray: np.ndarray, centers: np.ndarray | None, place: np.void, chance: np.ndarray
    ) -> tuple[np.ndarray, float, np.ndarray | None]:
        config, height, width = self.config, self.spec.height, int(place["width"])
        rows, columns = gray.shape
        aspect = columns / rows
        quad = self._quad(aspect, place, chance)
        reduced = self._reduced(gray, place, chance)
        to_pixels = np.array([reduced.shape[1] / aspect, reduced.shape[0]], np.float32)
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        # Corners are edges of pixels; OpenCV counts from their middles.
        matrix = cv2.getPerspectiveTransform(corners - 0.5, quad * to_pixels - 0.5)  # canvas -> picture
        border, paper = _border(reduced, chance[CHANCES["border"]])
        if chance[CHANCES["bent"]] < config.bent * config.strength:
            x, y = np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
            (a, b, c), (d, e, f), (g, i, j) = matrix.astype(np.float32)
            share = g * x + i * y + j
            arc = 4 * (x / width) * (1 - x / width) - 2 / 3  # of mean 0: the middle of the line stays where it is
            depth = config.bend * config.strength * (2 * chance[CHANCES["bend"]] - 1) * reduced.shape[0]
            strip = cv2.remap(
                reduced,
                (a * x + b * y + c) / share,
                (d * x + e * y + f) / share + np.float32(depth) * arc,
                cv2.INTER_LINEAR, borderMode=border, borderValue=paper,
            )  # fmt: skip
        else:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            strip = cv2.warpPerspective(
                reduced, matrix, (width, height), flags=flags, borderMode=border, borderValue=paper
            )
        moved = None
        if centers is not None:
            points = np.stack([centers / rows, np.full(len(centers), 0.5)], axis=1) * to_pixels - 0.5
            there = cv2.perspectiveTransform(points[None].astype(np.float32), np.linalg.inv(matrix))[0, :, 0] + 0.5
            moved = np.clip(there, 0, width - 1).astype(np.float32)
        scale = width / (rows * (aspect + float(place["before"]) + float(place["after"])))
        return strip, scale, moved

    def _quad(self, aspect: float, place: np.void, chance: np.ndarray) -> np.ndarray:
        """What the canvas shows of the picture: float32 (4, 2), clockwise from the upper left, in heights."""
        strength = self.config.strength
        left, right = -place["before"] - aspect / 2, aspect / 2 + place["after"]
        top, bottom = -place["above"] - 0.5, 0.5 + place["below"]
        smaller = 2 * chance[CHANCES["perspective"]] - 1
        at_left = 1 + strength * self.config.perspective * max(0.0, smaller)
        at_right = 1 + strength * self.config.perspective * max(0.0, -smaller)
        quad = np.array(
            [[left, top * at_left], [right, top * at_right], [right, bottom * at_right], [left, bottom * at_left]]
        )
        lean = math.tan(math.radians(strength * self.config.shear * (2 * chance[CHANCES["shear"]] - 1)))
        quad[:, 0] += lean * quad[:, 1]
        cosine, sine = math.cos(place["angle"]), math.sin(place["angle"])
        turned = quad @ np.array([[cosine, sine], [-sine, cosine]])
        return (turned + np.array([aspect / 2, 0.5])).astype(np.float32)

    def _reduced(self, gray: np.ndarray, place: np.void, chance: np.ndarray) -> np.ndarray:
        """The picture, averaged to what the canvas can show of it, or to less where the line is to be a small one."""
        rows, columns = gray.shape
        high = self.spec.height / (1 + float(place["above"] + place["below"]))  # pixels that the line gets
        wide = place["width"] / (1 + float(place["before"] + place["after"]) * rows / columns)
        most_rows, most_columns = float(rows), float(columns)
        if chance[CHANCES["reduced"]] < self.config.reduced * self.config.strength:
            low, top = math.log(self.config.least_height), math.log(max(self.config.least_height, min(high, rows)))
            most_rows = math.exp(low + chance[CHANCES["height"]] * (top - low))
            most_columns = columns * most_rows / rows
        wanted_rows = min(rows, most_rows, high if rows > BLURRY * high else rows)
        wanted_columns = min(columns, most_columns, wide if columns > BLURRY * wide else columns)
        size = max(2, round(wanted_columns)), max(2, round(wanted_rows))
        if size == (columns, rows):
            return gray
        return cv2.resize(gray, size, interpolation=cv2.INTER_AREA)


def _border(picture: np.ndarray, chance: float) -> tuple[int, float]:
    """What lies beyond the picture: OpenCV's border mode and the gray of a constant border."""
    if chance < 0.6:  # as the reader itself does
        return cv2.BORDER_REPLICATE, 0.0
    if chance < 0.75:  # something like the edge of the line above
        return cv2.BORDER_REFLECT, 0.0
    return cv2.BORDER_CONSTANT, float(np.median(picture[[0, -1]]))
