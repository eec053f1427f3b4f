"""Chooses how logits become text: greedy, or a beam with a language model; hot words; an allow-list.

The one place where the options of the command line and of the server become a decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.decoding.beam import BeamDecoder
from crnn.decoding.beam_settings import BeamSettings
from crnn.decoding.ctc import CtcPath, greedy
from crnn.decoding.hot_words import HotWords, allowed_ids
from crnn.language_model.model import LanguageModel, shipped_language_model

Decoder = Callable[[np.ndarray], CtcPath]  # float32 logits (T, C) of one line -> what stands there
METHODS = ("beam", "greedy")  # the first is the default, everywhere


@dataclass(frozen=True)
class DecodeOptions:
    """What a user may ask for; the defaults read best, `method="greedy"` fastest.

    Attributes:
        method: one of `METHODS`.
        language_model: n-gram file (`make lm`), the model loaded from it, "shipped" for the one that comes with this
            package, where there is one, or None; for the beam only.
        hot_words: dictionary file (see `HotWords.load`), or words with their boosts; for the beam only.
        allow: characters that alone may be read; "" for all.
        beam: numbers of the search.
    """

    method: str = METHODS[0]
    language_model: Path | LanguageModel | Literal["shipped"] | None = "shipped"
    hot_words: Path | Mapping[str, float] | None = None
    allow: str = ""
    beam: BeamSettings = field(default_factory=BeamSettings)


@dataclass(frozen=True)
class GreedyDecoder:
    """Greedy reading of the ids `allowed` alone, int64 (A,), the blank among them."""

    allowed: np.ndarray

    def __call__(self, logits: np.ndarray) -> CtcPath:
        return greedy(logits, self.allowed)


def may_read(decode: Decoder, id: int) -> bool:
    """Whether the character `id` is among those that `decode` may read."""
    allowed: np.ndarray | None = getattr(decode, "allowed", None)
    return allowed is None or id in allowed


def make_decoder(charset: Charset, options: DecodeOptions) -> Decoder:
    """The decoder that `options` describe for a model with this charset.

    Raises:
        UserError: an unknown method, a file that cannot be read, or options that do not go together.
    """
    if options.method not in METHODS:
        raise UserError(f"unknown decoding method {options.method!r}: choose one of {', '.join(METHODS)}")
    allowed = allowed_ids(options.allow, charset) if options.allow else None
    if options.method == "greedy":
        if options.language_model not in (None, "shipped") or options.hot_words:
            raise UserError("a language model or hot words need the decoding method beam")
        return GreedyDecoder(allowed) if allowed is not None else greedy
    model = options.language_model
    if model == "shipped":
        model = shipped_language_model(charset)
    elif isinstance(model, Path):
        model = LanguageModel(model, charset)
    words = _hot_words(options.hot_words, charset) if options.hot_words else None
    return BeamDecoder(model, words, allowed, options.beam)


def _hot_words(words: Path | Mapping[str, float], charset: Charset) -> HotWords:
    if isinstance(words, Path):
        return HotWords.load(words, charset)
    return HotWords({charset.fold(word): boost for word, boost in words.items()}, charset)
