"""Turns raw strings into snippets a line can be drawn from. Knows a charset, but nothing of files or sources."""

import re
import unicodedata
import zlib

from crnn.core.charset import Charset

HOLE = "\0"
MIN_LENGTH = 2  # a single character is no text; uniform sampling of characters is the synthesis' task
MAX_LENGTH = 200
WIDE_SHARE = 0.1  # of the snippets with full-width letters or digits keep them so; the rest is stored folded
SUBSTITUTES = str.maketrans({"–": "-", "‐": "-", "‑": "-", "―": "—", "•": "·", "・": "·", "′": "'", "‧": "·"})
CLOSING = "，。！？；：、”’）】》〉」』〕,.!?;:)]}% "
SENTENCE_ENDS = re.compile(r"(?<=[。！？；!?;])|(?<=[.:,，、] )|(?<=[，、：])")


class Cleaner:
    """Cuts, folds and filters text for one charset.

    >>> Cleaner(Charset("ab c")).snippets("ab c龘bc")
    ['ab c', 'bc']
    """

    def __init__(self, charset: Charset) -> None:
        self._narrow = _Table(charset, keep_wide=False)
        self._wide = _Table(charset, keep_wide=True)

    def snippets(self, text: str) -> list[str]:
        """The parts of `text` (at most 200 characters each) that can be drawn and labeled in this charset.

        Every snippet has at least one letter, digit or hanzi. Full-width ASCII stays in one snippet of ten: it is
        drawn as it stands and labeled with `Charset.fold`.
        """
        text = unicodedata.normalize("NFC", text).translate(SUBSTITUTES)
        keep_wide = zlib.crc32(text.encode()) < WIDE_SHARE * 2**32
        text = text.translate(self._wide if keep_wide else self._narrow)
        parts = re.split(r"[A-Za-z]*\0[\0A-Za-z]*", text)  # a word with a hole in it is no word
        if len(parts) > 1:
            parts = [parts[0], *(part.lstrip(CLOSING) for part in parts[1:])]
        parts = [" ".join(part.split()) for part in parts]
        return [s for part in parts for s in _pack(part) if len(s) >= MIN_LENGTH and re.search(r"\w", s)]


class _Table(dict[int, str]):
    """What `str.translate` makes of each character: itself, its folded form, nothing, or a hole."""

    def __init__(self, charset: Charset, keep_wide: bool) -> None:
        self._charset = charset
        self._keep_wide = keep_wide

    def __missing__(self, code: int) -> str:
        self[code] = result = self._translate(chr(code))
        return result

    def _translate(self, character: str) -> str:
        if character in self._charset:
            return character
        if character.isspace():
            return " "
        if unicodedata.category(character) == "Cf":  # soft hyphens, joiners, direction marks: not drawn
            return ""
        folded = self._charset.fold(character)
        if self._charset.missing(folded):
            return HOLE
        return character if self._keep_wide and "！" <= character <= "～" else folded or " "


def _pack(text: str) -> list[str]:
    """Cut a long text after sentences, else after commas, else anywhere, into parts as long as allowed."""
    if len(text) <= MAX_LENGTH:
        return [text]
    packed = [""]
    for sentence in SENTENCE_ENDS.split(text):
        for start in range(0, len(sentence), MAX_LENGTH):
            part = sentence[start : start + MAX_LENGTH]
            if len(packed[-1]) + len(part) > MAX_LENGTH:
                packed.append("")
            packed[-1] += part
    return [part.strip() for part in packed]
