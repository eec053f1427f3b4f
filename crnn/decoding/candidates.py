"""The classes of each frame among which a beam search may choose."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from crnn.core.charset import BLANK
from crnn.decoding.beam_settings import BeamSettings
from crnn.decoding.peaks import Peaks
from crnn.language_model.model import LanguageModel

Frame = list[tuple[int, float]]  # candidates of a frame: class and probability, the likeliest first


def shortlist(
    logits: np.ndarray,
    settings: BeamSettings,
    allowed: np.ndarray | None = None,
    blanks: bool = True,
    peaks: Peaks | None = None,
) -> list[Frame]:
    """The few classes of each frame that a search needs; equal sure frames in a row become one.

    Args:
        logits: float32 (T, C), unnormalized.
        allowed: ids that may be read; probabilities are then shares among these.
        blanks: whether a frame whose best class is the blank may be unsure; three frames of four are such.
        peaks: `Peaks.of(logits, blanks)` where it is at hand.
    """
    scores = logits if allowed is None else logits[:, allowed]
    if peaks is None or allowed is not None:
        peaks = Peaks.of(scores, blanks)
    unsure = np.flatnonzero(peaks.totals > 1 / settings.sure)
    highest, totals = peaks.scores[unsure], peaks.totals[unsure]
    # The best class weighs 1 and stays, however little of the whole that is.
    floors = highest + np.log(np.minimum(settings.least * totals, 1))
    # A flat search: NumPy's for places in two dimensions takes several times as long.
    rows, classes = np.divmod(np.flatnonzero(scores[unsure] >= floors[:, None]), scores.shape[1])
    probabilities = np.exp(scores[unsure[rows], classes] - highest[rows]) / totals[rows]
    found: list[Frame] = [[] for _ in unsure]
    for row, number, probability in zip(rows.tolist(), classes.tolist(), probabilities.tolist(), strict=True):
        found[row].append((number, probability))
    candidates = dict(zip(unsure.tolist(), found, strict=True))
    frames: list[Frame] = []
    previous = None  # class of the frame before, if that was sure
    for frame, number in enumerate(peaks.classes.tolist()):
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
