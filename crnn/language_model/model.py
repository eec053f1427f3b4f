"""Scores a text character by character with an n-gram model.

Models are built by `make lm` (crnn/language_model/build.py). Those of KenLM (Heafield 2011) are read too, where it is
installed.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

from crnn.core.charset import BLANK, Charset
from crnn.core.errors import UserError
from crnn.core.shipped import DEFAULT_LANGUAGE_MODEL
from crnn.language_model.trie import State, Trie

SPACE_TOKEN = "▁"  # n-gram text files separate tokens by white space, so the character space needs another name
FIRST_HANZI = "\u3400"  # of CJK Unified Ideographs, extension A first
LN_10 = math.log(10)  # KenLM speaks in powers of ten


def shipped_language_model(charset: Charset) -> LanguageModel | None:
    """The language model that comes with this package, over `charset`; None where it is absent or does not fit."""
    if not DEFAULT_LANGUAGE_MODEL.is_file() or SPACE_TOKEN in charset:
        return None
    return LanguageModel(DEFAULT_LANGUAGE_MODEL, charset)


def token(character: str) -> str:
    """The name of a character inside n-gram text files.

    >>> token("中"), token(" ")
    ('中', '▁')
    """
    return SPACE_TOKEN if character == " " else character


def _script(character: str) -> int:
    return 0 if not character.isalpha() else 1 if character >= FIRST_HANZI else 2


class _TrieModel:
    """A file of `make lm`. Characters go by their rows."""

    start: State = Trie.start

    def __init__(self, path: Path) -> None:
        trie = Trie.load(path)
        self._rows = {character: row for row, character in enumerate(trie.info["characters"])}
        self.order, self.extend = trie.order, trie.extend

    def name(self, character: str) -> int:
        return self._rows.get(character, len(self._rows))

    def knows(self, character: str) -> bool:
        return character in self._rows


class _KenLmModel:
    """A file of KenLM, binary or ARPA text. Characters go by their tokens."""

    def __init__(self, path: Path) -> None:
        try:
            import kenlm
        except ImportError:
            raise UserError(
                f"{path} is not a language model of `make lm`; if it is one of KenLM, install that with "
                "`pip install kenlm` (it is compiled on the spot: g++ and cmake are needed)"
            ) from None
        try:
            self._model = kenlm.Model(str(path))
        except (OSError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"{path} is not an n-gram model: {reason}") from None
        self._state = kenlm.State
        self.start = self._state()
        self._model.NullContextWrite(self.start)
        self.order = int(self._model.order)

    def name(self, character: str) -> str:
        return token(character)

    def knows(self, character: str) -> bool:
        return token(character) in self._model

    def extend(self, state: Any, name: str) -> tuple[Any, float]:
        following = self._state()
        return following, self._model.BaseScore(state, name, following) * LN_10


class LanguageModel:
    """A character n-gram model over the ids of one charset. Safe to share between threads.

    >>> model = LanguageModel(DEFAULT_LANGUAGE_MODEL, charset)                       # doctest: +SKIP
    >>> state, log_probability = model.extend(model.start, charset.encode("中")[0])  # doctest: +SKIP

    Attributes:
        scripts: for each id 1 if it is a hanzi, 2 if another letter, 0 for the blank, all else, and letters that the
            model does not know: of these it would say that anything else is likelier.
        other_case: for each id that of the same letter, capital or small, or the blank's.
        start: the state before a line. No beginning of a sentence: the lines of a page are cut anywhere.
        order: length of the longest n-gram.

    Raises:
        UserError: `path` is no n-gram model, or one of KenLM, which is not installed.
    """

    def __init__(self, path: str | Path, charset: Charset) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise UserError(f"no language model at {self.path}: build one with `make lm`")
        if SPACE_TOKEN in charset:
            raise UserError(f"the charset holds {SPACE_TOKEN!r}, the space's name in language models: read greedily")
        model = (_TrieModel if zipfile.is_zipfile(self.path) else _KenLmModel)(self.path)
        self.start, self.order = model.start, model.order
        self.scripts = [0, *(_script(c) if model.knows(c) else 0 for c in charset.characters)]
        ids = {character: id for id, character in enumerate(charset.characters, start=1)}
        self.other_case = [BLANK, *(ids.get(c.swapcase(), BLANK) if c.swapcase() != c else BLANK for c in ids)]
        self._names: list[Any] = [None, *map(model.name, charset.characters)]
        self._extend: Any = model.extend
        self._alone = [0.0, *(self.extend(self.start, id)[1] for id in ids.values())]

    def extend(self, state: Any, character: int) -> tuple[Any, float]:
        """The state after the id `character`, and its natural log-probability in `state`."""
        extended: tuple[Any, float] = self._extend(state, self._names[character])
        return extended

    def support(self, state: Any, character: int) -> tuple[Any, float]:
        """The state after the id, and by how many nats the context makes it likelier than it is by itself.

        The network learned from its own lines how common characters are; weighed once more, rare names would be read
        as common words wherever the context says nothing. Taking a source's own statistics off a language model's is
        the density ratio method (McDermott et al. 2019); here the two differ by the context alone.
        """
        following, log_probability = self.extend(state, character)
        return following, log_probability - self._alone[character]

    def perplexity(self, lines: list[list[int]]) -> float:
        """Perplexity of a character over `lines` of ids, the ends of lines not counted."""
        total, characters = 0.0, 0
        for line in lines:
            state = self.start
            for character in line:
                state, score = self.extend(state, character)
                total += score
            characters += len(line)
        if not characters:
            raise UserError("no text to measure the perplexity on")
        return math.exp(-total / characters)
