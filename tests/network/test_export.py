from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from crnn.core.errors import UserError
from crnn.datasets.lmdb_store import LineStore
from crnn.decoding.ctc import collapse
from crnn.image.decode import decode_image
from crnn.image.preprocess import to_canvas
from crnn.network.checkpoint import load
from crnn.network.onnx_export import ExportConfig, build, export, largest_difference
from crnn.recognizer import Recognizer


def test_the_graph_explains_itself(trained: Path) -> None:
    checkpoint = load(trained / "checkpoint.pt")
    info = Recognizer(trained / "model.onnx").info
    assert info.charset == checkpoint.info.charset
    assert info.canvas == checkpoint.info.canvas
    assert info.source_sha256 == checkpoint.sha256
    assert info.validation["exact"] == checkpoint.info.validation["exact"]


def test_lstms_stay_lstms(trained: Path) -> None:
    nodes = [node.op_type for node in onnx.load(trained / "model.onnx").graph.node]
    assert nodes.count("LSTM") == load(trained / "checkpoint.pt").info.model["layers"]


def test_runtime_and_torch_agree_in_every_shape(trained: Path) -> None:
    assert largest_difference(build(load(trained / "checkpoint.pt")), trained / "model.onnx") < 1e-4


@torch.inference_mode()
def test_runtime_reads_what_torch_reads(trained: Path, held_out_digits: Path) -> None:
    checkpoint = load(trained / "checkpoint.pt")
    model, recognizer = build(checkpoint), Recognizer(trained / "model.onnx")
    for line in (LineStore(held_out_digits)[i] for i in range(200)):
        pixels = to_canvas(decode_image(line.image), checkpoint.info.canvas).pixels
        path = model(torch.from_numpy(pixels)[None, None]).argmax(2)[:, 0].numpy()
        assert recognizer.read(line.image).text == checkpoint.info.charset.decode_ids(collapse(path))


def test_another_enhancement_can_be_tried(trained: Path, tmp_path: Path) -> None:
    path = export(ExportConfig(str(trained / "checkpoint.pt"), str(tmp_path / "article.onnx"), mode="article"))
    assert Recognizer(path).info.canvas.mode == "article"


def test_a_graph_that_differs_is_not_kept(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crnn.network.onnx_export.TOLERANCE", 0.0)
    shutil.copy(trained / "checkpoint.pt", tmp_path / "checkpoint.pt")
    with pytest.raises(UserError, match="nothing was exported"):
        export(ExportConfig(str(tmp_path / "checkpoint.pt")))
    assert not (tmp_path / "model.onnx").exists()


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="train one first"):
        export(ExportConfig(str(tmp_path / "none.pt")))


def test_blank_paper_reads_as_nothing(trained: Path) -> None:
    assert Recognizer(trained / "model.onnx").read(np.full((32, 200), 255, np.uint8)).text == ""
