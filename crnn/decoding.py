"""Chooses how logits become text: greedy, or a beam with a language model; hot words; an allow-list.

The one place where the options of the command line and of the server become a decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from crnn.beam import BeamDecoder, BeamSettings
from crnn.charset import Charset
from crnn.ctc import GreedyPath, greedy
from crnn.errors import UserError
from crnn.language_model import LanguageModel
from crnn.lexicon import HotWords, allowed_ids

Decoder = Callable[[np.ndarray], GreedyPath]  # float32 logits (T, C) of one line -> what stands there
METHODS = ("greedy", "beam")


@dataclass(frozen=True)
class DecodeOptions:
    """What a user may ask for; the defaults are the fastest.

    Attributes:
        method: one of `METHODS`.
        language_model: n-gram file (`make lm`), or the model loaded from it; for the beam only.
        hot_words: dictionary file (see `HotWords.load`), or words with their boosts; for the beam only.
        allow: characters that alone may be read; "" for all.
        beam: numbers of the search.
    """

    method: str = "greedy"
    language_model: Path | LanguageModel | None = None
    hot_words: Path | Mapping[str, float] | None = None
    allow: str = ""
    beam: BeamSettings = field(default_factory=BeamSettings)


def make_decoder(charset: Charset, options: DecodeOptions) -> Decoder:
    """The decoder that `options` describe for a model with this charset.

    Raises:
        UserError: an unknown method, a file that cannot be read, or options that do not go together.
    """
    if options.method not in METHODS:
        raise UserError(f"unknown decoding method {options.method!r}: choose one of {', '.join(METHODS)}")
    allowed = allowed_ids(options.allow, charset) if options.allow else None
    if options.method == "greedy":
        if options.language_model or options.hot_words:
            raise UserError("a language model or hot words need the decoding method beam")
        return partial(greedy, allowed=allowed) if allowed is not None else greedy
    model = options.language_model
    if isinstance(model, Path):
        model = LanguageModel(model, charset)
    words = _hot_words(options.hot_words, charset) if options.hot_words else None
    return BeamDecoder(model, words, allowed, options.beam)


def _hot_words(words: Path | Mapping[str, float], charset: Charset) -> HotWords:
    if isinstance(words, Path):
        return HotWords.load(words, charset)
    return HotWords({charset.fold(word): boost for word, boost in words.items()}, charset)
