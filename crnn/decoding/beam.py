"""Beam search over a line's CTC frames with a character language model and hot words.

The search is the CTC prefix search of Graves (2012, "Supervised sequence labeling with recurrent neural networks",
section 7.5.3) in the beam form of Hannun et al. (2014, "First-pass large vocabulary continuous speech recognition
using bi-directional recurrent DNNs"); scoring every character as it is appended follows Hwang & Sung (2016,
"Character-level incremental speech recognition with recurrent neural networks").
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from crnn.core.charset import BLANK
from crnn.decoding.beam_settings import BeamSettings
from crnn.decoding.candidates import Frame, choices, shortlist
from crnn.decoding.ctc import CtcPath, collapse, greedy
from crnn.decoding.forced_alignment import align
from crnn.decoding.hot_words import HotWords
from crnn.language_model.model import LanguageModel


class _Prefix:
    """A text read so far, its score by language model and hot words, and their states."""

    __slots__ = ("children", "id", "lm_state", "parent", "score", "word_state")

    def __init__(self, parent: _Prefix | None, id: int, score: float, lm_state: Any, word_state: int) -> None:
        self.parent, self.id, self.score = parent, id, score
        self.lm_state, self.word_state = lm_state, word_state
        self.children: dict[int, _Prefix] = {}

    def ids(self) -> list[int]:
        found: list[int] = []
        prefix = self
        while prefix.parent is not None:
            found.append(prefix.id)
            prefix = prefix.parent
        return found[::-1]


class BeamDecoder:
    """Turns logits into the reading that network, language model and hot words together find likeliest.

    Deterministic, without state of its own between lines, and safe to share between threads. Replace `hot_words` at
    any time: a line that is being read keeps the dictionary it began with.

    Args:
        language_model: or None to search without.
        hot_words: or None.
        allowed: ids that may be read, blank included, ascending (`crnn.decoding.hot_words.allowed_ids`), or None for
            all.
    """

    def __init__(
        self,
        language_model: LanguageModel | None = None,
        hot_words: HotWords | None = None,
        allowed: np.ndarray | None = None,
        settings: BeamSettings | None = None,
    ) -> None:
        self.language_model, self.hot_words, self.allowed = language_model, hot_words, allowed
        self.settings = settings or BeamSettings()

    def __call__(self, logits: np.ndarray) -> CtcPath:
        """Read one line's logits, float32 (T, C).

        Confidences are the network's own probabilities, as greedy reading gives them: a character that only the
        language model believes in shows a low one. The score is what network, language model and hot words say for the
        text that was chosen.
        """
        path, words = greedy(logits, self.allowed), self.hot_words
        # A language model alone takes a blank as it is, see `choices`.
        blanks = self.language_model is None or words is not None
        ids = self.search(shortlist(logits, self.settings, self.allowed, blanks), words)
        chosen = path if ids == path.ids.tolist() else align(logits, ids)
        return dataclasses.replace(chosen, score=chosen.score + self._support(ids, words))

    def search(self, frames: list[Frame], words: HotWords | None = None) -> list[int]:
        """The best ids for the candidates that `shortlist` left."""
        if self.language_model is not None:
            frames = choices(frames, self.language_model, words.ids if words else frozenset())
        if all(len(frame) == 1 for frame in frames):
            return collapse([frame[0][0] for frame in frames])
        lm_start = self.language_model.start if self.language_model else None
        # A prefix's probability, split by whether its last frame was a blank; scaled anew at each frame.
        beam = {_Prefix(None, BLANK, 0.0, lm_start, HotWords.start): [1.0, 0.0]}
        for frame in frames:
            grown: dict[_Prefix, list[float]] = {}
            for prefix, (ended, open_) in beam.items():
                for id, probability in frame:
                    if id == BLANK:
                        _cell(grown, prefix)[0] += (ended + open_) * probability
                    elif id != prefix.id:
                        _cell(grown, self._append(prefix, id, words))[1] += (ended + open_) * probability
                    else:  # the same character goes on, or begins again after a blank
                        if open_:
                            _cell(grown, prefix)[1] += open_ * probability
                        if ended:
                            _cell(grown, self._append(prefix, id, words))[1] += ended * probability
            beam = self._prune(grown)
        return max(beam, key=lambda p: _log(beam[p]) + p.score + (words.finish(p.word_state) if words else 0)).ids()

    def _support(self, ids: list[int], words: HotWords | None) -> float:
        """Nats that speak for the text where two passes over a line are compared."""
        total = 0.0
        if self.language_model is not None:
            state = self.language_model.start
            for id in ids:
                state, support = self.language_model.support(state, id)
                total += self.settings.pass_weight * support
        if words is not None:
            state = HotWords.start
            for id in ids:
                state, change = words.extend(state, id)
                total += change
            total += words.finish(state)
        return total

    def _append(self, prefix: _Prefix, id: int, words: HotWords | None) -> _Prefix:
        child = prefix.children.get(id)
        if child is None:
            score, lm_state, word_state = prefix.score, None, HotWords.start
            if self.language_model is not None:
                lm_state, support = self.language_model.support(prefix.lm_state, id)
                score += self.settings.lm_weight * support
            if words is not None:
                word_state, change = words.extend(prefix.word_state, id)
                score += change
            child = prefix.children[id] = _Prefix(prefix, id, score, lm_state, word_state)
        return child

    def _prune(self, grown: dict[_Prefix, list[float]]) -> dict[_Prefix, list[float]]:
        """The best prefixes, their probabilities scaled so that products of many frames do not vanish."""
        if len(grown) > 1:
            scores = {prefix: _log(cell) + prefix.score for prefix, cell in grown.items()}
            ranked = sorted(scores, key=scores.__getitem__, reverse=True)[: self.settings.width]
            floor = scores[ranked[0]] - self.settings.margin
            grown = {prefix: grown[prefix] for prefix in ranked if scores[prefix] >= floor}
        largest = max(map(sum, grown.values()))
        return {prefix: [ended / largest, open_ / largest] for prefix, (ended, open_) in grown.items()}


def _cell(cells: dict[_Prefix, list[float]], prefix: _Prefix) -> list[float]:
    return cells.setdefault(prefix, [0.0, 0.0])


def _log(cell: list[float]) -> float:
    probability = cell[0] + cell[1]
    return math.log(probability) if probability > 0 else -math.inf
