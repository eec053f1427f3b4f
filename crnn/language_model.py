"""Scores a text character by character with a KenLM n-gram model. Knows nothing of logits or of search.

`kenlm` is optional and loaded only here; a model is built by `make lm` (data/lm.py).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from crnn.charset import Charset
from crnn.errors import UserError

SPACE_TOKEN = "▁"  # n-gram files separate tokens by white space, so the character space needs another name
INSTALL = "install it with `pip install kenlm` (it is compiled on the spot: g++ and cmake are needed)"
FIRST_HANZI = "\u3400"  # of CJK Unified Ideographs, extension A first
LN_10 = math.log(10)  # KenLM speaks in powers of ten


def token(character: str) -> str:
    """The name of a character inside n-gram files.

    >>> token("中"), token(" ")
    ('中', '▁')
    """
    return SPACE_TOKEN if character == " " else character


def _script(character: str) -> int:
    return 0 if not character.isalpha() else 1 if character >= FIRST_HANZI else 2


def import_kenlm() -> Any:
    """The module `kenlm`.

    Raises:
        UserError: it is not installed.
    """
    try:
        import kenlm
    except ImportError:
        raise UserError(f"a language model needs the package kenlm: {INSTALL}") from None
    return kenlm


class LanguageModel:
    """A character n-gram model over the ids of one charset. Safe to share between threads.

    >>> model = LanguageModel("lm.bin", charset)                                 # doctest: +SKIP
    >>> state, log_probability = model.extend(model.start, charset.encode("中")[0])  # doctest: +SKIP

    Attributes:
        scripts: int8 (C,), 1 for ids of hanzi, 2 for other letters, 0 for the blank, all else, and letters that the
            model does not know: of these it would say that anything else is likelier.
        start: the state before a line. No beginning of a sentence: the lines of a page are cut anywhere.

    Raises:
        UserError: kenlm is not installed, or `path` is no n-gram model (ARPA or KenLM binary).
    """

    def __init__(self, path: str | Path, charset: Charset) -> None:
        kenlm = import_kenlm()
        self.path = Path(path)
        if not self.path.is_file():
            raise UserError(f"no language model at {self.path}: build one with `make lm`")
        if SPACE_TOKEN in charset:
            raise UserError(f"the charset holds {SPACE_TOKEN!r}, which names the space in language models")
        try:
            self._model = kenlm.Model(str(self.path))
        except (OSError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"{self.path} is not an n-gram model: {reason}") from None
        known = (_script(c) if token(c) in self._model else 0 for c in charset.characters)
        self.scripts = np.array([0, *known], np.int8)
        self._tokens = ["", *map(token, charset.characters)]
        self._state = kenlm.State
        self.start = self._state()
        self._model.NullContextWrite(self.start)

    @property
    def order(self) -> int:
        """Length of the longest n-gram."""
        return int(self._model.order)

    def extend(self, state: Any, character: int) -> tuple[Any, float]:
        """The state after the id `character`, and its natural log-probability in `state`."""
        following = self._state()
        return following, self._model.BaseScore(state, self._tokens[character], following) * LN_10

    def knows(self, character: int) -> bool:
        """Whether the id occurred in the text the model was built from (or was named when it was built)."""
        return self._tokens[character] in self._model

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
