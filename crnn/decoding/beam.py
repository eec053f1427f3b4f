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
from crnn.decoding.peaks import Peaks
from crnn.language_model.model import LanguageModel


class _Prefix:
    """A text read so far, its score by language model and hot words, and their states.

    The language model's state is None until it is asked for (`BeamDecoder._lm_state`).
    """

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


Beam = dict[_Prefix, list[float]]  # the probability of each, with its last frame a blank (ended), or not (open)


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
        words = self.hot_words
        # A language model alone takes a blank as it is, see `choices`.
        blanks = self.language_model is None or words is not None
        peaks = Peaks.of(logits, blanks) if self.allowed is None else None
        path = greedy(logits, self.allowed, peaks)
        ids = self.search(shortlist(logits, self.settings, self.allowed, blanks, peaks), words)
        chosen = path if ids == path.ids.tolist() else align(logits, ids)
        return dataclasses.replace(chosen, score=chosen.score + self._support(ids, words))

    def search(self, frames: list[Frame], words: HotWords | None = None) -> list[int]:
        """The best ids for the candidates that `shortlist` left."""
        if self.language_model is not None:
            frames = choices(frames, self.language_model, words.ids if words else frozenset())
        if all(len(frame) == 1 for frame in frames):
            return collapse([frame[0][0] for frame in frames])
        lm_start = self.language_model.start if self.language_model else None
        beam: Beam = {_Prefix(None, BLANK, 0.0, lm_start, HotWords.start): [1.0, 0.0]}
        for frame in frames:
            if len(frame) == 1 and (followed := self._follow(beam, frame[0][0], words)):
                beam = followed
                continue
            grown: Beam = {}
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
            beam = self._prune(grown, sure=len(frame) == 1)
        return max(beam, key=lambda p: _log(beam[p]) + p.score + (words.finish(p.word_state) if words else 0)).ids()

    def _follow(self, beam: Beam, id: int, words: HotWords | None) -> Beam | None:
        """The beam after a frame that is sure of `id`, if it holds one prefix, which can go on in one way; else None.

        A score makes no difference to a prefix that is alone, so none is asked for.
        """
        if len(beam) > 1:
            return None
        ((prefix, (ended, open_)),) = beam.items()
        if id == BLANK:
            return {prefix: [1.0, 0.0]}
        if id == prefix.id and open_:
            return None if ended else beam
        word_state = words.extend(prefix.word_state, id)[0] if words is not None else HotWords.start
        return {_Prefix(prefix, id, prefix.score, None, word_state): [0.0, 1.0]}

    def _lm_state(self, prefix: _Prefix) -> Any:
        """The language model's state after a prefix: the last characters decide it."""
        if prefix.lm_state is None and self.language_model is not None:
            ids: list[int] = []
            known = prefix
            while known.parent is not None and known.lm_state is None and len(ids) < self.language_model.order - 1:
                ids.append(known.id)
                known = known.parent
            state = self.language_model.start if known.lm_state is None else known.lm_state
            for id in reversed(ids):
                state, _ = self.language_model.extend(state, id)
            prefix.lm_state = state
        return prefix.lm_state

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
                lm_state, support = self.language_model.support(self._lm_state(prefix), id)
                score += self.settings.lm_weight * support
            if words is not None:
                word_state, change = words.extend(prefix.word_state, id)
                score += change
            child = prefix.children[id] = _Prefix(prefix, id, score, lm_state, word_state)
        return child

    def _prune(self, grown: Beam, sure: bool) -> Beam:
        """The best prefixes, their probabilities scaled so that products of many frames do not vanish.

        After a `sure` frame each prefix has all of its probability ended, or all open. Those that end alike then fare
        alike whatever follows, so the best of them is enough.
        """
        if len(grown) > 1:
            scores = {prefix: _log(cell) + prefix.score for prefix, cell in grown.items()}
            ranked = sorted(scores, key=scores.__getitem__, reverse=True)
            if sure:
                best: dict[Any, _Prefix] = {}
                for prefix in ranked:
                    best.setdefault((prefix.id, prefix.word_state, self._lm_state(prefix)), prefix)
                ranked = list(best.values())
            ranked = ranked[: self.settings.width]
            floor = scores[ranked[0]] - self.settings.margin
            grown = {prefix: grown[prefix] for prefix in ranked if scores[prefix] >= floor}
        largest = max(map(sum, grown.values()))
        return {prefix: [ended / largest, open_ / largest] for prefix, (ended, open_) in grown.items()}


def _cell(cells: Beam, prefix: _Prefix) -> list[float]:
    return cells.setdefault(prefix, [0.0, 0.0])


def _log(cell: list[float]) -> float:
    probability = cell[0] + cell[1]
    return math.log(probability) if probability > 0 else -math.inf
