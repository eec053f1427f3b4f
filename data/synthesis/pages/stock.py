"""What pages are made of: the faces, texts and photographs of one split."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from crnn.core.errors import UserError
from data.synthesis.faces import Face, Faces, read_faces
from data.synthesis.rand import Rand
from data.synthesis.settings import FaceSettings

KEPT = 40_000  # snippets of a kind, evenly taken: more cost memory in every process
CHINESE = {"prose": 4.0, "ui": 2.0, "definition": 2.0, "address": 1.0, "name": 1.0, "mixed": 1.0, "slips": 1.0}
WRITTEN = ("hand", "script", "brush", "marker")  # classes of style that somebody wrote
GRIDDED = ("mono", "pixel", "typewriter")  # those of tills and teleprinters
SHAPED = ("display", "round", "brush", "marker", "slab", "script", "pixel")  # those of signs and posters
MARKS = " ,.;:!?|\"'*~<>=+$%&@#/\\`^_，。；：！？、“”‘’()（）[]《》-—…"
JOINED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


@dataclass(frozen=True)
class Stock:
    """Attributes:
    faces: by use: "any", "hand", "sign", "till".
    texts: snippets by kind.
    photographs: pictures free of text.
    """

    faces: dict[str, Faces]
    texts: dict[str, list[str]]
    photographs: tuple[Path, ...] = ()

    @classmethod
    def load(cls, fonts: Path, corpus: Path, photographs: Path, split: str) -> Stock:
        """The stock of `split`, by the manifests of fonts and corpus.

        Raises:
            UserError: no fonts or no texts of that split.
        """
        faces = [face for face in read_faces(fonts, split) if face.scalable]  # lines are of any size
        if not any(face.script == "zh" for face in faces):
            raise UserError(f"{fonts} lists no Chinese face of split {split!r}: run `make fonts` first")
        styles = {f["id"]: f["style"].split()[0] for f in json.loads(fonts.read_text(encoding="utf-8"))["faces"]}
        chosen: dict[str, list[Face]] = {
            "any": [face for face in faces if styles[face.id] not in WRITTEN],
            "hand": [face for face in faces if styles[face.id] in WRITTEN],
            "sign": [face for face in faces if styles[face.id] in SHAPED],
            "till": [face for face in faces if styles[face.id] in GRIDDED],
        }
        if not any(face.script == "zh" for face in chosen["any"]):
            chosen["any"] = faces
        groups = {use: Faces(of_use, FaceSettings()) for use, of_use in chosen.items() if of_use}
        texts = {file.stem: _sample(file) for file in sorted((corpus / split).glob("*.txt"))}
        if not any(kind in texts for kind in CHINESE):
            raise UserError(f"no Chinese text in {corpus / split}: run `make corpus` first")
        suffixes = {".jpg", ".jpeg", ".png", ".webp"}
        found = sorted(p for p in photographs.glob("*") if p.suffix.lower() in suffixes) if photographs.is_dir() else []
        return cls(groups, texts, tuple(found))

    def face(self, script: str, rand: Rand, use: str = "any") -> Face:
        """A face for `script` ("zh" or "en") and `use`; of any use where there is none."""
        group = self.faces.get(use)
        if group is None or script not in group.scripts:
            group = self.faces["any"]
        return group.choose(script, rand)

    def words(self, face: Face, length: int, rand: Rand) -> str:
        """Prose of about `length` characters that `face` draws."""
        text = ""
        for _ in range(200):
            if len(text) >= length:
                break
            snippet = rand.choice(self._kind(face.script, rand))
            text += (" " if text and text[-1] in JOINED else "") + drawable(snippet, face)
        return cut(text, length) or "1"

    def label(self, face: Face, shortest: int, longest: int, rand: Rand) -> str:
        """A short text with a letter or digit in it and no punctuation around it."""
        if face.script == "en":
            shortest, longest = 2 * shortest, 2 * longest
        length = shortest + rand.below(longest - shortest + 1)
        for _ in range(40):
            text = cut(self.words(face, length + 4, rand).strip(MARKS), length).strip(MARKS)
            if any(c.isalnum() for c in text):
                return text.upper() if text.isascii() and rand.chance(0.15) else text
        return f"{rand.below(1000)}"

    def field(self, face: Face, rand: Rand) -> str:
        """Content of a table's cell: number, date, amount, code or a few words."""
        choice = rand.below(8)
        if choice < 3:
            return self.label(face, 1, 8, rand)
        if choice == 3:
            return f"20{rand.below(30):02}{rand.choice('-/.')}{1 + rand.below(12):02}-{1 + rand.below(28):02}"
        if choice == 4:
            amount = rand.below(10 ** (1 + rand.below(5)))
            return f"{rand.choice(('', '', '¥', '$', '-'))}{amount:,}.{rand.below(100):02}"
        if choice == 5:
            return f"{rand.below(1000)}{rand.choice(('%', '', ' kg', ' mm', '个', ' h', ''))}"
        if choice == 6:
            letters = [rand.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789-") for _ in range(4 + rand.below(9))]
            return "".join(letters).strip("-")
        return str(rand.below(10 ** (1 + rand.below(8))))

    def photograph(self, rand: Rand) -> np.ndarray | None:
        """A picture free of text, uint8 (H, W, 3), BGR; None where there is none."""
        if not self.photographs:
            return None
        return cv2.imread(str(rand.choice(self.photographs)), cv2.IMREAD_COLOR)

    def _kind(self, script: str, rand: Rand) -> list[str]:
        if script == "en" and self.texts.get("english"):
            return self.texts["english"]
        kinds = [kind for kind in CHINESE if self.texts.get(kind)]
        total = sum(CHINESE[kind] for kind in kinds)
        at = rand.uniform(0, total)
        for kind in kinds:
            at -= CHINESE[kind]
            if at < 0:
                break
        return self.texts[kind]


def drawable(text: str, face: Face) -> str:
    """`text` without what `face` does not draw."""
    return "".join(c for c in text if not face.lacks(c)).strip()


def cut(text: str, length: int) -> str:
    """The first `length` characters, a Latin word that ends there kept whole or left out."""
    end = min(length, len(text))
    start = end
    while 0 < start < len(text) and text[start - 1] in JOINED and text[start] in JOINED:
        start -= 1
    return text[: start or end].strip()


def _sample(file: Path) -> list[str]:
    lines = [line for line in file.read_text(encoding="utf-8").split("\n") if line and "__" not in line]
    return lines[:: -(-len(lines) // KEPT)]
