"""Varies lines at training time: how a line lies on its canvas, and how it looks there.

How it lies is drawn for a whole epoch when its batches are planned, because the widths decide who shares a batch. How
it looks is drawn when the line is loaded. Both depend on the generators they are given and on nothing else.

Letters: K sights (a line seen once), h and w pixels of a line's picture, H and W of its canvas. Lengths on the picture
are in heights of the line: h pixels are 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np

from crnn.core.canvas import CanvasSpec
from crnn.core.errors import UserError
from crnn.image.preprocess import Canvas, enhance, pad_to_bucket, to_gray, to_strip

LEAST_WIDTH = 8  # pixels of content on a canvas
SHOWN_OF_RISE = (0.3, 1.0)  # how much higher the box of a turned line is, as a share of what its ends rise
LEAST_BLUR = 0.25  # pixels: less changes nothing
BLURRY = 1.25  # pictures are averaged before they are reduced by more than this: else thin strokes are skipped
FIELDS = ("above", "below", "before", "after", "angle")
PLACEMENT = np.dtype([("width", np.int32), ("plain", np.bool_), *((name, np.float32) for name in FIELDS)])


@dataclass
class VariationConfig:
    """Ranges that are drawn from; as they stand here nothing is varied. See configs/variation/wide.yaml for values.

    Attributes:
        strength: 0 to 1; scales every range and share below, except `plain`.
        plain: share of sights whose geometry is left as it is.
        stretch: least and most horizontal stretch, log-uniform.
        above_below: least and most slack above and below; less than 0 is cut off.
        before_after: the same at the ends.
        uneven: standard deviation of one side's slack from the line's.
        turn: degrees at most, either way; small angles are commoner.
        rise: at most, from one end of a turned line to the other: long lines are turned less.
        shear: degrees at most, either way.
        perspective: how much smaller one end is at most.
        bend: height of the arc at most, up or down.
        bent: share of sights.
        reduced: share of sights whose picture is reduced and enlarged again.
        least_height: pixels of a reduced picture.
        blurred: share of the other sights.
        blur: standard deviation at most, hundredths of the height that the line takes; less where it is narrow.
        noisy: share of sights.
        noise: standard deviation at most, gray levels before contrast is taken away.
        compressed: share of sights.
        quality: least and most of JPEG.
        toned: share of sights of another gamma, contrast and brightness.
        gamma: log2 at most, either way.
        contrast: least.
        brightness: gray levels at most, either way.
        inverted: share of sights.
        room: frames that each frame a label needs gets at least, where the picture had as many.
    """

    strength: float = 1.0
    plain: float = 0.0
    stretch: list[float] = field(default_factory=lambda: [1.0, 1.0])
    above_below: list[float] = field(default_factory=lambda: [0.0, 0.0])
    before_after: list[float] = field(default_factory=lambda: [0.0, 0.0])
    uneven: float = 0.0
    turn: float = 0.0
    rise: float = 0.0
    shear: float = 0.0
    perspective: float = 0.0
    bend: float = 0.0
    bent: float = 0.0
    reduced: float = 0.0
    least_height: float = 10.0
    blurred: float = 0.0
    blur: float = 0.0
    noisy: float = 0.0
    noise: float = 0.0
    compressed: float = 0.0
    quality: list[int] = field(default_factory=lambda: [100, 100])
    toned: float = 0.0
    gamma: float = 0.0
    contrast: float = 1.0
    brightness: float = 0.0
    inverted: float = 0.0
    room: float = 1.0

    def check(self) -> None:
        """Raises:
        UserError: a range is empty, or a number makes no sense.
        """
        if not 0 <= self.strength <= 1 or not 0 <= self.plain <= 1:
            raise UserError(f"variation: strength {self.strength} and plain {self.plain} must lie between 0 and 1")
        for name in ("stretch", "above_below", "before_after", "quality"):
            values = getattr(self, name)
            if len(values) != 2 or values[0] > values[1]:
                raise UserError(f"variation.{name}={list(values)}: give the least and the most")
        if self.stretch[0] <= 0 or min(self.above_below[0], self.before_after[0]) <= -0.4:
            raise UserError("variation: stretch must be above 0, and less than .4 of the height may be cut off a side")
        if self.room < 1 or self.least_height < 4 or not 0 < self.contrast <= 1:
            raise UserError("variation: room must be at least 1, least_height at least 4, contrast above 0 and up to 1")


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
        strip = self._look(strip, min(height, image.shape[0] * scale), chance)
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

    def _look(self, strip: np.ndarray, size: float, chance: np.ndarray) -> np.ndarray:
        """Another lens, light and file: uint8 (H, W); `size` is that of the letters."""
        config, strength = self.config, self.config.strength

        def happens(name: str, share: float) -> bool:
            return bool(chance[CHANCES[name]] < share * strength)

        if happens("blurred", config.blurred) and not happens("reduced", config.reduced):  # both leave nothing to read
            sigma = chance[CHANCES["blur"]] * strength * config.blur * size / 100
            across = sigma * (0.5 + chance[CHANCES["across"]])  # a moving hand blurs one way more
            if min(sigma, across) > LEAST_BLUR:
                strip = cv2.GaussianBlur(strip, (0, 0), sigmaX=sigma, sigmaY=across, borderType=cv2.BORDER_REPLICATE)
        if happens("noisy", config.noisy):
            noise = _noise()
            begin = int(chance[CHANCES["where"]] * (len(noise) - strip.size))
            grains = noise[begin : begin + strip.size].reshape(strip.shape)
            sigma = strength * config.noise * chance[CHANCES["noise"]]
            strip = cv2.add(strip, np.float32(sigma) * grains, dtype=cv2.CV_8U)
        inverted = happens("inverted", config.inverted)
        toned = happens("toned", config.toned)
        if toned or inverted:
            levels = _LEVELS
            if toned:
                gamma = 2 ** (strength * config.gamma * (2 * chance[CHANCES["gamma"]] - 1))
                contrast = 1 - strength * (1 - config.contrast) * chance[CHANCES["contrast"]]
                offset = strength * config.brightness * (2 * chance[CHANCES["brightness"]] - 1)
                levels = np.clip((_LEVELS**gamma - 0.5) * contrast + 0.5 + offset / 255, 0, 1)
            if inverted:
                levels = 1 - levels
            strip = cv2.LUT(strip, np.round(255 * levels).astype(np.uint8))
        if happens("compressed", config.compressed):
            least, most = config.quality
            quality = round(most - strength * chance[CHANCES["quality"]] * (most - least))
            encoded = cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            strip = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))
        return strip


# The number that decides each property among those drawn for a sight, all at once: thirty calls would cost more.
_NAMES = (
    "border", "bent", "bend", "perspective", "shear", "reduced", "height", "blurred", "blur", "across", "toned",
    "gamma", "contrast", "brightness", "inverted", "noisy", "where", "noise", "compressed", "quality",
)  # fmt: skip
CHANCES = {name: number for number, name in enumerate(_NAMES)}
_LEVELS = np.arange(256) / 255


@cache
def _noise() -> np.ndarray:
    """Normal numbers to take pieces of, float32 (n,): drawing them anew would take as long as all the rest."""
    return np.random.default_rng(0).standard_normal(1 << 20, np.float32)


def _border(picture: np.ndarray, chance: float) -> tuple[int, float]:
    """What lies beyond the picture: OpenCV's border mode and the gray of a constant border."""
    if chance < 0.6:  # as the reader itself does
        return cv2.BORDER_REPLICATE, 0.0
    if chance < 0.75:  # something like the edge of the line above
        return cv2.BORDER_REFLECT, 0.0
    return cv2.BORDER_CONSTANT, float(np.median(picture[[0, -1]]))
