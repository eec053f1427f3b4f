"""Building character n-gram models, and scoring with them."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.shipped import DEFAULT_LANGUAGE_MODEL
from crnn.language_model.build import LmConfig, build, read_corpus, select, to_tokens
from crnn.language_model.model import LanguageModel, token
from crnn.language_model.ngram import BEGIN, END, SPECIAL, Grams, estimate, write_arpa
from crnn.recognizer import Recognizer
from tests.configured import configured
from tests.sources import save_language_model

LETTERS = Charset("abcde ")
TEXT = ["abcab", "ab ab", "abcd", "cab", "ba", "abc abd", "dab"] * 3 + ["e"]

has_kenlm = pytest.mark.skipif(find_spec("kenlm") is None, reason="kenlm is not installed")


def grams(prune: list[int]) -> list[Grams]:
    return estimate(to_tokens(TEXT, LETTERS), len(SPECIAL) + len(LETTERS.characters), len(prune), prune)


def probability(model: list[Grams], context: tuple[int, ...], word: int) -> float:
    """P(word | context) by the rule of backing off, from the kept n-grams alone."""
    tables = [
        {
            tuple(words): (p, b)
            for words, p, b, kept in zip(g.words.tolist(), g.log_probabilities, g.log_backoffs, g.kept, strict=True)
            if kept
        }
        for g in model
    ]
    total = 0.0
    context = context[max(0, len(context) - len(model) + 1) :]
    while context and (*context, word) not in tables[len(context)]:
        total += tables[len(context) - 1].get(context, (0, 0.0))[1]
        context = context[1:]
    return 10 ** (total + tables[len(context)][(*context, word)][0])


@pytest.mark.parametrize("prune", [[0], [0, 0], [0, 0, 0], [0, 0, 1, 2], [0, 1, 1, 3, 3]])
def test_the_probabilities_of_what_may_follow_sum_to_one(prune: list[int]) -> None:
    model = grams(prune)
    words = [word for word in range(len(SPECIAL) + len(LETTERS.characters)) if word != BEGIN]
    a, b, c = (LETTERS.encode(x)[0] + 2 for x in "abc")
    for context in [(), (a,), (b,), (a, b), (BEGIN,), (BEGIN, a, b), (c, a, b), (b, b, b, b), (BEGIN, a, b, c)]:
        assert sum(probability(model, context, word) for word in words) == pytest.approx(1, abs=1e-9)


def test_pruned_n_grams_leave_no_orphans() -> None:
    model = grams([0, 0, 1, 2])
    kept = [{tuple(words) for words, k in zip(g.words.tolist(), g.kept, strict=True) if k} for g in model]
    for shorter, longer in pairwise(kept):
        assert {words[:-1] for words in longer} <= shorter and {words[1:] for words in longer} <= shorter


def test_thresholds_that_fall_are_refused() -> None:
    with pytest.raises(UserError, match="never fall"):
        grams([0, 2, 1])


def test_lines_are_told_apart() -> None:
    assert to_tokens(["ab", "", "e"], LETTERS).tolist() == [BEGIN, 3, 4, END, BEGIN, 7, END]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return save_language_model(tmp_path / "lm.npz", LETTERS, TEXT, [0, 0, 0])


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    path = tmp_path / "letters.arpa"
    write_arpa(grams([0, 0, 0]), [*SPECIAL, *map(token, LETTERS.characters)], path)
    return path


def scores(model: LanguageModel, text: str) -> list[float]:
    """Log-probability of each character of `text`."""
    state, found = model.start, []
    for id in LETTERS.encode(text):
        state, log_probability = model.extend(state, id)
        found.append(log_probability)
    return found


def test_a_model_scores_by_the_rule_of_backing_off(file: Path) -> None:
    model = LanguageModel(file, LETTERS)
    assert model.order == 3
    ids = LETTERS.encode("ab abdcedab")
    expected = [probability(grams([0, 0, 0]), tuple(i + 2 for i in ids[:n]), id + 2) for n, id in enumerate(ids)]
    assert [math.exp(score) for score in scores(model, "ab abdcedab")] == pytest.approx(expected, rel=1e-5)


@has_kenlm
def test_kenlm_scores_the_same(file: Path, arpa: Path) -> None:
    ours, theirs = LanguageModel(file, LETTERS), LanguageModel(arpa, LETTERS)
    assert theirs.order == ours.order
    assert scores(ours, "ab abdcedab") == pytest.approx(scores(theirs, "ab abdcedab"), abs=1e-4)


def test_text_like_the_source_is_the_less_perplexing(file: Path) -> None:
    model = LanguageModel(file, LETTERS)
    assert model.perplexity([LETTERS.encode("abcab")]) < model.perplexity([LETTERS.encode("cdbda")])


def test_it_has_no_say_on_characters_it_does_not_know(file: Path) -> None:
    other = Charset("x 門edcba")
    model = LanguageModel(file, other)
    assert model.scripts == [0, 0, 0, 0, 2, 2, 2, 2, 2]
    _, unknown = model.extend(model.start, other.encode("x")[0])
    _, known = model.extend(model.start, other.encode("a")[0])
    assert known > unknown > -math.inf


@pytest.mark.parametrize(
    ("content", "complaint"), [(None, "no language model at"), (b"junk", "not (a language|an n-gram) model")]
)
def test_a_file_that_is_no_model_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "lm.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=complaint) as caught:
        LanguageModel(path, LETTERS)
    assert "\n" not in str(caught.value)


def test_without_kenlm_one_sentence_says_how_to_install_it(arpa: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kenlm", None)  # what an absent package looks like to `import`
    with pytest.raises(UserError, match="pip install kenlm"):
        LanguageModel(arpa, LETTERS)


def test_the_shipped_model_prefers_words_to_what_looks_like_them() -> None:
    charset = Recognizer().info.charset
    model = LanguageModel(DEFAULT_LANGUAGE_MODEL, charset)
    for right, wrong in [("北京市海淀区", "北京市海淀匚"), ("已经完成", "己经完成"), ("the name of", "the narne of")]:
        assert model.perplexity([charset.encode(right)]) < model.perplexity([charset.encode(wrong)])


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two sources of prose, one of them with unclear rights, and one of another kind."""
    folder = tmp_path / "corpus"
    (folder / "train").mkdir(parents=True)
    (folder / "train" / "prose.txt").write_text("abc\nabd\ncab\n", encoding="utf-8")
    (folder / "train" / "ui.txt").write_text("ba\n", encoding="utf-8")
    sources = [("daily", "prose", 2), ("free", "prose", 1), ("menus", "ui", 1)]
    entries = [{"name": n, "kind": k, "split": "train", "lines": c, "license": "MIT"} for n, k, c in sources]
    (folder / "corpus.json").write_text(json.dumps({"sources": entries}), encoding="utf-8")
    return folder


