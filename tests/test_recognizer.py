"""The recogniser on a model whose every answer is known (see `barcode`)."""

import dataclasses
import random
from itertools import pairwise
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from crnn.artifact import ArtifactInfo
from crnn.ctc import GreedyPath, greedy
from crnn.errors import UserError
from crnn.metrics import edit_distance
from crnn.network import Network
from crnn.preprocess import STRETCH, CanvasSpec, ImageError, decode_image, from_nearer
from crnn.recognizer import Recognizer
from tests.barcode import CHARACTERS, draw, save_model
from tests.conftest import draw_digits


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return Recognizer(save_model(tmp_path_factory.mktemp("model") / "barcode.onnx"))


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
        if gap == 0:  # without a gap, equal neighbours are one bar
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


def test_an_unsure_line_is_read_again_from_nearer(trained: Path) -> None:
    rng = np.random.default_rng(5)
    once, twice = (Recognizer(trained / "model.onnx", unsure=unsure) for unsure in (0.0, 0.9))
    lines = []
    for i in range(60):  # digits with much paper above and below are smaller than those the network knows
        digits = decode_image(draw_digits(f"{i}{7 * i}{31 * i}").image)
        margin = rng.integers(2, 9)
        lines.append(cv2.copyMakeBorder(digits, margin, margin, 0, 0, cv2.BORDER_REPLICATE))
    changed = 0
    network = Network(trained / "model.onnx", "digits")
    looks = network.read([from_nearer(line) for line in lines], greedy, STRETCH)
    nearer_readings = [look.reading for look in looks]
    readings = zip(lines, once.read_many(lines), nearer_readings, twice.read_many(lines), strict=True)
    for line, first, nearer, better in readings:
        assert better == (nearer if first.weakest < 0.9 and nearer.confidence > first.confidence else first)
        changed += better != first
        for char in better.chars:
            assert 0 <= char.x <= line.shape[1]
    assert changed > 5


def test_which_look_is_kept_the_decoder_decides(trained: Path) -> None:
    def contrary(logits: np.ndarray) -> GreedyPath:
        path = greedy(logits)
        return dataclasses.replace(path, score=-path.score if len(path.ids) else path.score)

    digits = [decode_image(draw_digits(f"{i}{7 * i}{31 * i}").image) for i in range(60)]
    lines = [cv2.copyMakeBorder(line, 5, 5, 0, 0, cv2.BORDER_REPLICATE) for line in digits]
    network = Network(trained / "model.onnx", "digits")
    once = network.read(lines, greedy)
    nearer = network.read([from_nearer(line) for line in lines], greedy, STRETCH)
    chosen = Recognizer(trained / "model.onnx", unsure=1.1).read_many(lines, contrary)
    differing = 0
    for first, second, kept in zip(once, nearer, chosen, strict=True):
        assert kept == min(first.reading, second.reading, key=lambda reading: reading.confidence)
        differing += first.reading.text != second.reading.text
    assert differing > 3


def test_from_nearer_a_line_stays_a_line() -> None:
    assert from_nearer(np.zeros((50, 90, 3), np.uint8)).shape == (46, 90, 3)
    assert from_nearer(np.zeros((1, 900), np.uint8)).shape == (1, 900)
    assert from_nearer(np.zeros((60, 59_000), np.uint8)).shape == (60, 59_000)  # 1,100 times as wide would be no line


def test_graphs_that_quantise_at_run_time_read_line_by_line(tmp_path: Path) -> None:
    info = ArtifactInfo(characters=CHARACTERS, quantisation={"mode": "hybrid", "dynamic": ["LSTM", "MatMul"]})
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
