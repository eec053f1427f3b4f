"""Generates what prose lacks: forms, receipts, invoices, signs, numbers, interface lines, mixed Chinese and English.

The shapes are in grammar.yaml, the chances and the numbers here. Lines depend on (kind, count, seed) and the corpus'
words only.
"""

import random
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from crnn.core.errors import UserError
from data.corpus.numerals import identity_check, spell, spell_money

WIDE_SHARE = 0.02  # of the lines: ASCII letters and digits are written full-width, as some papers and forms do
TO_WIDE = {ord(c): ord(c) + 0xFEE0 for c in string.ascii_letters + string.digits}
BRACKETS = (
    "()",
    "（）",
    "（）",
    "[]",
    "【】",
    "【】",
    "〔〕",
    "<>",
    "《》",
    "「」",
    "『』",
    "〈〉",
    "{}",
    "“”",
    "‘’",
    '""',
)
GAPS = (" ", " ", " ", ", ", "、", " | ", "/")
SYMBOL = re.compile(r"\{\{|\}\}|\{(\w+)(?::([^{}]*))?\}")


@dataclass(frozen=True)
class BorrowedText:
    """Snippets of the corpus' own split, from which generated lines take words, places and sentences."""

    words: Sequence[str] = ("文字", "图片", "识别")
    places: Sequence[str] = ("浙江省杭州市西湖区",)
    sentences: Sequence[str] = ("请在此处填写您的意见。",)
    english: Sequence[str] = ("The quick brown fox jumps over the lazy dog.",)

    @classmethod
    def choose(cls, texts: Mapping[str, Sequence[str]]) -> "BorrowedText":
        """Pick fitting snippets from `texts` (kind -> snippets); what is missing keeps its default."""
        chosen = {
            "words": [s for s in texts.get("name", ()) if len(s) <= 8],
            "places": [s for s in texts.get("address", ()) if len(s) >= 6],
            "sentences": [s for kind in ("prose", "ui") for s in texts.get(kind, ()) if 4 <= len(s) <= 80],
            "english": [s for s in texts.get("english", ()) if 8 <= len(s) <= 90 and " " in s],
        }
        return cls(**{name: snippets for name, snippets in chosen.items() if snippets})


def generate(kind: str, count: int, seed: str, borrowed: BorrowedText | None = None) -> list[str]:
    """`count` lines of kind "forms", "mixed" or "slips", the same for the same arguments."""
    grammar = load_grammar()
    rng = random.Random(f"{kind} {seed}")
    writer = Writer(rng, grammar, borrowed or BorrowedText())
    symbols = rng.choices(list(grammar[kind]), weights=list(grammar[kind].values()), k=count)
    lines = [writer.expand(symbol) for symbol in symbols]
    return [line.translate(TO_WIDE) if rng.random() < WIDE_SHARE else line for line in lines]


@cache
def load_grammar() -> dict[str, Any]:
    """Symbol -> alternatives, and "forms", "mixed" and "slips" -> weights of symbols."""
    return dict(yaml.safe_load(Path(__file__).with_name("grammar.yaml").read_text(encoding="utf-8")))