def test_sources_can_be_left_out_by_name(corpus: Path) -> None:
    sources = select(read_corpus(corpus, "train"), ["daily"], {"prose": 100, "ui": 100})
    assert [(source.name, source.lines) for source in sources] == [("free", ["cab"]), ("menus", ["ba"])]


def test_kinds_keep_to_their_share(corpus: Path) -> None:
    assert [s.name for s in select(read_corpus(corpus, "train"), [], {"ui": 100})] == ["menus"]


def test_a_corpus_whose_list_does_not_fit_is_refused(corpus: Path) -> None:
    (corpus / "train" / "ui.txt").write_text("ba\nab\n", encoding="utf-8")
    with pytest.raises(UserError, match="does not fit"):
        read_corpus(corpus, "train")


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., LmConfig]:
    def make(**changes: object) -> LmConfig:
        LETTERS.save(tmp_path / "letters.txt")
        (tmp_path / "own.txt").write_text("\n".join(TEXT), encoding="utf-8")
        values = {
            "charset": str(tmp_path / "letters.txt"),
            "text": [str(tmp_path / "own.txt")],
            "order": 3,
            "prune": [0, 0, 0],
            "bits": 8,
            "corpus": None,
            "artifacts": str(tmp_path),
        }
        return configured(LmConfig, "lm", **{**values, **changes})

    return make


def test_own_text_alone_makes_a_model_that_says_what_it_is(config: Callable[..., LmConfig]) -> None:
    model = build(config())
    report = json.loads((model.parent / "lm.json").read_text(encoding="utf-8"))
    assert report["sources"][0]["name"] == "own text"
    assert report["text_characters"] == len("".join(TEXT))
    assert report["ngrams"][0] == len(SPECIAL) + len(LETTERS.characters)


def test_no_text_is_refused(config: Callable[..., LmConfig]) -> None:
    with pytest.raises(UserError, match="no text to build"):
        build(config(text=[]))


def test_the_same_model_can_be_had_as_text(config: Callable[..., LmConfig]) -> None:
    arpa = build(config(arpa=True)).with_name("lm.arpa")
    assert arpa.read_text(encoding="utf-8").startswith("\\data\\\nngram 1=9\n")


def test_fewer_bits_cost_little(config: Callable[..., LmConfig]) -> None:
    lines = [LETTERS.encode(line) for line in TEXT]
    full, coarse = (LanguageModel(build(config(bits=bits)), LETTERS) for bits in (8, 3))
    assert full.perplexity(lines) != coarse.perplexity(lines) == pytest.approx(full.perplexity(lines), rel=0.1)


def test_bits_out_of_range_are_refused(config: Callable[..., LmConfig]) -> None:
    with pytest.raises(UserError, match="1 to 8"):
        build(config(bits=9))
