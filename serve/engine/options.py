"""What a client may ask for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crnn.decoding.decoder import METHODS
from crnn.decoding.hot_words import MAX_BOOST
from crnn.page import LAYOUTS, MIN_CONFIDENCE, TURNS
from serve.base.errors import BadOptions

MOST_ALLOWED = 10_000  # characters of `allow`: more than any model has
MOST_HOTWORDS = 500
LONGEST_HOTWORD = 32
AUTO = "auto"
# Options whose values are texts; in a form or a query those of the others are written as in JSON.
TEXTS = frozenset({"layout", "decode", "allow", "turn"})


@dataclass(frozen=True)
class Options:
    """What a client asks for.

    Attributes:
        layout: `page` finds the lines of the picture; `line` takes the whole picture for one line; `auto` takes a
            picture that shows one line alone for a line.
        chars: whether to tell each character's place and confidence.
        cache: whether a stored result will do, and this one may be stored.
        deadline_ms: longest time to answer.
        decode: `beam` with the server's language model, if it has one, and `hotwords`; or `greedy`, which is faster.
        allow: characters that alone may be read; "" for all.
        min_confidence: lines of a page read with less are left out, and what is texture rather than text; 0 keeps all.
        hotwords: likely words and their boosts in nats a character.
        turn: degrees clockwise that bring a page upright, a number or its digits; `auto` to find out.
        paragraphs: whether the text has a paragraph a row instead of a line.
    """

    layout: str = "auto"
    chars: bool = True
    cache: bool = True
    deadline_ms: int = 10_000
    decode: str = METHODS[0]
    allow: str = ""
    min_confidence: float = MIN_CONFIDENCE
    hotwords: Mapping[str, float] = field(default_factory=dict)
    turn: int | str = AUTO
    paragraphs: bool = False

    @classmethod
    def parse(cls, raw: object, longest_ms: int) -> Options:
        """Options from decoded JSON.

        Raises:
            BadOptions: not an object, an unknown name, or a value of the wrong kind or range.
        """
        if raw is None:
            return cls(deadline_ms=longest_ms)
        if not isinstance(raw, dict):
            raise BadOptions("options must be a JSON object")
        for name, value in raw.items():
            if name not in OPTIONS:
                raise BadOptions(f"unknown option {name[:40]!r}: the options are {', '.join(OPTIONS)}")
            fits, expected = OPTIONS[name]
            if not fits(value):
                raise BadOptions(f"option {name!r} must be {expected}")
        options = cls(**{"deadline_ms": longest_ms, **raw})
        if not 1 <= options.deadline_ms <= longest_ms:
            raise BadOptions(f"option 'deadline_ms' must be a whole number from 1 to {longest_ms}")
        return options

    @property
    def choose_decoder(self) -> bool:
        """Whether the lines are to be decoded otherwise than by default."""
        return bool(self.decode != METHODS[0] or self.allow or self.hotwords)

    @property
    def key(self) -> str:
        """What of the options changes the stored result."""
        return json.dumps(
            [self.layout, self.decode, self.allow, self.min_confidence, dict(self.hotwords), self.degrees],
            sort_keys=True,
        )

    @property
    def degrees(self) -> int | None:
        """`turn` as a number; None for `auto`."""
        return None if self.turn == AUTO else int(self.turn)


def _one_of(names: tuple[str, ...]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in names


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _are_hotwords(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= MOST_HOTWORDS
        and all(1 <= len(word) <= LONGEST_HOTWORD for word in value)
        and all(type(boost) in (int, float) and 0 < boost <= MAX_BOOST for boost in value.values())
    )


OPTIONS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "layout": (_one_of(LAYOUTS), f"one of {', '.join(LAYOUTS)}"),
    "chars": (_is_flag, "true or false"),
    "cache": (_is_flag, "true or false"),
    "deadline_ms": (lambda value: type(value) is int, "a whole number"),
    "decode": (_one_of(METHODS), f"one of {', '.join(METHODS)}"),
    "min_confidence": (
        lambda value: type(value) in (int, float) and 0 <= value <= 1,
        "a number from 0 to 1",
    ),
    "allow": (
        lambda value: isinstance(value, str) and len(value) <= MOST_ALLOWED,
        f"a string of at most {MOST_ALLOWED} characters",
    ),
    "turn": (
        lambda value: type(value) in (int, str) and str(value) in (AUTO, *map(str, TURNS)),
        f"one of {', '.join(map(str, TURNS))}, {AUTO}",
    ),
    "paragraphs": (_is_flag, "true or false"),
    "hotwords": (
        _are_hotwords,
        f"an object of at most {MOST_HOTWORDS} words, each of at most {LONGEST_HOTWORD} characters, "
        f"with boosts above 0 and up to {MAX_BOOST:g}",
    ),
}
