"""The characters a model can read, and their ids. The only place that knows the blank and the numbering.

Id 0 is the CTC blank; characters are numbered from 1 in the order of the charset.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from crnn.core.errors import UserError

BLANK = 0

# This repository's own charsets, which configurations call by name: the full one begins with the simplified one.
_FOLDER = Path(__file__).resolve().parents[2] / "data" / "charsets"
CHARSETS = {
    "quick": _FOLDER / "quick.txt",
    "simplified": _FOLDER / "zh_en.txt",
    "full": _FOLDER / "zh_hant_en.txt",
}


class Charset:
    """An ordered, immutable set of characters.

    >>> Charset("ab").encode("ba")
    [2, 1]

    Raises:
        UserError: the string is empty or holds a character twice.
    """

    def __init__(self, characters: str) -> None:
        if not characters:
            raise UserError("the charset is empty: give at least one character")
        self.characters = characters
        self._ids = {character: i for i, character in enumerate(characters, start=1)}
        if len(self._ids) != len(characters):
            doubled = sorted({c for c in characters if characters.count(c) > 1})
            raise UserError(f"the charset holds {''.join(doubled)!r} more than once: remove the duplicates")

    @classmethod
    def load(cls, path: str | Path) -> Charset:
        """Read a charset file: UTF-8, one character a line (a line holding one space is the space).

        Args:
            path: the file, or a name in `CHARSETS`.

        Raises:
            UserError: the file is missing, is not UTF-8, or a line is not exactly one character.
        """
        path = CHARSETS.get(str(path), path)
        try:
            lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
        except FileNotFoundError:
            raise UserError(f"no charset file at {path}: give a file, or one of {', '.join(CHARSETS)}") from None
        except UnicodeDecodeError as error:
            raise UserError(f"charset file {path} is not UTF-8: {error}") from None
        lines = [line.rstrip("\r") for line in lines]
        if lines and not lines[-1]:
            lines.pop()
        for number, line in enumerate(lines, start=1):
            if len(line) != 1:
                raise UserError(f"{path}:{number}: one character a line is expected, found {line!r}")
        return cls("".join(lines))

    def save(self, path: str | Path) -> None:
        """Write the charset in the form that `load` reads."""
        Path(path).write_text("\n".join(self.characters) + "\n", encoding="utf-8")

    def __len__(self) -> int:
        """Number of classes of a model: the characters and the blank."""
        return len(self.characters) + 1

    def __contains__(self, character: object) -> bool:
        return character in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Charset) and other.characters == self.characters

    def __hash__(self) -> int:
        return hash(self.characters)

    @cached_property
    def sha256(self) -> str:
        """Hexadecimal digest of the characters in order: equal digests mean equal ids."""
        return hashlib.sha256(self.characters.encode()).hexdigest()

    def missing(self, text: str) -> set[str]:
        """The characters of `text` that are outside the charset."""
        return {character for character in text if character not in self._ids}

    def encode(self, text: str) -> list[int]:
        """Ids of `text`, one a character.

        Raises:
            UserError: a character is outside the charset.
        """
        try:
            return [self._ids[character] for character in text]
        except KeyError:
            foreign = "".join(sorted(self.missing(text)))
            raise UserError(f"label {text!r} uses {foreign!r}, absent from the charset") from None

    def decode_ids(self, ids: Iterable[int]) -> str:
        """The characters of `ids`, repeats kept (`crnn.decoding.ctc` collapses them), blanks dropped."""
        return "".join(self.characters[i - 1] for i in ids if i != BLANK)

    def fold(self, text: str) -> str:
        """Normalize a label as far as the charset asks for.

        A character outside the charset becomes its NFKC form where that is inside (０ → 0, Ａ → A, the
        ideographic space → space); runs of white space become one space and the ends are stripped. Other
        foreign characters stay, so that `encode` names them.
        """
        folded = [c if c in self._ids else self._fold_character(c) for c in text]
        return re.sub(r"\s+", " ", "".join(folded)).strip()

    def _fold_character(self, character: str) -> str:
        compatible = unicodedata.normalize("NFKC", character)
        return compatible if compatible and not self.missing(compatible) else character