class Writer:
    """Expands the symbols of a grammar by chance.

    >>> Writer(random.Random(1), {"total": ["合计：{int:2}元"]}, BorrowedText()).expand("total")
    '合计：17元'
    """

    def __init__(self, rng: random.Random, grammar: Mapping[str, Any], borrowed: BorrowedText) -> None:
        self.rng = rng
        self.grammar = grammar
        self.borrowed = borrowed

    def expand(self, symbol: str, argument: str = "") -> str:
        """One line, word or number for `symbol`.

        Raises:
            UserError: neither the grammar nor this module knows the symbol.
        """
        if symbol in self.grammar:
            return SYMBOL.sub(self._replace, str(self.rng.choice(self.grammar[symbol])))
        if symbol not in TERMINALS:
            raise UserError(f"the grammar uses {{{symbol}}}, which is neither one of its keys nor built in")
        return TERMINALS[symbol](self, argument)

    def _replace(self, match: re.Match[str]) -> str:
        return self.expand(match[1], match[2] or "") if match[1] else match[0][0]

    def _int(self, places: str) -> str:
        """Evenly spread over the number of digits, not over the values."""
        return str(self.rng.randrange(10 ** self.rng.randint(1, int(places))))

    def _from(self, bounds: str) -> str:
        low, high = bounds.split("-")
        return str(self.rng.randint(int(low), int(high))).zfill(len(low))

    def _decimal(self, shape: str, separator: str = "") -> str:
        whole, places = shape.split(".")
        fraction = "." + self._characters(string.digits, places) if int(places) else ""
        return f"{int(self._int(whole)):{separator}}{fraction}"

    def _characters(self, alphabet: str, count: str) -> str:
        return "".join(self.rng.choices(alphabet, k=int(count)))

    def _up_to(self, alphabet: str, most: str) -> str:
        return self._characters(alphabet, str(self.rng.randint((int(most) + 1) // 2, int(most))))

    def _identity(self) -> str:
        first17 = self._characters(string.digits, "6").replace("0", "3") + self._from("1940-2020")
        first17 += self._from("01-12") + self._from("01-28") + self._characters(string.digits, "3")
        return first17 + identity_check(first17)

    def _repeat(self, symbol: str) -> str:
        return self.rng.choice(GAPS).join(self.expand(symbol) for _ in range(self.rng.randint(2, 7)))

    def _list(self, symbol: str) -> str:
        return "、".join(self.expand(symbol) for _ in range(self.rng.randint(2, 7)))

    def _bracketed(self, symbol: str) -> str:
        pair = self.rng.choice(BRACKETS)
        return pair[0] + self.expand(symbol, "20") + pair[1]

    def _sentence(self, longest: str) -> str:
        return self.rng.choice(self.borrowed.sentences)[: int(longest or 80)]

    def _words(self, most: str) -> str:
        words = [w.strip(string.punctuation) for w in self.rng.choice(self.borrowed.english).split()]
        words = [w for w in words if w.isalpha()] or ["and"]
        start = self.rng.randrange(len(words))
        return " ".join(words[start : start + self.rng.randint(1, int(most))])


TERMINALS: dict[str, Callable[[Writer, str], str]] = {
    "int": Writer._int,
    "from": Writer._from,
    "digits": lambda w, count: w._characters(string.digits, count),
    "decimal": Writer._decimal,
    "thousands": lambda w, shape: w._decimal(shape, ","),
    "spelled": lambda w, places: spell(int(w._int(places))),
    "formal": lambda w, places: spell(int(w._int(places)), formal=True),
    "cheque": lambda w, places: spell_money(int(w._int(places))),
    "pick": lambda w, characters: w.rng.choice(characters),
    "code": lambda w, count: w._characters(string.ascii_uppercase + string.digits, count),
    "hex": lambda w, count: w._characters(w.rng.choice(("0123456789abcdef", "0123456789ABCDEF")), count),
    "CAPS": lambda w, most: w._up_to(string.ascii_uppercase, most),
    "small": lambda w, most: w._up_to(string.ascii_lowercase, most),
    "letters": lambda w, most: w._up_to(string.ascii_letters + string.digits, most),
    "identity": lambda w, _: w._identity(),
    "repeat": Writer._repeat,
    "list": Writer._list,
    "bracketed": Writer._bracketed,
    "word": lambda w, _: w.rng.choice(w.borrowed.words),
    "place": lambda w, _: w.rng.choice(w.borrowed.places),
    "sentence": Writer._sentence,
    "english": lambda w, _: w.rng.choice(w.borrowed.english),
    "words": Writer._words,
    "Words": lambda w, most: w._words(most).title(),
    "WORDS": lambda w, most: w._words(most).upper(),
}
