"""What a user knows of the text beforehand: words that are likely, and characters that alone may occur.

Both are enforced while decoding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from crnn.core.charset import BLANK, Charset
from crnn.core.errors import UserError

DEFAULT_BOOST = 1.5  # nats a character: turns a choice at odds of 4.5 to 1 against the word
MAX_BOOST = 20.0  # beyond this even a character the network rules out would be read


@dataclass
class _Node:
    """A prefix of hot words. `credit`: what it has earned so far; `reward`: for the words that end here."""

    credit: float = 0.0
    reward: float = 0.0
    children: dict[int, int] = field(default_factory=dict)
    fallback: int = 0


class HotWords:
    """A user dictionary as an Aho–Corasick automaton (Aho & Corasick 1975); immutable, rebuilt in milliseconds.

    Each character that continues a word earns the word's boost at once, so that the word survives the beam's
    pruning, and loses it again when the word is left unfinished (contextual biasing as in Zhao et al. 2019,
    "Shallow-fusion end-to-end contextual biasing").

    Args:
        words: each word with its boost in nats a character.

    Attributes:
        ids: of the characters that occur in a word.

    Raises:
        UserError: an empty word, a character outside the charset, or a boost outside (0, `MAX_BOOST`].
    """

    start = 0

    def __init__(self, words: Mapping[str, float], charset: Charset) -> None:
        self.words = dict(words)
        self._nodes = [_Node()]
        for word, boost in self.words.items():
            self._insert(word, boost, charset)
        self.ids = frozenset(id for word in self.words for id in charset.encode(word))
        self._link()

    @classmethod
    def load(cls, path: str | Path, charset: Charset) -> HotWords:
        """Read a UTF-8 file: one word a line, optionally a tab and its boost; blank lines and `# …` are skipped.

        Raises:
            UserError: the file is missing, not UTF-8, or a line is not such an entry.
        """
        try:
            lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
        except OSError as error:
            raise UserError(f"hot words {path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise UserError(f"hot words {path}: the file is not UTF-8") from None
        words = {}
        for number, line in enumerate(lines, start=1):
            word, _, boost = line.partition("\t")
            word = charset.fold(word)
            if not word or line.startswith("# "):
                continue
            try:
                words[word] = float(boost) if boost.strip() else DEFAULT_BOOST
                cls({word: words[word]}, charset)
            except ValueError as error:  # of float(), or the UserError of the entry
                raise UserError(f"hot words {path}, line {number}: {error}") from None
        return cls(words, charset)

    def extend(self, state: int, character: int) -> tuple[int, float]:
        """The state after the id `character`, and the change of score in nats."""
        following = self._step(state, character)
        node = self._nodes[following]
        return following, node.credit - self._nodes[state].credit + node.reward

    def finish(self, state: int) -> float:
        """The change of score at the end of a line: an unfinished word gives back what it earned."""
        return -self._nodes[state].credit

    def _step(self, state: int, character: int) -> int:
        while True:
            child = self._nodes[state].children.get(character)
            if child is not None:
                return child
            if state == 0:
                return 0
            state = self._nodes[state].fallback

    def _insert(self, word: str, boost: float, charset: Charset) -> None:
        if not word:
            raise UserError("an empty hot word: delete it")
        if not (math.isfinite(boost) and 0 < boost <= MAX_BOOST):
            raise UserError(f"hot word {word!r}: a boost of {boost:g} nats is not in 0 to {MAX_BOOST:g}")
        foreign = charset.missing(word)
        if foreign:
            raise UserError(f"hot word {word!r} uses {''.join(sorted(foreign))!r}, which the model cannot read")
        state = 0
        for depth, character in enumerate(charset.encode(word), start=1):
            if character not in self._nodes[state].children:
                self._nodes[state].children[character] = len(self._nodes)
                self._nodes.append(_Node())
            state = self._nodes[state].children[character]
            self._nodes[state].credit = max(self._nodes[state].credit, boost * depth)
        self._nodes[state].reward = boost * len(word)

    def _link(self) -> None:
        """Set the fallbacks breadth first, and let a word that ends inside another be rewarded there too."""
        queue = list(self._nodes[0].children.values())
        for state in queue:
            node = self._nodes[state]
            for character, child in node.children.items():
                self._nodes[child].fallback = self._step(node.fallback, character)
                queue.append(child)
            node.reward += self._nodes[node.fallback].reward
            if not node.children:
                # A finished word has its reward; nothing more is pending but what its own end begins anew.
                node.credit = self._nodes[node.fallback].credit


def allowed_ids(characters: Iterable[str], charset: Charset) -> np.ndarray:
    """Ids of the characters that may be read, and the blank: int64 (A,), ascending.

    Raises:
        UserError: no character, or one outside the charset.
    """
    text = "".join(characters)
    if not text:
        raise UserError("the allow-list is empty: name at least one character")
    foreign = charset.missing(text)
    if foreign:
        raise UserError(f"the allow-list names {''.join(sorted(foreign))!r}, which the model cannot read")
    return np.array(sorted({BLANK, *charset.encode(text)}), np.int64)
