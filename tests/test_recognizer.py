"""The recognizer on a model whose every answer is known (see `barcode`)."""

import dataclasses
import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from crnn.core.canvas import CanvasSpec
from crnn.core.errors import UserError
from crnn.core.metrics import edit_distance
from crnn.core.model_info import ArtifactInfo
from crnn.core.reading import RETRY_MEAN
from crnn.decoding.beam_settings import BeamSettings
from crnn.decoding.ctc import CtcPath, greedy
from crnn.decoding.decoder import DecodeOptions, make_decoder
from crnn.image.margins import without_margins
from crnn.image.preprocess import (
    CROP_STRETCH,
    PAD_STRETCH,
    ImageError,
    crop_vertically,
    decode_image,
    pad_vertically,
    scaled_width,
)
from crnn.recognition.session import OnnxSession, Pass
from crnn.recognizer import Allowance, CharReading, Reading, Recognizer
from tests.barcode import CHARACTERS, between, draw, save_model
from tests.conftest import draw_digits

CASES = Path(__file__).parent / "cases"


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return Recognizer(save_model(tmp_path_factory.mktemp("model") / "barcode.onnx"))


def test_each_image_answers_for_itself(recognizer: Recognizer) -> None:
    images = [draw("ab"), b"junk", draw("cd"), np.zeros((1, 65535), np.uint8), draw("e")]
    with pytest.raises(ImageError):
        recognizer.read_many(images)
    first, junk, second, no_line, third = recognizer.read_many(images, return_exceptions=True)
    assert isinstance(junk, ImageError) and isinstance(no_line, ImageError)
    assert [first, second, third] == recognizer.read_many([images[0], images[2], images[4]])
    assert recognizer.read_many([], return_exceptions=True) == []


def test_even_what_nobody_foresaw_is_the_matter_of_one_image(recognizer: Recognizer) -> None:
    def fragile(logits: np.ndarray) -> CtcPath:
        if len(greedy(logits).ids) == 3:
            raise OverflowError("three characters")
        return greedy(logits)

    images = [draw("ab"), draw("abc"), draw("abcd")]
    readings = recognizer.read_many(images, fragile, return_exceptions=True)
    assert [getattr(reading, "text", str(reading)) for reading in readings] == ["ab", "three characters", "abcd"]


def test_one_word_changes_the_decoder(tmp_path: Path) -> None:
    recognizer = Recognizer(save_model(tmp_path / "m.onnx"), unsure=0)
    image = between("中", "文", before="中")  # the shipped language model knows 中文
    recognizer.decode = make_decoder(recognizer.info.charset, DecodeOptions(beam=BeamSettings(lm_weight=1.0)))
    assert recognizer.read(image).text == recognizer.read(image, "beam").text == "中文"
    assert recognizer.read(image, "greedy").text == "中中"
    with pytest.raises(UserError, match="unknown decoding method 'best'"):
        recognizer.read(image, "best")


@pytest.mark.parametrize("case", ["line_with_margins_30.png", "line_with_margins_60.png"])
def test_blank_margins_change_nothing(case: str) -> None:
    assert Recognizer().read((CASES / case).read_bytes()).text == "订单号 20240730 Total 12.50"


