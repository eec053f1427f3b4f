"""From frames to characters with a beam, a language model and hot words."""

from __future__ import annotations

from collections.abc import Container
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from crnn.core.charset import BLANK, Charset
from crnn.core.errors import UserError
from crnn.decoding.beam import BeamDecoder
from crnn.decoding.beam_settings import BeamSettings
from crnn.decoding.candidates import choices, shortlist
from crnn.decoding.ctc import collapse, greedy
from crnn.decoding.decoder import DecodeOptions, make_decoder
from crnn.decoding.forced_alignment import align
from crnn.decoding.hot_words import HotWords, allowed_ids
from crnn.language_model.model import LanguageModel
from tests.sources import save_language_model

LETTERS = Charset("abcd")
EXHAUSTIVE = BeamSettings(width=10_000, candidates=99, sure=1.0, least=1e-12, margin=1e9)


def frames(*mixtures: dict[str, float]) -> np.ndarray:
    """Logits whose softmax is the given mixture in each frame; `_` is the blank, the rest share what is left."""
    rows = []
    for mixture in mixtures:
        row = np.full(len(LETTERS), (1 - sum(mixture.values())) / len(LETTERS) + 1e-9)
        for character, probability in mixture.items():
            row[BLANK if character == "_" else LETTERS.encode(character)[0]] = probability
        rows.append(np.log(row))
    return np.array(rows, np.float32)


def read(decoder: BeamDecoder, logits: np.ndarray) -> str:
    return LETTERS.decode_ids(decoder(logits).ids)


def test_the_beam_sums_over_paths_where_greedy_takes_one() -> None:
    logits = frames({"_": 0.55, "a": 0.45}, {"_": 0.55, "a": 0.45})
    assert LETTERS.decode_ids(greedy(logits).ids) == ""
    assert read(BeamDecoder(), logits) == "a", "0.7 in all, against 0.3 for no character"


