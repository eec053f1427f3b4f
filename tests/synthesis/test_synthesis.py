"""Lines are drawn from (seed, index) alone; labels and centers say what is in the picture."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from crnn.core.canvas import CanvasSpec
from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.image.preprocess import to_canvas
from data.synthesis.compose import Frame, compose, frame_of
from data.synthesis.degrade import CHAIN, degrade
from data.synthesis.faces import Face, Faces, read_faces
from data.synthesis.glyphs import Style
from data.synthesis.rand import Rand
from data.synthesis.sample import Line, Synthesizer
from data.synthesis.settings import (
    Effect,
    FaceSettings,
    Length,
    Recipe,
    Span,
    SynthesisSettings,
    TextSettings,
)
from data.synthesis.text import Corpus, Writer, window
from data.synthesis.typeset import Typeset, typeset
from tests.sources import ASCII, write_sources


def always(low: float, high: float | None = None) -> Span:
    return Span(1.0, low, low if high is None else high)


PLAIN = Recipe(size=always(24), above=always(0.1), below=always(0.1), paper=always(255), contrast=always(255))
ROUGH = replace(
    PLAIN,
    contrast=always(120),
    texture=always(0.1),
    neighbors=always(1.2),
    tilt=always(-0.2, 0.2),
    perspective=always(0.05),
    curve=always(0.1),
    blur=Effect(1, 0.1, 0.5),
    noise=Effect(1, 2, 5),
    jpeg=Effect(1, 90, 60),
)
SETTINGS = SynthesisSettings(
    text=TextSettings(
        kinds={"english": 0.5, "forms": 0.2, "uniform": 0.2, "codes": 0.1},
        zh_lengths=[Length(1, 1, 20)],
        en_lengths=[Length(1, 1, 40)],
        symbols=0.5,
        upper=0.2,
    ),
    recipes={"plain": replace(PLAIN, weight=1), "rough": replace(ROUGH, weight=1)},
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sources(tmp_path_factory.mktemp("sources"))


def make(sources: Path, settings: SynthesisSettings = SETTINGS, split: str = "train", **options: object) -> Synthesizer:
    folder = sources / "fonts" / "quick" / "fonts.json", sources / "corpus" / "quick"
    return Synthesizer(settings, ASCII, *folder, split, **options)  # type: ignore[arg-type]


def same(a: Line, b: Line) -> bool:
    pixels = a.pixels.shape == b.pixels.shape and bool((a.pixels == b.pixels).all())
    return pixels and (a.label, a.category) == (b.label, b.category) and bool((a.centers == b.centers).all())


def test_a_line_depends_on_seed_and_index_alone(sources: Path) -> None:
    one, other = make(sources), make(sources)
    assert all(same(one.line(7, i), other.line(7, i)) for i in (5, 3, 11, 5))
    assert not same(one.line(7, 5), one.line(8, 5))


def test_labels_centers_and_pictures_belong_together(sources: Path) -> None:
    synthesizer = make(sources)
    canvas = CanvasSpec()
    for i in range(150):
        line = synthesizer.line(1, i)
        assert line.label == ASCII.fold(line.label) and not ASCII.missing(line.label)
        assert line.centers.dtype == np.float32 and line.centers.shape == (len(line.label),)
        assert (np.diff(line.centers) >= 0).all() and line.centers[0] >= 0 and line.centers[-1] < line.pixels.shape[1]
        assert line.pixels.dtype == np.uint8 and line.pixels.shape[0] <= SETTINGS.max_height
        drawn = to_canvas(line.pixels, canvas)
        repeats = sum(a == b for a, b in pairwise(line.label))
        assert drawn.pixels.shape[1] <= canvas.max_width and len(line.label) + repeats <= drawn.content_width / 4


@pytest.mark.parametrize("name", ["plain", "bent"])
def test_each_center_lies_on_its_character(sources: Path, name: str) -> None:
    recipe = replace(PLAIN, spacing=always(0.6))
    if name == "bent":
        recipe = replace(recipe, tilt=always(0.15), perspective=always(0.06), curve=always(0.08))
    face = Faces.load(sources / "fonts" / "quick" / "fonts.json", "train", FaceSettings()).choose("zh", Rand(0, 0))
    for i in range(10):
        rand = Rand(3, i)
        line = typeset("|" * 12, face, None, Style(24), recipe, rand)
        frame = frame_of(line, recipe, rand)
        assert frame is not None
        crop = compose(line, frame, recipe, rand)
        middle = crop.pixels[crop.pixels.shape[0] // 3 : -crop.pixels.shape[0] // 3].mean(axis=0)
        dark = np.flatnonzero(middle < 128)
        strokes = [run.mean() for run in np.split(dark, np.flatnonzero(np.diff(dark) > 1) + 1)]
        assert np.abs(np.array(strokes) - crop.centers).max() < 2.0


def test_a_line_is_spaced_as_programs_space_it(sources: Path) -> None:
    faces = Faces.load(sources / "fonts" / "quick" / "fonts.json", "train", FaceSettings())
    face, latin = faces.choose("zh", Rand(0, 0)), faces.choose("en", Rand(0, 0))

    def edges(text: str, recipe: Recipe) -> np.ndarray:
        line = typeset(text, face, latin, Style(40), recipe, Rand(1, 1))
        assert line.centers.shape == (len(text),) and line.edges.shape == (len(text) + 1,)
        return line.edges - line.edges[0]

    plain = edges("a中b c", PLAIN)
    assert edges("a中b c", replace(PLAIN, latin_gap=always(0.25)))[-1] == plain[-1] + 20  # two joints of 10 pixels
    assert edges("a中b c", replace(PLAIN, spacing=always(0.1)))[-1] == plain[-1] + 16  # four gaps of 4, none at the end
    gap = np.diff(edges("a中b c", replace(PLAIN, wide_gap=always(1.5))))[3]
    assert gap == 60
    assert np.allclose(
        np.diff(edges("abab", replace(PLAIN, latin_scale=always(0.5)))), np.diff(edges("abab", PLAIN)) / 2
    )
    assert (
        edges("abcd", replace(PLAIN, spacing=always(0.5)))[-1] < edges("abcd", PLAIN)[-1] + 3 * 20
    )  # Latin stays closer


def test_an_illegible_copy_is_not_made() -> None:
    faint = np.full((32, 200), 200, np.float32)
    faint[::7] += np.tile(np.linspace(-3, 3, 200, dtype=np.float32), (5, 1))
    assert (dict(CHAIN)["threshold"](faint, 40, Rand(0, 1)) == faint).all()


def test_turns_make_every_category_equally_frequent(sources: Path) -> None:
    cells = [(["english"], "plain"), (["forms"], "rough"), (["prose"], "plain")]
    synthesizer = make(sources, replace(SETTINGS, text=replace(SETTINGS.text, kinds={})), cells=cells)
    # the ASCII charset has no hanzi, so a Chinese kind finds no text at all
    assert [synthesizer.line(1, i).category for i in (0, 1, 3, 4)] == ["en_plain", "forms_rough"] * 2
    with pytest.raises(UserError, match="held nothing inside the charset"):
        synthesizer.line(1, 2)


def test_a_face_is_never_asked_for_what_it_lacks(sources: Path) -> None:
    drawn = read_faces(sources / "fonts" / "quick" / "fonts.json", "train")[0]
    without_digits = replace(drawn, missing=frozenset("0123456789"))
    assert without_digits.lacks("Room 7") and not without_digits.lacks("Room")
    assert drawn.lacks("房间")  # not in the font, though nobody checked it against a charset with hanzi


def test_designs_vary_in_training_alone(sources: Path) -> None:
    varied = replace(SETTINGS, faces=FaceSettings(across=always(0.03), pull=always(-0.2, 0.2)))
    swaying = replace(SETTINGS, faces=FaceSettings(sway=always(0.05)))
    for split, alike in (("test", True), ("train", False)):
        for other in (varied, swaying):
            drawn = [make(sources, settings, split=split).line(1, 0).pixels for settings in (SETTINGS, other)]
            assert np.array_equal(*drawn) == alike


def test_an_outline_moves_between_its_baseline_and_its_cap_height(sources: Path) -> None:
    face = read_faces(sources / "fonts" / "quick" / "fonts.json", "train")[0]
    plain, lowered = (face.glyph("E", Style(100, pull=(0.0, pull))) for pull in (0.0, 0.2))
    assert abs(lowered.top - plain.top) <= 1 and abs(len(lowered.bitmap) - len(plain.bitmap)) <= 1

    def middle_bar(bitmap: np.ndarray) -> float:
        filled = (bitmap > 128).mean(axis=1)
        rows = np.flatnonzero(filled[20:-20] > 0.6) + 20
        return float(rows.mean())

    assert middle_bar(lowered.bitmap) - middle_bar(plain.bitmap) == pytest.approx(0.2 * 36, abs=1.5)
    heavy = face.glyph("E", Style(100, across=0.05))
    assert heavy.bitmap.shape[0] == plain.bitmap.shape[0] + 5 and heavy.bitmap.shape[1] == plain.bitmap.shape[1]


def test_each_letter_sways_in_its_own_way_and_keeps_its_place(sources: Path) -> None:
    face = read_faces(sources / "fonts" / "quick" / "fonts.json", "train")[0]
    still, swaying = (typeset("HHH", face, None, Style(100, sway=sway), PLAIN, Rand(1, 1)) for sway in (0.0, 0.05))
    assert np.array_equal(still.edges, swaying.edges)
    bounds = np.rint(still.edges).astype(int)
    first, second = (swaying.ink[:, bounds[i] : bounds[i] + bounds[1] - bounds[0]] for i in (0, 1))
    assert (np.abs(first.astype(int) - second) > 128).mean() > 0.03  # two letters, drawn differently
    for drawn in (first, second):  # each where the design has it, and as heavy
        design = still.ink[:, bounds[0] : bounds[1]]
        assert int(drawn.sum()) == pytest.approx(int(design.sum()), rel=0.25)
        assert np.average(np.arange(len(drawn)), weights=drawn.sum(1)) == pytest.approx(
            np.average(np.arange(len(design)), weights=design.sum(1)), abs=8
        )


def test_another_face_draws_what_one_lacks(sources: Path) -> None:
    face, other = read_faces(sources / "fonts" / "quick" / "fonts.json", "train")[:2]
    digits = replace(face, missing=frozenset("0123456789"))
    mixed = typeset("ab12", digits, None, Style(40), PLAIN, Rand(1, 1), substitute=other)
    half = round(float(mixed.edges[2]))
    for part, of in ((slice(None, half), digits), (slice(half, None), other)):
        text = "ab" if of is digits else "12"
        alone = typeset(text, of, None, Style(40), PLAIN, Rand(1, 1))
        assert int(mixed.ink[:, part].sum()) == pytest.approx(int(alone.ink.sum()), rel=0.02)


def test_lineages_of_many_faces_do_not_crowd_out_the_others() -> None:
    faces = [Face(f"a{i}", Path("a"), 0, "zh", "a", frozenset()) for i in range(9)]
    faces.append(Face("b", Path("b"), 0, "zh", "b", frozenset()))
    turns = [Faces(faces, FaceSettings(lineage_power=0.5)).choose("zh", Rand(0, i)).lineage for i in range(600)]
    assert 0.65 < turns.count("a") / len(turns) < 0.85  # 3 : 1, not 9 : 1
    emphasized = Faces(faces, FaceSettings(lineage_power=0.5, emphasis={"b": 30.0}))
    assert [emphasized.choose("zh", Rand(0, i)).lineage for i in range(100)].count("b") > 80


def test_a_face_without_the_script_gives_way_to_a_chinese_one() -> None:
    assert Faces([Face("z", Path("z"), 0, "zh", "z", frozenset())], FaceSettings()).choose("en", Rand(0, 0)).id == "z"


@pytest.mark.parametrize(("name", "value"), [
    ("fade", 0.4), ("shadow", 0.4), ("motion", 3), ("blur", 1), ("low_resolution", 12), ("noise", 8), ("grain", 8),
    ("salt", 0.01), ("halftone", 10), ("moire", 8), ("streaks", 8), ("sharpen", 1), ("threshold", 40), ("jpeg", 40),
])  # fmt: skip
def test_each_damage_changes_the_picture_and_keeps_its_size(name: str, value: float) -> None:
    page = np.full((36, 160), 220, np.uint8)
    cv2.putText(page, "damage", (10, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 30, 2)
    picture = page.astype(np.float32)
    for i in range(8):
        damaged = np.asarray(dict(CHAIN)[name](picture.copy(), value, Rand(4, i)))
        assert damaged.shape == picture.shape and np.isfinite(damaged).all()
        assert np.abs(damaged - picture).max() > 2


@pytest.mark.parametrize(("name", "value"), [("clutter", 0.5), ("glow", 0.15), ("depth", 0.1), ("drop_shadow", 0.1)])
def test_what_signs_show_leaves_their_letters_legible(name: str, value: float) -> None:
    ink = np.zeros((40, 160), np.uint8)
    cv2.putText(ink, "SIGN", (20, 32), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 255, 3)
    line = Typeset(ink, np.zeros(4, np.float32), np.zeros(5, np.float32), em=32, baseline=32)
    plain = Recipe(paper=always(60), contrast=always(120), light_on_dark=1.0)
    adorned = replace(plain, **{name: always(value)})
    letters, around = ink > 200, ink == 0
    for i in range(20):
        without, shown = (
            compose(line, Frame(0, 0, 160, 40, (20, 10, 130, 33)), recipe, Rand(6, i)).pixels
            for recipe in (plain, adorned)
        )
        assert np.abs(shown - without).max() > 2
        assert abs(shown[letters].mean() - shown[around].mean()) > 40


def test_strength_scales_damage() -> None:
    picture = np.tile(np.arange(160, dtype=np.float32), (36, 1))
    rand = Rand(1, 1)
    rand.strength = 0.0
    assert (degrade(picture, ROUGH, rand) == picture).all()
    values = {}
    for strength in (0.2, 1.0):
        values[strength] = []
        for i in range(200):
            rand = Rand(1, i)
            rand.strength = strength
            values[strength].append(rand.effect(Effect(1, 90, 30)) or 90)
    assert min(values[0.2]) > 75 and min(values[1.0]) < 35


@pytest.mark.parametrize("i", range(20))
def test_windows_are_cut_where_a_typesetter_would(i: int) -> None:
    text = "数据中心（网络）具有高带宽、高突发的需求，TCP 协议栈因为它能适应 bandwidth 的要求而被采用。"
    cut = window(text, 12, Rand(5, i))
    assert cut in text and 0 < len(cut) <= 13
    assert cut[0] not in "，。、）" and cut[-1] not in "（"
    assert all(word in text.replace("，", " ").split(" ") for word in cut.split() if word.isascii())


def test_a_short_text_is_taken_whole_and_a_long_word_runs_on() -> None:
    assert window("Thank you", 20, Rand(0, 0)) == "Thank you"
    assert window("incomprehensibilities", 5, Rand(0, 0)) == "incomprehensibilities"


def test_rare_characters_are_written_as_often_as_common_ones(sources: Path) -> None:
    settings = TextSettings(kinds={"uniform": 1.0}, zh_lengths=[Length(1, 10, 10)], en_lengths=[Length()], symbols=0)
    charset = Charset("一丁七万丈三上下不与")
    writer = Writer(settings, charset, sources / "corpus" / "quick", "train")
    written = "".join(writer.write("uniform", Rand(2, i)) for i in range(200))
    assert min(written.count(c) for c in charset.characters) > 130


def test_characters_at_random_are_those_the_face_draws(sources: Path) -> None:
    settings = TextSettings(kinds={"uniform": 1.0}, zh_lengths=[Length(1, 10, 10)], en_lengths=[Length()], symbols=0)
    writer = Writer(settings, Charset("一丁七万丈三上下不与"), sources / "corpus" / "quick", "train")
    texts = [writer.write("uniform", Rand(2, i), drawn=lambda c: c in "一丁七三上下") for i in range(200)]
    assert sum(set(text) <= set("一丁七三上下") for text in texts) > 190  # a face of little is asked for others at last


def test_codes_and_quotes_are_written_as_people_write_them(tmp_path: Path) -> None:
    sources = write_sources(tmp_path)
    (sources / "corpus" / "quick" / "train" / "prose.txt").write_text('他说"好"，又说"走"。\n', encoding="utf-8")
    settings = TextSettings(
        kinds={"codes": 0.5, "prose": 0.5},
        zh_lengths=[Length(1, 20, 20)],
        en_lengths=[Length(1, 30, 30)],
        look_alikes=0,
        curly_quotes=1,
    )
    charset = Charset('0123456789ABCIOZ他说好又走，。“”"')
    writer = Writer(settings, charset, sources / "corpus" / "quick", "train")
    codes = "".join(writer.write("codes", Rand(3, i)) for i in range(60))
    assert set("ABCZ") <= set(codes) and codes.count("O") < codes.count("Z")
    assert writer.write("prose", Rand(3, 0)) == "他说“好”，又说“走”。"
    assert max(len(writer.write("prose", Rand(3, i), brief=True)) for i in range(30)) <= 7


def test_missing_sources_say_what_to_run(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="make fonts"):
        Faces.load(tmp_path / "fonts.json", "train", FaceSettings())
    with pytest.raises(UserError, match="make corpus"):
        Corpus(tmp_path, "train", ["prose"])
    with pytest.raises(UserError, match=r"no train text of kind 'poems'.*kinds\.poems=0"):
        Corpus(sources / "corpus" / "quick", "train", ["poems"])
    with pytest.raises(UserError, match="no recipe 'fax'"):
        make(sources, cells=[(["english"], "fax")])


def test_a_recipe_that_cannot_be_met_says_so(sources: Path) -> None:
    huge_margins = replace(PLAIN, left=always(60))
    with pytest.raises(UserError, match="attempts at a english line of recipe 'wide' all failed"):
        make(sources, replace(SETTINGS, recipes={"wide": huge_margins}), cells=[(["english"], "wide")]).line(1, 0)
