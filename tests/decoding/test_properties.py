"""Every way of decoding, on lines of any length and with as many characters as the frames can hold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crnn.core.charset import BLANK, Charset
from crnn.decoding.beam import BeamDecoder
from crnn.decoding.ctc import CtcPath, frames_needed, greedy
from crnn.decoding.decoder import Decoder
from crnn.decoding.forced_alignment import align
from crnn.decoding.hot_words import HotWords, allowed_ids
from crnn.language_model.model import LanguageModel
from tests.sources import save_language_model

LETTERS = Charset("abcd")
MOST_FRAMES = 400


def noise(frames: int, seed: int) -> np.ndarray:
    """Logits of `frames` frames, some sure and some not."""
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 1, (frames, len(LETTERS))) * rng.choice([0.5, 3, 20], (frames, 1))).astype(np.float32)


def longest_text(frames: int, seed: int, repeats: bool) -> list[int]:
    """Ids that need as many of `frames` frames as there are, or one less."""
    rng = np.random.default_rng(seed)
    ids: list[int] = []
    while True:
        choice = [id for id in range(1, len(LETTERS)) if repeats or not ids or id != ids[-1]]
        longer = [*ids, int(rng.choice(choice))]
        if frames_needed(longer) > frames:
            return ids
        ids = longer


def check(path: CtcPath, frames: int) -> None:
    """What every decoder owes: characters in order, inside the line, with probabilities."""
    assert len(path.ids) == len(path.frames) == len(path.confidences)
    assert frames_needed(path.ids.tolist()) <= frames
    assert (path.ids != BLANK).all()
    assert ((path.frames >= 0) & (path.frames <= frames - 1)).all()
    assert all(a < b for a, b in pairwise(path.frames.tolist()))
    assert ((path.confidences >= 0) & (path.confidences <= 1)).all()
    assert np.isfinite(path.score) == bool(len(path.ids))


@settings(max_examples=60, deadline=None)
@given(frames=st.integers(1, MOST_FRAMES), seed=st.integers(0, 2**32 - 1), repeats=st.booleans())
@example(frames=64, seed=0, repeats=False)  # the first line whose states do not fit into seven bits
@example(frames=MOST_FRAMES, seed=0, repeats=False)
def test_alignment_places_as_many_characters_as_fit(frames: int, seed: int, repeats: bool) -> None:
    ids = longest_text(frames, seed, repeats)
    path = align(noise(frames, seed), ids)
    assert path.ids.tolist() == ids
    check(path, frames)
    if frames_needed(ids) == frames == len(ids):
        assert path.frames.tolist() == list(range(frames)), "there is one way alone"


@pytest.fixture(scope="module")
def decoders(tmp_path_factory: pytest.TempPathFactory) -> list[Decoder]:
    file = save_language_model(tmp_path_factory.mktemp("lm") / "lm.npz", LETTERS, ["acd", "bb", "cda"] * 20, [0, 0, 0])
    model, words = LanguageModel(file, LETTERS), HotWords({"acd": 1.5, "dab": 10.0}, LETTERS)
    few = allowed_ids("ad", LETTERS)
    return [
        greedy,
        lambda logits: greedy(logits, few),
        BeamDecoder(),
        BeamDecoder(model),
        BeamDecoder(model, words),
        BeamDecoder(model, words, few),
    ]


@settings(max_examples=30, deadline=None)
@given(frames=st.integers(1, MOST_FRAMES), seed=st.integers(0, 2**32 - 1))
@example(frames=MOST_FRAMES, seed=1)
def test_every_decoder_reads_lines_of_any_length(decoders: list[Decoder], frames: int, seed: int) -> None:
    for decode in decoders:
        check(decode(noise(frames, seed)), frames)


def test_a_beam_that_changes_a_long_line_still_places_it() -> None:
    """More characters than seven bits can count states of, and one of them doubtful."""
    logits = np.full((400, len(LETTERS)), -20, np.float32)
    logits[np.arange(400), np.where(np.arange(400) % 2, BLANK, 1 + np.arange(400) // 2 % 3)] = 0  # a_b_c_…
    logits[390] = logits[390].max() - 1
    logits[390, [1, 2]] = [0.0, -0.1]
    plain, changed = greedy(logits), BeamDecoder(hot_words=HotWords({"cbb": 3.0}, LETTERS))(logits)
    assert len(plain.ids) == len(changed.ids) == 200
    assert np.flatnonzero(plain.ids != changed.ids).tolist() == [195]
    assert changed.frames.tolist() == plain.frames.tolist()
