"""Beam search over a line's CTC frames with a character language model and hot words.

The search is the CTC prefix search of Graves (2012, "Supervised sequence labeling with recurrent neural networks",
section 7.5.3) in the beam form of Hannun et al. (2014, "First-pass large vocabulary continuous speech recognition
using bi-directional recurrent DNNs"); scoring every character as it is appended follows Hwang & Sung (2016,
"Character-level incremental speech recognition with recurrent neural networks"). Knows nothing of images.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np

from crnn.core.charset import BLANK
from crnn.core.errors import UserError
from crnn.decoding.ctc import CtcPath, collapse, greedy
from crnn.decoding.forced_alignment import align, softmax_totals
from crnn.decoding.hot_words import HotWords
from crnn.language_model.model import LanguageModel

Frame = list[tuple[int, float]]  # candidates of a frame: class and probability, the likeliest first


@dataclass(frozen=True)
class BeamSettings:
    """Numbers of the search; the defaults were tuned by `python -m crnn.evaluation.decoding.lm_tuning`.

    Attributes:
        width: prefixes kept after each frame.
        candidates: classes looked at in a frame that is not sure.
        sure: a frame whose best class is at least so probable is taken as it is. This bounds the time, and it is the
            guard: where the recognizer is sure, neither the language model nor a hot word may overrule it.
        least: classes less probable than this are no candidates, whatever the language model thinks of them.
        margin: nats below the best at which a prefix is given up.
        lm_weight: of what the language model says for a character (`LanguageModel.support`), in the search.
        look_weight: the same where two looks at one line are compared.
    """

    width: int = 8
    candidates: int = 8
    sure: float = 0.97
    least: float = 0.003
    margin: float = 10.0
    lm_weight: float = 0.35
    look_weight: float = 0.1

    def __post_init__(self) -> None:
        if self.width < 1 or self.candidates < 1:
            raise UserError("beam width and candidates must be at least 1")
        if not (0.5 < self.sure <= 1 and 0 < self.least < 0.5):
            raise UserError("`sure` must be in 0.5 to 1 and `least` in 0 to 0.5")
        if self.margin <= 0 or min(self.lm_weight, self.look_weight) < 0:
            raise UserError("`margin` must be above 0, `lm_weight` and `look_weight` not below")


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
        """Nats that speak for the text where two looks at a line are compared."""
        total = 0.0
        if self.language_model is not None:
            state = self.language_model.start
            for id in ids:
                state, support = self.language_model.support(state, id)
                total += self.settings.look_weight * support
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


def shortlist(
    logits: np.ndarray, settings: BeamSettings, allowed: np.ndarray | None = None, blanks: bool = True
) -> list[Frame]:
    """The few classes of each frame that a search needs; equal sure frames in a row become one.

    Args:
        logits: float32 (T, C), unnormalized.
        allowed: ids that may be read; probabilities are then shares among these.
        blanks: whether a frame whose best class is the blank may be unsure; three frames of four are such.
    """
    scores = logits if allowed is None else logits[:, allowed]
    best = scores.argmax(axis=1)
    peaks = scores[np.arange(len(scores)), best]
    doubted = np.arange(len(scores)) if blanks else np.flatnonzero(best != BLANK)
    totals = np.ones(len(scores), np.float32)
    totals[doubted] = softmax_totals(scores, peaks, doubted)
    unsure = np.flatnonzero(totals > 1 / settings.sure)
    # The best class weighs 1 and stays, however little of the whole that is.
    floors = peaks[unsure] + np.log(np.minimum(settings.least * totals[unsure], 1))
    # A flat search: NumPy's for places in two dimensions takes several times as long.
    rows, classes = np.divmod(np.flatnonzero(scores[unsure] >= floors[:, None]), scores.shape[1])
    probabilities = np.exp(scores[unsure[rows], classes] - peaks[unsure[rows]]) / totals[unsure[rows]]
    found: list[Frame] = [[] for _ in unsure]
    for row, number, probability in zip(rows.tolist(), classes.tolist(), probabilities.tolist(), strict=True):
        found[row].append((number, probability))
    candidates = dict(zip(unsure.tolist(), found, strict=True))
    frames: list[Frame] = []
    previous = None  # class of the frame before, if that was sure
    for frame, number in enumerate(best.tolist()):
        if frame in candidates:
            frames.append(sorted(candidates[frame], key=_probability, reverse=True)[: settings.candidates])
            previous = None
        elif number != previous:
            frames.append([(number, 1.0)])
            previous = number
    if allowed is None:
        return frames
    ids = allowed.tolist()
    return [[(ids[number], probability) for number, probability in frame] for frame in frames]


def choices(frames: list[Frame], model: LanguageModel, always: Container[int] = ()) -> list[Frame]:
    """Candidates among which a language model may choose: letters of the script of the frame's best class.

    Of marks, digits and spaces it knows only how they are set in the texts it was built from, which is not how they
    are set here; and so of the case of a word's first letter. Frames whose best class is a mark, a digit, a space or
    the blank are taken as they are.

    Args:
        always: ids that stay candidates, those of hot words.
    """
    scripts, other_case = model.scripts, model.other_case
    kept = []
    before, letter = 0, BLANK  # script of the character before the one that stands here
    for best, *rest in frames:
        script = scripts[best[0]]
        if best[0] not in (BLANK, letter):
            before, letter = scripts[letter], best[0]
        fixed = other_case[best[0]] if before != script else BLANK
        rest = [c for c in rest if (script and scripts[c[0]] == script and c[0] != fixed) or c[0] in always]
        kept.append([best, *rest])
    return kept


def _probability(candidate: tuple[int, float]) -> float:
    return candidate[1]