@pytest.mark.parametrize("seed", range(20))
def test_a_beam_that_prunes_nothing_finds_the_likeliest_text(seed: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 2, (5, 4)).astype(np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    texts: dict[tuple[int, ...], float] = {}
    for path in product(range(4), repeat=5):
        text = tuple(collapse(path))
        texts[text] = texts.get(text, 0) + float(np.prod(probabilities[np.arange(5), path]))
    assert tuple(BeamDecoder(settings=EXHAUSTIVE)(logits).ids.tolist()) == max(texts, key=lambda text: texts[text])


def test_sure_frames_have_one_candidate_and_equal_ones_become_one() -> None:
    logits = frames({"_": 0.999}, {"_": 0.999}, {"a": 0.999}, {"a": 0.6, "b": 0.39}, {"_": 0.999})
    found = shortlist(logits, BeamSettings(sure=0.99, least=0.01))
    assert [[id for id, _ in frame] for frame in found] == [[0], [1], [1, 2], [0]]
    assert found[2] == [(1, pytest.approx(0.6, abs=0.01)), (2, pytest.approx(0.39, abs=0.01))]


def test_blanks_are_taken_as_they_are_where_nothing_could_replace_them(model: LanguageModel) -> None:
    logits = frames({"_": 0.6, "a": 0.39}, {"a": 0.6, "b": 0.39}, {"_": 0.5, "b": 0.49})
    found = shortlist(logits, BeamSettings(), blanks=False)
    assert [[id for id, _ in frame] for frame in found] == [[0], [1, 2], [0]]
    assert BeamDecoder(model).search(found) == BeamDecoder(model).search(shortlist(logits, BeamSettings())) == [1]
    assert read(BeamDecoder(model, HotWords({"ab": 3.0}, LETTERS)), logits) == "ab"  # a hot word could


def test_at_most_the_best_candidates_leave_a_frame() -> None:
    logits = frames({"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1})
    assert [[id for id, _ in frame] for frame in shortlist(logits, BeamSettings(candidates=2))] == [[1, 2]]


def test_a_frame_in_which_nothing_is_likely_keeps_its_best_class() -> None:
    logits = frames({"a": 0.999}, {"c": 0.24}, {"_": 0.999})
    settings = BeamSettings(least=0.4)
    assert [[id for id, _ in frame] for frame in shortlist(logits, settings)] == [[1], [3], [0]]
    assert read(BeamDecoder(settings=settings), logits) == "ac"


def test_where_every_frame_is_sure_the_reading_is_the_greedy_one() -> None:
    logits = frames({"a": 0.999}, {"_": 0.999}, {"a": 0.999}, {"b": 0.999})
    path, expected = BeamDecoder()(logits), greedy(logits)
    assert path.ids.tolist() == expected.ids.tolist() == LETTERS.encode("aab")
    assert path.frames.tolist() == expected.frames.tolist()
    assert path.confidences.tolist() == expected.confidences.tolist()


def test_no_frames_read_as_nothing() -> None:
    assert read(BeamDecoder(), np.empty((0, len(LETTERS)), np.float32)) == ""


RETRY_BELOW = frames({"a": 0.999}, {"_": 0.999}, {"b": 0.6, "c": 0.39}, {"_": 0.999}, {"d": 0.999})


def test_a_hot_word_wins_where_the_recognizer_is_unsure() -> None:
    assert read(BeamDecoder(), RETRY_BELOW) == "abd"
    assert read(BeamDecoder(hot_words=HotWords({"acd": 1.0}, LETTERS)), RETRY_BELOW) == "acd"
    assert read(BeamDecoder(hot_words=HotWords({"acc": 1.0}, LETTERS)), RETRY_BELOW) == "abd", "left unfinished"


def test_hot_words_are_replaced_without_rebuilding() -> None:
    decoder = BeamDecoder()
    decoder.hot_words = HotWords({"acd": 1.0}, LETTERS)
    assert read(decoder, RETRY_BELOW) == "acd"


def test_a_line_keeps_the_dictionary_it_began_with() -> None:
    class Busy(BeamDecoder):
        """Whose dictionary somebody replaces whenever it is looked at."""

        looks = 0

        @property
        def hot_words(self) -> HotWords | None:
            self.looks += 1
            return HotWords({"acd" if self.looks % 2 else "abd": 1.0}, LETTERS)

        @hot_words.setter
        def hot_words(self, words: HotWords | None) -> None:
            pass

    steady = BeamDecoder(hot_words=HotWords({"acd": 1.0}, LETTERS))(RETRY_BELOW)
    assert LETTERS.decode_ids(steady.ids) == "acd"
    assert Busy()(RETRY_BELOW).score == steady.score


def test_the_score_is_of_the_text_that_was_chosen() -> None:
    words = HotWords({"acd": 1.0}, LETTERS)
    path = BeamDecoder(hot_words=words)(RETRY_BELOW)
    assert path.score == pytest.approx(float(np.log(path.confidences).sum()) + 3 * 1.0, abs=1e-5)


def test_the_recognizer_is_not_overruled_where_it_is_sure() -> None:
    sure = frames({"a": 0.999}, {"_": 0.999}, {"b": 0.985, "c": 0.014}, {"_": 0.999}, {"d": 0.999})
    words = HotWords({"acd": 10.0}, LETTERS)
    assert read(BeamDecoder(hot_words=words, settings=BeamSettings(sure=0.995)), sure) == "acd"
    assert read(BeamDecoder(hot_words=words, settings=BeamSettings(sure=0.98)), sure) == "abd"


def test_a_changed_character_keeps_its_place_and_the_networks_own_confidence() -> None:
    path = BeamDecoder(hot_words=HotWords({"acd": 1.0}, LETTERS))(RETRY_BELOW)
    assert path.frames.tolist() == [0, 2, 4]
    assert path.confidences.tolist() == pytest.approx([0.999, 0.39, 0.999], abs=0.01)


def test_only_allowed_characters_are_read() -> None:
    decoder = BeamDecoder(allowed=allowed_ids("acd", LETTERS))
    path = decoder(RETRY_BELOW)
    assert LETTERS.decode_ids(path.ids) == "acd"
    assert path.confidences[1] == pytest.approx(0.39, abs=0.01)
    assert read(BeamDecoder(allowed=allowed_ids("ad", LETTERS)), RETRY_BELOW) in ("ad", "aad", "add")


def test_the_same_line_always_reads_the_same() -> None:
    logits = np.random.default_rng(3).normal(0, 1, (40, 5)).astype(np.float32)
    decoder = BeamDecoder(hot_words=HotWords({"abcd": 1.0}, LETTERS))
    first = decoder(logits)
    for _ in range(3):
        again = decoder(logits)
        assert again.ids.tolist() == first.ids.tolist()
        assert again.confidences.tolist() == first.confidences.tolist()


@pytest.fixture
def model(tmp_path: Path) -> LanguageModel:
    """A model of a language in which `c` stands between `a` and `d`."""
    lines = ["acd", "acd", "bb", "cda"] * 20
    return LanguageModel(save_language_model(tmp_path / "lm.npz", LETTERS, lines, [0, 0, 0]), LETTERS)


def test_a_language_model_chooses_among_what_the_recognizer_offers(model: LanguageModel) -> None:
    assert read(BeamDecoder(model), RETRY_BELOW) == "acd"
    assert read(BeamDecoder(model, settings=BeamSettings(lm_weight=0.0)), RETRY_BELOW) == "abd"


def test_a_language_model_sees_what_follows(model: LanguageModel) -> None:
    first_unsure = frames({"b": 0.6, "a": 0.39}, {"_": 0.999}, {"c": 0.999}, {"_": 0.999}, {"d": 0.999})
    assert read(BeamDecoder(model, settings=BeamSettings(lm_weight=0.4)), first_unsure) == "acd"


@pytest.mark.parametrize("seed", range(20))
def test_sure_frames_between_others_change_nothing_about_which_text_is_likeliest(
    model: LanguageModel, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(9):
        several = rng.permutation(5)[: rng.choice([1, 1, 3])].tolist()
        found.append(
            [(id, float(share)) for id, share in zip(several, rng.dirichlet(np.ones(len(several))), strict=True)]
        )
    found = [sorted(frame, key=lambda candidate: -candidate[1]) for frame in found]
    texts: dict[tuple[int, ...], float] = {}
    for path in product(*choices(found, model)):
        text = tuple(collapse([id for id, _ in path]))
        texts[text] = texts.get(text, 0) + float(np.prod([probability for _, probability in path]))

    def score(text: tuple[int, ...]) -> float:
        total, state = float(np.log(texts[text])), model.start
        for id in text:
            state, support = model.support(state, id)
            total += EXHAUSTIVE.lm_weight * support
        return total

    assert score(tuple(BeamDecoder(model, settings=EXHAUSTIVE).search(found))) == pytest.approx(max(map(score, texts)))


def test_texts_that_end_alike_keep_no_other_out(model: LanguageModel) -> None:
    blank, a, b, c, d = range(5)
    sure = {id: [(id, 1.0)] for id in range(5)}
    either = [(b, 0.52), (d, 0.48)]
    beginning = [either, sure[blank], either, sure[blank], sure[c], sure[blank], sure[a], sure[blank]]
    frames = [*beginning, [(b, 0.8), (c, 0.2)], sure[blank], sure[d]]
    narrow = BeamDecoder(model, settings=BeamSettings(width=3))
    assert narrow.search(frames)[-4:] == [c, a, c, d]


MIXED = Charset("中文aAb.")


@pytest.fixture
def mixed(tmp_path: Path) -> LanguageModel:
    return LanguageModel(save_language_model(tmp_path / "mixed.npz", MIXED, ["中文aAb."], [0, 0]), MIXED)


def candidates(*frames: str, model: LanguageModel, always: Container[int] = ()) -> list[str]:
    """What of the candidates of each frame is left to choose from; `_` is the blank."""
    ids = {"_": BLANK, **{c: MIXED.encode(c)[0] for c in MIXED.characters}}
    names = {id: c for c, id in ids.items()}
    given = [[(ids[c], 1 / len(frame)) for c in frame] for frame in frames]
    return ["".join(names[id] for id, _ in frame) for frame in choices(given, model, always)]


def test_a_language_model_chooses_among_letters_of_one_script_alone(mixed: LanguageModel) -> None:
    assert candidates("中文a_", ".中", "_文", ".", model=mixed) == ["中文", ".", "_", "."]


def test_it_does_not_choose_the_case_of_a_words_first_letter(mixed: LanguageModel) -> None:
    assert candidates("aAb", "b", "aAb", model=mixed) == ["ab", "b", "aAb"]
    assert candidates("中", "aAb", "_", "aAb", ".", "aA", model=mixed) == ["中", "ab", "_", "ab", ".", "a"]


def test_beside_a_language_model_hot_words_of_any_kind_are_still_read(mixed: LanguageModel) -> None:
    words = HotWords({"a.": 1.0}, MIXED)
    assert candidates("中文a_", "中.", "_.", model=mixed, always=words.ids) == ["中文a", "中.", "_."]


def test_where_the_context_says_nothing_the_common_character_has_no_advantage(tmp_path: Path) -> None:
    lm = save_language_model(tmp_path / "lm.npz", LETTERS, ["ab", *["c"] * 50, "d"], [0, 0])
    logits = frames({"b": 0.999}, {"_": 0.999}, {"d": 0.5, "c": 0.4})
    assert read(BeamDecoder(LanguageModel(lm, LETTERS), settings=BeamSettings(lm_weight=2)), logits) == "bd"


def test_the_options_name_a_decoder(tmp_path: Path) -> None:
    assert isinstance(make_decoder(LETTERS, DecodeOptions()), BeamDecoder)
    assert make_decoder(LETTERS, DecodeOptions(method="greedy")) is greedy
    words = tmp_path / "words.txt"
    words.write_text("acd\t1\n", encoding="utf-8")
    decoder = make_decoder(LETTERS, DecodeOptions(method="beam", hot_words=words))
    assert LETTERS.decode_ids(decoder(RETRY_BELOW).ids) == "acd"
    digits = make_decoder(LETTERS, DecodeOptions("greedy", allow="acd"))
    assert LETTERS.decode_ids(digits(RETRY_BELOW).ids) == "acd"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (DecodeOptions(method="best"), "unknown decoding method"),
        (DecodeOptions("greedy", hot_words=Path("words.txt")), "need the decoding method beam"),
        (DecodeOptions(method="beam", hot_words=Path("absent.txt")), "absent.txt"),
        (DecodeOptions(allow="xyz"), "cannot read"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: DecodeOptions, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        make_decoder(LETTERS, options)


def test_settings_are_checked() -> None:
    for wrong in ({"width": 0}, {"sure": 0.3}, {"least": 0.0}, {"margin": 0.0}, {"lm_weight": -1.0}):
        with pytest.raises(UserError):
            BeamSettings(**wrong)


def test_alignment_finds_the_frames_of_a_text() -> None:
    logits = frames({"a": 0.9}, {"a": 0.5}, {"_": 0.9}, {"b": 0.4, "c": 0.5}, {"_": 0.9}, {"b": 0.9})
    path = align(logits, LETTERS.encode("abb"))
    assert path.frames.tolist() == [0.5, 3, 5]
    assert path.confidences.tolist() == pytest.approx([0.9, 0.4, 0.9], abs=0.02)


def test_alignment_puts_a_blank_between_equal_neighbors() -> None:
    logits = frames({"a": 0.9}, {"a": 0.9}, {"a": 0.9})
    assert align(logits, LETTERS.encode("aa")).frames.tolist() == [0, 2]
    with pytest.raises(ValueError, match="do not fit"):
        align(logits, LETTERS.encode("aaa"))


def test_alignment_of_no_text_is_empty() -> None:
    assert len(align(frames({"_": 0.9}), []).ids) == 0


def test_where_looks_compare_a_likely_text_scores_more(model: LanguageModel) -> None:
    likely, unlikely = (frames({a: 0.9}, {"_": 0.9}, {b: 0.9}) for a, b in ("cd", "da"))
    assert greedy(likely).score == pytest.approx(greedy(unlikely).score, abs=1e-6)
    decoder = BeamDecoder(model)
    assert decoder(likely).score > decoder(unlikely).score


def test_where_looks_compare_hot_words_speak_for_their_text() -> None:
    boosted, other = (frames({a: 0.9}, {"_": 0.9}, {b: 0.9}) for a, b in ("ac", "da"))
    decoder = BeamDecoder(hot_words=HotWords({"ac": 1.5}, LETTERS))
    assert decoder(boosted).score == pytest.approx(decoder(other).score + 2 * 1.5)


def test_a_look_that_shows_nothing_never_wins() -> None:
    assert greedy(frames({"_": 1.0})).score == BeamDecoder()(frames({"_": 1.0})).score == -np.inf
