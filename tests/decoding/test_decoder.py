"""Choosing the decoder of a recognizer, in Python and on the command line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from crnn.__main__ import main
from crnn.decoding.decoder import DecodeOptions, make_decoder
from crnn.page import read_page
from crnn.recognizer import Recognizer
from tests.barcode import between, draw, save_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "barcode.onnx")


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("ac\n", encoding="utf-8")
    return path


def test_a_reading_chooses_its_decoder(model: Path, words: Path) -> None:
    recognizer, image = Recognizer(model, unsure=0), between("b", "c")
    charset = recognizer.info.charset
    beam = make_decoder(charset, DecodeOptions(method="beam", hot_words=words))
    assert recognizer.read(image).text == "ab"
    reading = recognizer.read(image, beam)
    assert reading.text == "ac"
    assert [c.x for c in reading.chars] == [c.x for c in recognizer.read(image).chars]
    assert reading.confidence < recognizer.read(image).confidence, "the network believes in it less"
    assert recognizer.read(image, make_decoder(charset, DecodeOptions(allow="ce"))).text == "cc"


def test_long_lines_are_decoded_piece_by_piece(model: Path) -> None:
    recognizer = Recognizer(model)
    beam = make_decoder(recognizer.info.charset, DecodeOptions(method="beam"))
    image = draw("abcde中文" * 8)
    assert recognizer.read(image, beam).text == recognizer.read(image).text


@pytest.mark.parametrize("length", [1, 63, 64, 65, 400, 2000])
def test_lines_of_any_length_are_read_in_every_way(model: Path, words: Path, length: int) -> None:
    recognizer = Recognizer(model, unsure=0)
    charset = recognizer.info.charset
    text = ("abcde中文" * 300)[: length - 1] + "a"
    image = draw(text, bar=8, gap=4)
    for options in (
        DecodeOptions(),
        DecodeOptions(method="beam"),
        DecodeOptions(method="beam", hot_words=words),
        DecodeOptions(allow=charset.characters),
    ):
        assert recognizer.read(image, make_decoder(charset, options)).text == text


def test_the_beam_changes_a_long_line_where_it_is_in_doubt(model: Path, words: Path) -> None:
    recognizer = Recognizer(model, unsure=0)
    image = np.hstack([draw("中文" * 31, bar=8, gap=4), between("b", "c")])
    assert image.shape[1] < recognizer.info.canvas.max_width, "one piece of 64 characters"
    beam = make_decoder(recognizer.info.charset, DecodeOptions(method="beam", hot_words=words))
    assert recognizer.read(image).text == "中文" * 31 + "ab"
    assert recognizer.read(image, beam).text == "中文" * 31 + "ac"


def test_pages_take_a_decoder_too(model: Path) -> None:
    page = np.full((200, 400), 255, np.uint8)
    recognizer = Recognizer(model)
    assert read_page(recognizer, page, make_decoder(recognizer.info.charset, DecodeOptions(allow="a"))).text == ""


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], "ab"),
        (["--decode", "beam"], "ab"),
        (["--decode", "beam", "--hot-words", "words.txt"], "ac"),
        (["--allow", "acde"], "ac"),
        (["--decode", "beam", "--allow", "acde"], "ac"),
    ],
)
def test_the_command_offers_the_decoders(
    options: list[str],
    text: str,
    model: Path,
    words: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(words.parent)
    cv2.imwrite("line.png", between("b", "c"))
    assert main(["line.png", "--model", str(model), "--unsure", "0", *options]) == 0
    assert capsys.readouterr().out == f"{text}\n"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--decode", "greedy", "--lm", "lm.bin"], "need the decoding method beam"),
        (["--allow", "龘"], "which the model cannot read"),
        (["--decode", "beam", "--hot-words", "absent.txt"], "absent.txt"),
        (["--decode", "beam", "--lm-weight", "-1"], "lm_weight"),
    ],
)
def test_options_that_cannot_work_end_in_one_line(
    options: list[str], complaint: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["line.png", "--model", str(model), *options])
    message = capsys.readouterr().err
    assert complaint in message and message.count("\n") == 1
