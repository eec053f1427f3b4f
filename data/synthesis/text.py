"""Chooses what a line says.

All text comes out folded (`Charset.fold`), so a line's label is what is drawn, character for character.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.files import CORPUS_LIST
from data.synthesis.rand import Rand, cumulate
from data.synthesis.settings import Length, TextSettings

UNIFORM, CODES = "uniform", "codes"  # kinds made here, without a corpus
GROUPS = {"english": "en", "forms": "forms", "slips": "forms", "traditional": "hant", UNIFORM: UNIFORM, CODES: CODES}
# all other kinds are "zh"
RUNNING = ("prose", "definition", "english", "traditional")  # in lines of any length; writers cut the other kinds
SNIPPETS = 100  # tried for one text
CHARACTER_ATTEMPTS = 8  # a face that draws a third of the charset has then 25 of 26
LONGER = 3  # more snippets drawn while running text falls short of its length: sources have many short lines
MIN_JOINED = 4  # characters left for a second text on the line
MAX_WHOLE = 20  # characters of a snippet that is kept whole
NO_START = set("，。！？；：、）】》〉」』〕”’…—·,.!?;:)]}%℃％")  # a typesetter never begins a line with these
NO_END = set("（【《〈「『〔“‘([{￥$£€№")
LOOK_ALIKES = set("O0oIl1|")
BRIEF = {"zh": 6, "en": 13}  # characters: a shop's name, two words
HALF = str.maketrans({"，": ",", "。": ".", "：": ":", "；": ";", "！": "!", "？": "?", "（": "(", "）": ")"})
HANZI = re.compile("[\u2e80-\u9fff\uf900-\ufaff]")
ASCII_WORD = re.compile(r"[A-Za-z0-9]")


class Corpus:
    """Snippets of the kinds of one split, held as bytes (a worker process shares them with its parent).

    Raises:
        UserError: no corpus at `folder`, or a kind that `kinds` asks for is missing or empty.
    """

    def __init__(self, folder: Path, split: str, kinds: list[str]) -> None:
        summary = folder / CORPUS_LIST
        if not summary.is_file():
            raise UserError(f"no corpus at {folder}: run `make corpus` first")
        self.counts: dict[str, int] = json.loads(summary.read_text(encoding="utf-8"))["counts"]
        self._texts: dict[str, bytes] = {}
        self._starts: dict[str, np.ndarray] = {}
        for kind in kinds:
            path = folder / split / f"{kind}.txt"
            data = path.read_bytes().strip() if path.is_file() else b""
            if not data:
                raise UserError(
                    f"the corpus at {folder} has no {split} text of kind {kind!r}: run `make corpus` with a source of "
                    f"it, or leave it out (+synthesis.text.kinds.{kind}=0, in a test set test_groups)"
                )
            ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
            self._texts[kind] = data
            self._starts[kind] = np.concatenate([[0], ends + 1, [len(data) + 1]])

    def snippet(self, kind: str, rand: Rand) -> str:
        """One line of the text of `kind`."""
        starts = self._starts[kind]
        i = rand.below(len(starts) - 1)
        return self._texts[kind][starts[i] : starts[i + 1] - 1].decode()


class Writer:
    """Draws texts by the shares of `settings`.

    Raises:
        UserError: a kind has no text, or no kind has a share.
    """

    def __init__(self, settings: TextSettings, charset: Charset, corpus: Path, split: str) -> None:
        kinds = [kind for kind, share in settings.kinds.items() if share > 0]
        if not kinds:
            raise UserError("no kind of text has a share above 0: give synthesis.text.kinds one")
        self.settings, self.charset, self.kinds = settings, charset, kinds
        self.corpus = Corpus(corpus, split, [kind for kind in kinds if kind not in (UNIFORM, CODES)])
        self._shares = cumulate([settings.kinds[kind] for kind in kinds])
        self._lengths = {
            name: (lengths, cumulate([length.weight for length in lengths]))
            for name, lengths in (("zh", settings.zh_lengths), ("en", settings.en_lengths))
        }
        drawn = [c for c in charset.characters if c != " "]
        self._hanzi = [c for c in drawn if HANZI.match(c)] or drawn
        self._symbols = [c for c in drawn if not HANZI.match(c)] or drawn
        self._ascii = [c for c in drawn if c.isascii()] or drawn
        counts = np.array([self.corpus.counts.get(c, 0) for c in self._hanzi], np.float64)
        self._rare = cumulate(((counts + 20) ** -0.5).tolist())

    def kind(self, rand: Rand) -> str:
        """A kind of text, by its share."""
        return self.kinds[rand.weighted(self._shares)]

    def write(self, kind: str, rand: Rand, brief: bool = False, drawn: Callable[[str], bool] = lambda _: True) -> str:
        """A text of `kind`, one line long, never empty; a few characters or words if `brief`.

        `drawn` says whether the face has a character: those put together at random are of its own repertoire.
        """
        language = "en" if kind in ("english", CODES) else "zh"
        length = 1 + rand.below(BRIEF[language]) if brief else self._length(language, rand)
        if kind == UNIFORM:
            return self._uniform(length, rand, drawn)
        if kind == CODES:
            return self._code(min(length, 24), rand)
        if kind not in RUNNING and not brief and rand.chance(self.settings.whole):
            length = max(length, MAX_WHOLE)
        text = ""
        for _ in range(SNIPPETS):
            snippet = self.corpus.snippet(kind, rand)
            for _ in range(LONGER if kind in RUNNING and not brief else 0):
                if len(snippet) < length:
                    snippet = max(snippet, self.corpus.snippet(kind, rand), key=len)
            text = self.charset.fold(window(snippet, length, rand))
            belongs = group_of(kind) not in ("zh", "hant") or HANZI.search(text)  # a Chinese line has a hanzi
            says = any(c.isalnum() for c in text)  # a mark alone is no line
            if says and belongs and not self.charset.missing(text):
                break
        else:
            raise UserError(
                f"{SNIPPETS} snippets of {kind!r} held nothing inside the charset: check the corpus, or leave the kind "
                f"out (+synthesis.text.kinds.{kind}=0)"
            )
        if len(text) < length - MIN_JOINED and rand.chance(self.settings.join):
            text = f"{text} {self.charset.fold(window(self.corpus.snippet(kind, rand), length - len(text), rand))}"
            text = text if not self.charset.missing(text) else text.split(" ")[0]
        return self._vary(kind, text.strip(), self.settings.upper_brief if brief else self.settings.upper, rand)

    def _length(self, language: str, rand: Rand) -> int:
        lengths, shares = self._lengths[language]
        length: Length = lengths[rand.weighted(shares)]
        return length.low + rand.below(length.high - length.low + 1)

    def _uniform(self, length: int, rand: Rand, drawn: Callable[[str], bool]) -> str:
        """Characters of the charset without context, half of them weighted to the rare ones."""
        characters = []
        for _ in range(length):
            for _ in range(CHARACTER_ATTEMPTS):
                character = self._character(rand)
                if drawn(character):
                    break
            characters.append(character)
        return "".join(characters)

    def _character(self, rand: Rand) -> str:
        if rand.chance(self.settings.symbols):
            return rand.choice(self._symbols)
        if rand.chance(self.settings.rare):
            return self._hanzi[rand.weighted(self._rare)]
        return rand.choice(self._hanzi)

    def _code(self, length: int, rand: Rand) -> str:
        """Serial numbers, part numbers, prices, passwords: strings that no language model helps to read."""
        tests = (str.isdigit, str.isupper, str.isalnum, str.isprintable)
        alphabets = [[c for c in self._ascii if test(c)] for test in tests]
        if not rand.chance(self.settings.look_alikes):
            alphabets[1:] = [[c for c in alphabet if c not in LOOK_ALIKES] for alphabet in alphabets[1:]]
        alphabets = [alphabet for alphabet in alphabets if alphabet] or [self._ascii]
        joints = [c for c in "-./: ,#()" if c in self.charset] or [""]
        parts: list[str] = []
        while sum(map(len, parts)) < length:
            alphabet = rand.choice(alphabets)
            parts.append("".join(rand.choice(alphabet) for _ in range(1 + rand.below(6))))
            if rand.chance(0.5):
                parts.append(rand.choice(joints))
        return self.charset.fold("".join(parts)[:length]) or rand.choice(self._ascii)

    def _vary(self, kind: str, text: str, upper_share: float, rand: Rand) -> str:
        settings = self.settings
        if kind == "english" and rand.chance(upper_share):
            upper = text.upper() if rand.chance(0.7) else text.title()
            text = text if self.charset.missing(upper) else upper
        if '"' in text and HANZI.search(text) and rand.chance(settings.curly_quotes):
            curly = _curl(text)
            text = text if self.charset.missing(curly) else curly
        if kind != "english" and rand.chance(settings.ascii_punctuation):
            half = text.translate(HALF)
            text = text if self.charset.missing(half) else half
        if len(text) < 5 and kind != "english" and " " not in text and rand.chance(settings.gap_after_hanzi):
            text = " ".join(text)
        return text


def window(text: str, length: int, rand: Rand) -> str:
    """At most about `length` characters of `text`, cut where a typesetter or a writer would cut.

    Latin words stay whole; a line neither begins with closing punctuation nor ends with an opening bracket.
    """
    if len(text) <= length:
        return text
    breaks = [0] + [i + 1 for i, c in enumerate(text) if c in "，。！？；：、 ,.;:!?" and i + 1 < len(text)]
    if rand.chance(0.6):  # a sentence or clause of its own; else a line out of the middle of a paragraph
        start = rand.choice([b for b in breaks if b <= len(text) - min(length, 4)] or [0])
    else:
        start = rand.below(len(text) - length + 1)
    while start > 0 and (text[start] in NO_START or text[start] == " " or _inside_word(text, start)):
        start -= 1
    end = min(len(text), start + length)
    while end > start + 1 and _inside_word(text, end):
        end -= 1
    if end == start + 1:  # one word longer than the line: let it run
        end = min(len(text), start + length)
        while _inside_word(text, end):
            end += 1
    if end < len(text) and text[end] in NO_START:
        end += 1
    while end > start + 1 and text[end - 1] in NO_END:
        end -= 1
    return text[start:end].strip()


def _curl(text: str) -> str:
    """Straight double quotes as Chinese print has them, opening and closing in turn."""
    first, *others = text.split('"')
    return first + "".join(("“", "”")[i % 2] + part for i, part in enumerate(others))


def _inside_word(text: str, i: int) -> bool:
    return 0 < i < len(text) and bool(ASCII_WORD.match(text[i]) and ASCII_WORD.match(text[i - 1]))


def group_of(kind: str) -> str:
    """The group of `kind` in reports: zh, hant, en, forms, uniform or codes."""
    return GROUPS.get(kind, "zh")
