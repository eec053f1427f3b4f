"""An n-gram language model in one small file, read with NumPy alone: a trie of sorted words.

Probabilities follow the rule of backing off (Katz 1987) and are quantized by equally filled bins, for each length of
n-gram its own (Federico & Bertoldi 2006). `crnn/language_model/ngram.py` estimates them.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crnn.core.atomic import replacing
from crnn.core.errors import UserError

VERSION = 1
State = tuple[int, ...]  # rows of the n-grams that end the text, n = 1, 2, ...: as far as the trie holds them


@dataclass(frozen=True)
class Level:
    """All n-grams of one length, in the order of their words.

    Attributes:
        words: uint16 (M,), each n-gram's last word; those of one prefix stand together and ascend.
        probabilities: uint8 (M,), places in `probability_table`.
        probability_table: float32 (at most 256,), natural logarithms.
        children: uint16 (M,), how many n-grams of the next level continue each; empty in the last level.
        backoffs: uint8 (M,), places in `backoff_table`; empty in the last level.
        backoff_table: float32 (at most 256,), natural logarithms.
    """

    words: np.ndarray
    probabilities: np.ndarray
    probability_table: np.ndarray
    children: np.ndarray
    backoffs: np.ndarray
    backoff_table: np.ndarray


KINDS = {  # of array a level has in the file, each with the length of the n-grams behind its name
    "words": np.uint16,
    "probabilities": np.uint8,
    "probability_table": np.float32,
    "children": np.uint16,
    "backoffs": np.uint8,
    "backoff_table": np.float32,
}


class Trie:
    """Log-probabilities of word after word; a word is its row among the 1-grams. Safe to share between threads.

    >>> trie = Trie.load("lm.npz")                                      # doctest: +SKIP
    >>> state, log_probability = trie.extend(trie.start, word)          # doctest: +SKIP

    Attributes:
        info: what the file says of itself; `characters` are the words in their order, the unknown one after the last.
        start: the state before a text.

    Raises:
        UserError: levels that do not fit each other.
    """

    start: State = ()

    def __init__(self, levels: Sequence[Level], info: Mapping[str, Any]) -> None:
        self.levels, self.info = list(levels), info
        _check(self.levels)
        # Views, whose elements are Python's numbers: to find one word among few, bisect on them beats NumPy's search.
        self._words = [level.words.data for level in levels]
        self._begins = [np.append(0, level.children.cumsum(dtype=np.int64)).data for level in levels]
        self._probabilities = [level.probability_table[level.probabilities].data for level in levels]
        self._backoffs = [level.backoff_table[level.backoffs].data for level in levels]

    @property
    def order(self) -> int:
        """Length of the longest n-gram."""
        return len(self.levels)

    def extend(self, state: State, word: int) -> tuple[State, float]:
        """The state after `word`, and its natural log-probability in `state`."""
        found = [word]
        # What ends a stored n-gram is stored too: the first length that lacks the word is the last to ask.
        for level, row in enumerate(state):
            begins, words = self._begins[level], self._words[level + 1]
            end = begins[row + 1]
            place = bisect_left(words, word, begins[row], end)
            if place == end or words[place] != word:
                break
            found.append(place)
        matched = len(found) - 1
        log_probability = self._probabilities[matched][found[matched]]
        for level in range(matched, len(state)):
            log_probability += self._backoffs[level][state[level]]
        return tuple(found[: self.order - 1]), log_probability

    def save(self, path: Path) -> None:
        """Write the file, complete or not at all."""
        arrays = {f"{kind}_{n}": getattr(level, kind) for n, level in enumerate(self.levels, 1) for kind in KINDS}
        info = json.dumps({"version": VERSION, **self.info, "order": self.order}, ensure_ascii=False)
        with replacing(path) as unfinished, open(unfinished, "wb") as file:
            np.savez_compressed(file, info=np.frombuffer(info.encode(), np.uint8), **arrays)

    @classmethod
    def load(cls, path: Path) -> Trie:
        """Read what `save` wrote.

        Raises:
            UserError: no such file, or not one of ours.
        """
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                info = json.loads(file["info"].tobytes())
                if info["version"] != VERSION:
                    raise UserError(
                        f"{path} is of version {info['version']}; this program reads version {VERSION}: "
                        "build it again with `make lm`"
                    )
                levels = [
                    Level(**{kind: file[f"{kind}_{n}"].astype(type_) for kind, type_ in KINDS.items()})
                    for n in range(1, info["order"] + 1)
                ]
            if len(info["characters"]) + 1 != len(levels[0].words):
                raise ValueError("its characters are not those of its 1-grams")
            return cls(levels, info)
        except FileNotFoundError:
            raise UserError(f"no language model at {path}: build one with `make lm`") from None
        except UserError:
            raise
        except Exception as error:  # zipfile, zlib, json and NumPy tell of damage in a dozen kinds of errors
            raise UserError(f"{path} is not a language model of `make lm`: {error}") from None


def _check(levels: Sequence[Level]) -> None:
    for n, level in enumerate(levels, start=1):
        last = n == len(levels)
        size = len(level.words)
        fits = len(level.probabilities) == size and len(level.children) == len(level.backoffs) == (0 if last else size)
        places = [(level.probabilities, level.probability_table), (level.backoffs, level.backoff_table)]
        fits &= all(not found.size or int(found.max()) < len(table) for found, table in places)
        fits &= last or int(level.children.sum()) == len(levels[n].words)
        if not fits:
            raise UserError(f"the {n}-grams of the language model do not fit: build it again with `make lm`")


def quantize(values: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Places, uint8 (M,), in a table, float32 (at most 2 ** bits,), whose bins hold equally many of `values` (M,)."""
    distinct = np.unique(values)
    if len(distinct) > 2**bits:
        distinct = np.unique([part.mean() for part in np.array_split(np.sort(values), 2**bits)])
    middles = (distinct[1:] + distinct[:-1]) / 2
    return np.searchsorted(middles, values).astype(np.uint8), distinct.astype(np.float32)