def test_characters_stand_where_they_are_in_the_picture_margins_or_not(recognizer: Recognizer) -> None:
    line = np.full((60, 240), 255, np.uint8)
    cv2.putText(line, "8 8", (40, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 3)
    roomy = cv2.copyMakeBorder(line, 100, 50, 70, 20, cv2.BORDER_REPLICATE)
    assert without_margins(roomy).of(roomy).shape[0] < 60
    shipped = Recognizer()
    places = [[(c.x, c.y) for c in shipped.read(image).chars] for image in (line, roomy)]
    assert len(places[0]) == len(places[1]) > 1
    for (x, y), (moved_x, moved_y) in zip(*places, strict=True):
        assert (moved_x, moved_y) == pytest.approx((x + 70, y + 100), abs=8)


@pytest.mark.parametrize(
    ("case", "text"),
    [("digits", "1 2 3 4 5"), ("letters", "A B C D"), ("ml", "M L"), ("sum", "10 1")],
)
def test_single_characters_set_apart_keep_their_spaces(case: str, text: str) -> None:
    image = (CASES / f"spaced_{case}.png").read_bytes()
    assert Recognizer().read(image).text == text
    charset = Recognizer().info.charset
    allowed = make_decoder(charset, DecodeOptions(allow=text.replace(" ", "")))
    assert " " not in Recognizer().read(image, allowed).text, "a space is not among the allowed characters"


def random_text(rng: random.Random, length: int) -> str:
    return "".join(rng.choice(CHARACTERS) for _ in range(length)).strip() or "a"


def test_reads_a_line_and_says_where_each_character_stands(recognizer: Recognizer) -> None:
    reading = recognizer.read(draw("ab中a", bar=12, gap=12))
    assert reading.text == "ab中a"
    assert 0.99 < reading.confidence <= 1
    assert [c.char for c in reading.chars] == list("ab中a")
    assert [c.x for c in reading.chars] == pytest.approx([18, 42, 66, 90], abs=4)


def test_reads_encoded_pictures(recognizer: Recognizer) -> None:
    assert recognizer.read(cv2.imencode(".png", draw("cab"))[1].tobytes()).text == "cab"


def test_positions_are_in_pixels_of_the_given_image(recognizer: Recognizer) -> None:
    large = cv2.resize(draw("ab"), None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    assert [c.x for c in recognizer.read(large).chars] == pytest.approx([54, 126], abs=12)


def test_lines_lower_than_the_canvas_are_enlarged(recognizer: Recognizer) -> None:
    # The palest character: what interpolation puts between it and white is still it or white.
    assert recognizer.read(draw("文文文", bar=6, gap=6, height=16)).text == "文文文"


def test_spaces_inside_stay_and_spaces_at_the_ends_go(recognizer: Recognizer) -> None:
    assert recognizer.read(draw(" a b ")).text == "a b"


def test_a_reading_does_not_depend_on_its_batch(recognizer: Recognizer) -> None:
    rng = random.Random(1)
    images = [draw(random_text(rng, rng.randint(1, 60))) for _ in range(40)]
    alone = [recognizer.read(image) for image in images]
    order = rng.sample(range(40), 40)
    together = recognizer.read_many([images[i] for i in order])
    assert [together[order.index(i)] for i in range(40)] == alone
    assert recognizer.read_many([]) == []


@pytest.mark.parametrize("gap", [12, 0], ids=["gaps between characters", "characters that touch"])
def test_long_lines_lose_and_double_nothing(recognizer: Recognizer, gap: int) -> None:
    rng = random.Random(gap)
    for _ in range(30):
        text = random_text(rng, rng.randint(60, 250))
        if gap == 0:  # without a gap, equal neighbors are one bar
            text = "".join(a for a, b in zip(text, text[1:] + "?", strict=True) if a != b)
        reading = recognizer.read(draw(text, bar=16 if gap == 0 else 12, gap=gap))
        assert reading.text == text
        assert all(a.x < b.x for a, b in pairwise(reading.chars))


def test_a_long_run_of_one_character_keeps_its_count(recognizer: Recognizer) -> None:
    assert recognizer.read(draw("a" * 200)).text == "a" * 200


@pytest.mark.parametrize("shape", [(32, 300), (1, 1), (1, 900), (500, 3), (65535, 1), (40, 40, 3)])
@pytest.mark.parametrize("level", [0, 255])
def test_pictures_without_contrast_have_no_text(recognizer: Recognizer, shape: tuple[int, ...], level: int) -> None:
    reading = recognizer.read(np.full(shape, level, np.uint8))
    assert (reading.text, reading.confidence, reading.chars) == ("", 0.0, ())


def test_tall_narrow_pictures_are_read_as_they_are(recognizer: Recognizer) -> None:
    tall = np.full((320, 20), 255, np.uint8)
    tall[:, 5:15] = 0
    assert isinstance(recognizer.read(tall).text, str)


@pytest.mark.parametrize(
    "image",
    [np.zeros((1, 65535), np.uint8), np.zeros((0, 5), np.uint8), np.zeros((32, 32), np.float32), b"junk"],
)
def test_what_is_no_line_is_refused(recognizer: Recognizer, image: np.ndarray | bytes) -> None:
    with pytest.raises(ImageError):
        recognizer.read(image)


def passes_over(path: Path, lines: list[np.ndarray]) -> list[tuple[Reading, Reading, Reading]]:
    """What the network makes of each line's letters as they are, padded and cropped."""
    lines = [without_margins(line).of(line) for line in lines]
    session = OnnxSession(path, "digits")
    views = [(lines, 1.0), ([pad_vertically(line) for line in lines], PAD_STRETCH)]
    views.append(([crop_vertically(line) for line in lines], CROP_STRETCH))
    passes = [session.read(view, greedy, stretch) for view, stretch in views]
    return [(a.reading, b.reading, c.reading) for a, b, c in zip(*passes, strict=True)]


def said(reading: Reading) -> tuple[str, float]:
    return reading.text, reading.confidence


def small_digits() -> list[np.ndarray]:
    """Digits with much paper above and below, smaller than those the network knows."""
    rng = np.random.default_rng(5)
    lines = []
    for i in range(60):
        margin = rng.integers(1, 6)
        digits = decode_image(draw_digits(f"{i}{7 * i}{31 * i}").image)
        lines.append(cv2.copyMakeBorder(digits, margin, margin, 0, 0, cv2.BORDER_REPLICATE))
    return lines


def test_an_unsure_line_is_looked_at_until_two_agree(trained: Path) -> None:
    lines = small_digits()
    readings = Recognizer(trained / "model.onnx", unsure=0.9).read_many(lines, "greedy")
    kept_by: Counter[str] = Counter()
    for line, (first, farther, nearer), kept in zip(
        lines, passes_over(trained / "model.onnx", lines), readings, strict=True
    ):
        texts = [first.text, farther.text, nearer.text]
        if first.weakest >= 0.9 or first.mean < RETRY_MEAN:
            assert said(kept) == said(first)
            kept_by["first"] += first.mean < RETRY_MEAN
        elif first.text == farther.text:
            assert said(kept) == said(max(first, farther, key=lambda reading: reading.line_confidence))
            kept_by["two"] += 1
        elif nearer.text in texts[:2]:
            assert kept.text == nearer.text
            kept_by["three"] += 1
        else:
            assert said(kept) == said(max(first, farther, nearer, key=lambda reading: reading.line_confidence))
            kept_by["surest"] += 1
        assert all(0 <= char.x <= line.shape[1] for char in kept.chars)
    assert min(kept_by[way] for way in ("first", "two", "three", "surest")) > 2, kept_by


def test_the_shipped_model_reads_traditional_chinese() -> None:
    folder, recognizer = CASES / "traditional", Recognizer()
    rows = [row.split("\t") for row in (folder / "labels.tsv").read_text(encoding="utf-8").splitlines()]
    readings = [recognizer.read((folder / name).read_bytes()).text for name, _ in rows]
    assert sum(said == text for said, (_, text) in zip(readings, rows, strict=True)) >= 4, readings


def test_a_dotted_rule_holds_no_letters() -> None:
    assert set(Recognizer().read((CASES / "dotted_rule.png").read_bytes()).text) <= set(".·…")


def test_a_page_is_read_again_as_far_as_its_allowance_goes(trained: Path) -> None:
    lines = small_digits()
    recognizer, widths = Recognizer(trained / "model.onnx", unsure=1.1), []
    spec = recognizer.info.canvas
    (session,) = recognizer._sessions
    read = session.read

    def noted_read(images: Sequence[np.ndarray], *more: object) -> list[Pass]:
        widths.append(sum(scaled_width(image, spec) / spec.max_width for image in images))
        return read(images, *more)

    session.read = noted_read
    recognizer.read_many(lines, "greedy")
    without = sum(widths[1:])
    widths.clear()
    allowance = Allowance(without / 4)
    for begin in (0, 30):  # the lines of a page may come in several calls
        recognizer.read_many(lines[begin : begin + 30], "greedy", allowance=allowance)
    again = sum(widths[1:3] + widths[4:])
    assert without / 5 < again < 1.05 * without / 4  # a line from farther is a little wider or narrower


def test_a_line_that_is_sure_is_looked_at_once(trained: Path) -> None:
    lines = small_digits()
    firsts = [first for first, _, _ in passes_over(trained / "model.onnx", lines)]
    readings = Recognizer(trained / "model.onnx", unsure=0.0).read_many(lines, "greedy")
    assert list(map(said, readings)) == list(map(said, firsts))


def test_where_no_two_looks_agree_the_decoder_decides(trained: Path) -> None:
    def contrary(logits: np.ndarray) -> CtcPath:
        path = greedy(logits)
        return dataclasses.replace(path, score=-path.score if len(path.ids) else path.score)

    lines = small_digits()
    chosen = Recognizer(trained / "model.onnx", unsure=1.1).read_many(lines, contrary)
    disagreeing = 0
    for passes, kept in zip(passes_over(trained / "model.onnx", lines), chosen, strict=True):
        if len({one.text for one in passes}) == 3 and all(one.text for one in passes) and passes[0].mean >= RETRY_MEAN:
            assert said(kept) == said(min(passes, key=lambda reading: reading.line_confidence))
            disagreeing += 1
    assert disagreeing > 2


@pytest.mark.parametrize(
    ("general", "tuned", "domain_logit", "kept"),
    [
        (0.70, 0.72, 0.0, "general"),  # surer, but not by enough
        (0.70, 0.85, 0.0, "tuned"),
        (0.70, 0.72, 0.5, "tuned"),  # it looks like the domain: less of a lead will do
        (0.70, 0.72, -1.0, "general"),
        (0.70, 0.85, -1.5, "general"),  # it does not: more of a lead is asked for
        (0.70, 0.65, 5.0, "general"),  # never less than none
        (0.95, 0.99, 0.0, "general"),  # sure enough alone: the tuned one is not asked
        (0.95, 0.99, 1.0, "tuned"),
    ],
)
def test_of_a_pair_the_tuned_network_must_lead_by_a_margin_less_the_domain_logit(
    recognizer: Recognizer,
    monkeypatch: pytest.MonkeyPatch,
    general: float,
    tuned: float,
    domain_logit: float,
    kept: str,
) -> None:
    passes = {
        name: Pass(Reading.of([CharReading("a", confidence, 0.0)]), 0.0, domain_logit)
        for name, confidence in (("general", general), ("tuned", tuned))
    }
    both = Recognizer(recognizer.path)
    monkeypatch.setattr(both, "_sessions", list(passes))
    monkeypatch.setattr(both, "_read_with", lambda name, pixels, decode, allowance: [passes[name]] * len(pixels))
    assert both.read(draw("a")).confidence == passes[kept].reading.confidence


def test_from_nearer_and_from_farther_a_line_stays_a_line() -> None:
    assert crop_vertically(np.zeros((50, 90, 3), np.uint8)).shape == (44, 90, 3)
    assert pad_vertically(np.zeros((50, 90, 3), np.uint8)).shape == (56, 90, 3)
    assert crop_vertically(np.zeros((1, 900), np.uint8)).shape == (1, 900)
    assert pad_vertically(np.zeros((1, 900), np.uint8)).shape == (1, 900)
    assert crop_vertically(np.zeros((60, 59_000), np.uint8)).shape == (
        60,
        59_000,
    )  # 1,100 times as wide would be no line


def test_graphs_that_quantize_at_run_time_read_line_by_line(tmp_path: Path) -> None:
    info = ArtifactInfo(characters=CHARACTERS, quantization={"mode": "hybrid", "dynamic": ["LSTM", "MatMul"]})
    assert Recognizer(save_model(tmp_path / "m.onnx", info=info)).max_batch == 1


def test_geometry_comes_from_the_model(tmp_path: Path) -> None:
    info = ArtifactInfo(characters=CHARACTERS, canvas=CanvasSpec(max_width=128))
    narrow = Recognizer(save_model(tmp_path / "m.onnx", info=info))
    assert narrow.read(draw("abcde" * 8)).text == "abcde" * 8


def test_a_model_must_exist_load_and_describe_itself(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model at"):
        Recognizer(tmp_path / "absent.onnx")
    (tmp_path / "junk.onnx").write_bytes(b"not a model")
    with pytest.raises(UserError, match="cannot be loaded"):
        Recognizer(tmp_path / "junk.onnx")
    with pytest.raises(UserError, match="does not describe itself"):
        Recognizer(save_model(tmp_path / "mute.onnx", metadata=""))
    with pytest.raises(UserError, match="damaged"):
        Recognizer(save_model(tmp_path / "odd.onnx", metadata="{}"))
    with pytest.raises(UserError, match="classes"):
        Recognizer(save_model(tmp_path / "other.onnx", info=ArtifactInfo(characters="ab")))


def test_more_threads_than_processors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="threads=4096"):
        Recognizer(save_model(tmp_path / "m.onnx"), threads=4096)


def test_the_shipped_model_reads_a_long_printed_line_whole() -> None:
    text = "account before quick invoice address delivery paid holder signature number amount lazy jumps fox " * 2
    font = ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), 40)
    picture = Image.new("L", (int(font.getlength(text)) + 24, 62), 255)
    ImageDraw.Draw(picture).text((12, 6), text, font=font, fill=0)
    assert picture.width * 32 / 62 > 2 * 800  # three pieces or more
    read = Recognizer().read(np.asarray(picture)).text
    assert len(read.split()) == len(text.split())
    assert edit_distance(text.strip(), read) <= 0.02 * len(text)
