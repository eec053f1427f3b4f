"""What was read: characters, where they stand and how sure they are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

# A line whose weakest character is less probable is read again, if on average its characters are at least so probable.
# Of 125 lines less clear than that, further passes set fewer right than they spoiled (docs/history/reader.md).
RETRY_BELOW, RETRY_MEAN = 0.5, 0.7
# An ensemble's second network (docs/finetuning.md) also reads a line whose weakest character is less probable,
SECOND_MODEL_BELOW = 0.8
# unless the line's log-odds of being of the domain are below this. Of 400 brush-written lines none were.
MIN_DOMAIN_LOGIT = -2.0
# The second reading is kept if its selection_score leads by this much, less the line's domain logit.
SWITCH_MARGIN = 0.6
EDGE = 1e-4  # probabilities nearer to 0 or 1 are alike where readings are compared
# See `is_pattern`, `is_fence`: letters of a text at least, how many may differ, and what share makes it one.
FENCE_LETTERS, RULE_LETTERS, RULE_KINDS, PATTERN_SHARE = 24, 40, 6, 0.6
BARS = frozenset("日曰口目田回皿工")  # hanzi that are nothing but bars
LEAST = 1e-6  # probabilities are kept this far from 0 and 1, where their log-odds would be infinite


@dataclass(frozen=True)
class CharReading:
    """One character.

    Attributes:
        char: the character.
        confidence: in [0, 1], the model's probability of it.
        x, y: its center, in pixels of the picture that was given: the line's of a line, the page's of a page.
    """

    char: str
    confidence: float
    x: float
    y: float = 0.0


@dataclass(frozen=True)
class Reading:
    """One line.

    Attributes:
        text: the characters joined; "" where nothing was read.
        confidence: in [0, 1], the probability that a character of it is right: it means the same at every length.
        chars: the characters in reading order.
    """

    text: str
    confidence: float
    chars: tuple[CharReading, ...] = field(repr=False)  # hundreds of numbers, which nobody wants printed with a line

    @property
    def line_confidence(self) -> float:
        """In [0, 1], the probability that all its characters are right; 0 where nothing was read."""
        return self.confidence ** len(self.chars) if self.chars else 0.0

    @property
    def weakest(self) -> float:
        """Least confidence of a character; 1 where nothing was read."""
        return min((char.confidence for char in self.chars), default=1.0)

    @property
    def mean(self) -> float:
        """Mean confidence of the characters; 0 where nothing was read."""
        return sum(char.confidence for char in self.chars) / max(1, len(self.chars))

    @property
    def selection_score(self) -> float:
        """By which readings of different networks compare: log-odds of the mean confidence plus those of the least.

        The probability of the whole line falls with each character, so that a network that drops some would win.
        """
        return _log_odds(self.mean) + _log_odds(self.weakest) if self.chars else 2 * _log_odds(0.0)

    @classmethod
    def of(cls, chars: Sequence[CharReading], scale: float = 1.0, offset: float = 0.0) -> Reading:
        """The reading that consists of `chars`, without the spaces at its ends."""
        begin, end = 0, len(chars)
        while begin < end and chars[begin].char == " ":
            begin += 1
        while end > begin and chars[end - 1].char == " ":
            end -= 1
        kept = tuple(chars[begin:end])
        log_whole = _log_line_confidence([c.confidence for c in kept], scale, offset)
        # Of K characters that err alike and on their own, each is right with the K-th root of the whole's probability.
        return cls("".join(c.char for c in kept), math.exp(log_whole / max(1, len(kept))), kept)

    def placed(self, chars: Sequence[CharReading]) -> Reading:
        """The same with its characters, `chars`, in other places."""
        return replace(self, chars=tuple(chars))


def is_pattern(text: str) -> bool:
    """Whether the line is a fence, or a dashed rule, read as a long word of a few letters and digits ("98988888…").

    People type such rows of dots and dashes, of Chinese laughter, and tables of bits.
    """
    letters = text.split()
    counts = Counter("".join(letters))
    count = counts.total()
    is_word = len(letters) == 1 and count >= RULE_LETTERS and not counts.keys() <= {"0", "1"}
    plain = sum(count for char, count in counts.items() if char.isascii() and char.isalnum())
    return is_fence(text) or (is_word and len(counts) <= RULE_KINDS and plain >= PATTERN_SHARE * count)


def is_fence(text: str) -> bool:
    """Whether the text is one letter all along ("HHHHH…") or hanzi that look like bars ("日日目日…"): so fences and
    facades are read."""
    counts = Counter("H" if char in BARS else char for char in text if not char.isspace())
    if counts.total() < FENCE_LETTERS:
        return False
    ((char, count),) = counts.most_common(1)
    return char.lower() != char.upper() and count >= PATTERN_SHARE * counts.total()


def _log_odds(probability: float) -> float:
    kept = min(max(probability, EDGE), 1 - EDGE)
    return math.log(kept / (1 - kept))


def line_confidence(confidences: Sequence[float], scale: float = 1.0, offset: float = 0.0) -> float:
    """Probability that a line is right as a whole: the product of its characters' confidences, calibrated.

    A line is right when every character is. Networks are surer than they are right, so the product's log-odds
    are scaled and shifted by figures fitted on held-out lines (Platt 1999); 1 and 0 leave it as it is.

    Returns:
        a number in [0, 1]; 0 for no characters: nothing was read, so nothing is vouched for.
    """
    return math.exp(_log_line_confidence(confidences, scale, offset))


def _log_line_confidence(confidences: Sequence[float], scale: float, offset: float) -> float:
    """Its logarithm: a long line's confidence may be less than a float holds."""
    if not confidences:
        return -math.inf
    log_product = min(sum(math.log(max(c, LEAST)) for c in confidences), math.log(1 - LEAST))
    log_odds = scale * (log_product - math.log(-math.expm1(log_product))) + offset
    return min(log_odds, 0.0) - math.log1p(math.exp(-abs(log_odds)))
