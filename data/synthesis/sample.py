"""One synthetic line from (seed, index): the single way text, faces, paper and damage come together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from crnn.core.canvas import CanvasSpec
from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.model_info import FRAME_STRIDE
from crnn.datasets.lmdb_store import StoredLine
from data.synthesis.compose import Crop, compose, frame_of
from data.synthesis.degrade import degrade
from data.synthesis.faces import Face, Faces
from data.synthesis.rand import Rand, cumulate
from data.synthesis.settings import FaceSettings, Recipe, SynthesisSettings
from data.synthesis.text import CODES, Writer, group_of
from data.synthesis.typeset import choose_style, typeset

ATTEMPTS = 200  # redraws of one line; a recipe that needs more cannot be met
FACE_ATTEMPTS = 8  # texts tried on one face before the face is changed


@dataclass(frozen=True)
class Line:
    """A drawn line.

    Attributes:
        pixels: gray, uint8 (height, width).
        label: its text.
        centers: x of each character's center in these pixels, float32 (characters,).
        category: `<group>_<recipe>`, e.g. `zh_photo`.
    """

    pixels: np.ndarray
    label: str
    centers: np.ndarray
    category: str

    def store(self, quality: int) -> StoredLine:
        """The line as an LMDB keeps it: a gray JPEG."""
        _, data = cv2.imencode(".jpg", self.pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return StoredLine(data.tobytes(), self.label, self.centers, self.category)


class Synthesizer:
    """Draws line after line of one split; picklable, the same in every process.

    Args:
        settings: the recipe book.
        charset: labels stay inside it.
        fonts: path of a `fonts.json`.
        corpus: folder of a corpus.
        split: `train` or `test`.
        cells: pairs (kinds, recipe) that the lines go through in turn, so that every group of a test set is of the
            same size; empty draws kind and recipe by their shares.

    Raises:
        UserError: fonts or texts are missing, or the settings cannot be met.
    """

    def __init__(
        self,
        settings: SynthesisSettings,
        charset: Charset,
        fonts: Path,
        corpus: Path,
        split: str,
        cells: list[tuple[list[str], str]] | None = None,
    ) -> None:
        if not settings.recipes:
            raise UserError("no recipe in synthesis.recipes: give at least one")
        self.settings, self.charset, self.canvas = settings, charset, CanvasSpec()
        self.faces = Faces.load(fonts, split, settings.faces)
        self.cells = cells or []
        self._variation = settings.faces if split == "train" else FaceSettings()  # test lines show faces as they are
        text = settings.text
        if self.cells:  # the turns decide, not the shares; kinds without a turn need no text in this split
            text = replace(text, kinds={kind: 1.0 for kinds, _ in self.cells for kind in kinds})
        self.writer = Writer(text, charset, corpus, split)
        for _, name in self.cells:
            if name not in settings.recipes:
                raise UserError(f"no recipe {name!r} in synthesis.recipes: choose from {', '.join(settings.recipes)}")
        self._recipes = list(settings.recipes)
        self._recipe_shares = cumulate([recipe.weight for recipe in settings.recipes.values()])

    def line(self, seed: int, index: int) -> Line:
        """Line `index` of the set with this `seed`.

        Raises:
            UserError: no attempt gave a line that fits the canvas; the recipe contradicts itself.
        """
        rand = Rand(seed, index)
        rand.strength = rand.span(self.settings.strength) or 0.0
        if self.cells:
            kinds, name = self.cells[index % len(self.cells)]
            kind = rand.choice(kinds)
        else:
            name = self._recipes[rand.weighted(self._recipe_shares)]
            kind = self.writer.kind(rand)
        recipe = self.settings.recipes[name]
        for _ in range(ATTEMPTS):
            drawn = self._draw(kind, recipe, rand)
            if drawn is not None:
                label, crop = drawn
                pixels = np.clip(degrade(crop.pixels, recipe, rand) + 0.5, 0, 255).astype(np.uint8)
                pixels, centers = self._shrink(pixels, crop.centers, recipe, rand)
                return Line(pixels, label, centers, f"{group_of(kind)}_{name}")
        raise UserError(f"{ATTEMPTS} attempts at a {kind} line of recipe {name!r} all failed: mend its numbers")

    def _draw(self, kind: str, recipe: Recipe, rand: Rand) -> tuple[str, Crop] | None:
        """Text and clean crop; None if the faces cannot draw it or it does not fit."""
        face, substitute = self._face(kind, rand), None
        for attempt in range(FACE_ATTEMPTS):
            label = self.writer.write(kind, rand, rand.chance(recipe.brief), lambda c: not face.lacks(c))
            if not face.lacks(label):
                break
            if self._variation.substitutes and attempt and face.script == "zh":  # a second text may do without
                substitute = self.faces.choose("zh", rand)
                if not substitute.lacks(label):
                    break
        else:
            return None
        latin = None
        if face.script == "zh" and rand.chance(self.settings.faces.latin_in_chinese):
            latin = self.faces.choose("en", rand)
            if latin.lacks("".join(c for c in label if c.isascii())):
                latin = None
        for shown in (face, latin, substitute):
            label = shown.shows(label) if shown else label
        style = choose_style(recipe, self._variation, rand)
        line = typeset(label, face, latin, style, recipe, rand, substitute)
        frame = frame_of(line, recipe, rand)
        if frame is None or not self._fits(label, frame.right - frame.left, frame.bottom - frame.top):
            return None
        crop = compose(line, frame, recipe, rand)
        if not self._fits(label, crop.pixels.shape[1], crop.pixels.shape[0]) or np.any(np.diff(crop.centers) <= 0):
            return None  # tilting makes the picture higher
        return label, Crop(crop.pixels, np.clip(crop.centers, 0, np.float32(crop.pixels.shape[1] - 1)))

    def _face(self, kind: str, rand: Rand) -> Face:
        share = self.settings.faces.zh_for_english
        if kind == "english":
            return self.faces.choose("zh" if rand.chance(share) else "en", rand)
        if kind == CODES:
            return self.faces.choose("zh" if rand.chance(0.5) else "en", rand)
        return self.faces.choose("zh", rand)

    def _fits(self, label: str, width: int, height: int) -> bool:
        """Whether the canvas is neither too wide nor too narrow for the label's frames (repeats need a blank)."""
        content = round(width * self.canvas.height / height)
        repeats = sum(a == b for a, b in pairwise(label))
        too_narrow = len(label) + repeats > content // FRAME_STRIDE
        return not too_narrow and self.canvas.bucket_width(content + 1) <= self.canvas.max_width

    def _shrink(
        self, pixels: np.ndarray, centers: np.ndarray, recipe: Recipe, rand: Rand
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bring the picture to the height it is stored with."""
        height, width = pixels.shape
        target = min(height, round(rand.span(recipe.store_height) or height), self.settings.max_height)
        if target == height:
            return pixels, centers
        size = (max(1, round(width * target / height)), target)
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        return small, centers * np.float32(size[0] / width)
