"""Shows what hot words and an allow-list bring: `python -m crnn.evaluation.decoding.hot_words_study model=FILE`.

The dictionary holds words that occur in the lines and as many that do not. Recall is the share of the words'
occurrences that are read; a false word is one that is read where it does not stand.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from omegaconf import MISSING

from crnn.core.errors import UserError
from crnn.core.metrics import score
from crnn.core.stage import stage
from crnn.decoding.beam import BeamDecoder
from crnn.decoding.ctc import greedy
from crnn.decoding.decoder import DecodeOptions, Decoder, make_decoder
from crnn.decoding.hot_words import HotWords
from crnn.evaluation.decoding.lm_tuning import labeled
from crnn.language_model.model import LanguageModel
from crnn.recognizer import Recognizer


@dataclass
class LexiconStudyConfig:
    """See configs/hot_words_study.yaml."""

    model: str = MISSING
    language_model: str | None = None
    words_from: str = MISSING
    distractors_from: str = MISSING
    words: int = MISSING
    word_length: int = MISSING
    boosts: list[float] = MISSING
    codes_from: str = MISSING
    allow: str = MISSING
    lines: int = MISSING


@dataclass(frozen=True)
class WordCount:
    """Hot words in a set of readings.

    Attributes:
        occurrences: of the words in the truth.
        found: of these, how many stand in the reading of their line.
        false: words in a reading beyond those of its truth.
    """

    occurrences: int
    found: int
    false: int

    @classmethod
    def of(cls, words: Sequence[str], truths: Sequence[str], readings: Sequence[str]) -> WordCount:
        """Count line by line.

        >>> WordCount.of(["ab"], ["abab", "c"], ["ab", "ab"])
        WordCount(occurrences=2, found=1, false=1)
        """
        occurrences = found = false = 0
        for truth, reading in zip(truths, readings, strict=True):
            for word in words:
                there, read = truth.count(word), reading.count(word)
                occurrences, found, false = occurrences + there, found + min(there, read), false + max(0, read - there)
        return cls(occurrences, found, false)


def choose_words(lines: Sequence[str], absent_from: Sequence[str], number: int, length: int, seed: int) -> list[str]:
    """Up to `number` stretches of `length` hanzi from `lines`, none of which stands in `absent_from`."""
    elsewhere = "\n".join(absent_from)
    found = {m[1] for line in lines for m in re.finditer(rf"(?=([一-龥]{{{length}}}))", line) if m[1] not in elsewhere}
    return random.Random(seed).sample(sorted(found), min(number, len(found)))


def run(cfg: LexiconStudyConfig) -> None:
    """Read everything before and after, and print the figures.

    Raises:
        UserError: the sets give no words, or no line that the allow-list can write.
    """
    recognizer = Recognizer(cfg.model)
    charset = recognizer.info.charset

    def read(images: list[bytes], decode: Decoder) -> list[str]:
        return [recognizer.read(image, decode).text for image in images]

    images, truths = map(list, zip(*labeled(cfg.words_from, cfg.lines), strict=True))
    others = [text for _, text in labeled(cfg.distractors_from, cfg.lines)]
    words = choose_words(truths, [], cfg.words, cfg.word_length, 1)
    distractors = choose_words(others, truths, cfg.words, cfg.word_length, 2)
    if not words:
        raise UserError(f"{cfg.words_from} holds no word of {cfg.word_length} hanzi")
    dictionary = [*words, *distractors]
    model = LanguageModel(cfg.language_model, charset) if cfg.language_model else None
    trials: list[tuple[str, Decoder]] = [("greedy", greedy), ("beam", BeamDecoder(model))]
    for boost in cfg.boosts:
        hot_words = HotWords(dict.fromkeys(dictionary, boost), charset)
        trials.append((f"boost {boost:g}", BeamDecoder(model, hot_words)))
    print(f"{len(truths)} lines, {len(words)} words that occur, {len(distractors)} that do not")
    for name, decoder in trials:
        readings = read(images, decoder)
        count = WordCount.of(dictionary, truths, readings)
        print(
            f"{name:10} recall {count.found / count.occurrences:.3f} of {count.occurrences}  false {count.false}  "
            f"CER {score(truths, readings).cer:.4f}",
            flush=True,
        )

    codes = [(image, text) for image, text in labeled(cfg.codes_from, cfg.lines) if set(text) <= set(cfg.allow)]
    if not codes:
        raise UserError(f"no line of {cfg.codes_from} consists of {cfg.allow!r} alone")
    images, truths = map(list, zip(*codes, strict=True))
    allowed = make_decoder(charset, DecodeOptions("greedy", allow=cfg.allow))
    for name, decoder in (("all", greedy), ("allow-list", allowed)):
        result = score(truths, read(images, decoder))
        print(f"{name:10} {result.samples} lines  exact {result.exact:.3f}  CER {result.cer:.4f}", flush=True)


@stage("hot_words_study", LexiconStudyConfig)
def main(config: LexiconStudyConfig) -> None:
    run(config)


if __name__ == "__main__":
    main()
