"""The command line, as a user calls it."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.barcode import between, draw, save_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    save_model(folder / "model.onnx")
    cv2.imwrite(str(folder / "one.png"), draw("ab中"))
    cv2.imwrite(str(folder / "two.png"), draw("e文"))
    (folder / "junk.png").write_text("not a picture")
    (folder / "cut.png").write_bytes((folder / "one.png").read_bytes()[:-40])
    return folder


def crnn(folder: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crnn", *arguments]
    root = Path(__file__).parent.parent
    done = subprocess.run(
        command, cwd=folder, input=stdin, capture_output=True, check=False, env={"PYTHONPATH": str(root)}
    )
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_prints_one_line_of_text_an_image(folder: Path) -> None:
    done = crnn(folder, "--model", "model.onnx", "one.png", "two.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ab中\ne文\n", "")


def test_prints_json_with_confidence_characters_and_time(folder: Path) -> None:
    line = json.loads(crnn(folder, "--model", "model.onnx", "--json", "one.png").stdout)
    assert line["image"] == "one.png"
    assert line["text"] == "ab中"
    assert 0 < line["confidence"] <= 1
    assert [c["char"] for c in line["chars"]] == ["a", "b", "中"]
    assert line["elapsed_ms"] > 0


def test_names_each_unreadable_image_and_reads_the_others(folder: Path) -> None:
    done = crnn(folder, "--model", "model.onnx", "junk.png", "one.png", "absent.png", "cut.png", "two.png")
    assert done.returncode == 2
    assert done.stdout == "ab中\ne文\n"
    first, second, third = done.stderr.splitlines()
    assert first.startswith("error: junk.png: not an image")
    assert second == "error: absent.png: cannot be opened: No such file or directory"
    assert third == "error: cut.png: the image is damaged: the PNG file is cut short or altered"


def test_reads_standard_input(folder: Path) -> None:
    done = crnn(folder, "--model", "model.onnx", "-", stdin=(folder / "two.png").read_bytes())
    assert done.stdout == "e文\n"


def test_an_unreadable_model_is_one_line(folder: Path) -> None:
    done = crnn(folder, "--model", "absent.onnx", "one.png")
    assert done.returncode == 2
    assert done.stderr == "error: no model at absent.onnx: give the path of an exported .onnx file\n"


def test_too_many_threads_are_one_line(folder: Path) -> None:
    done = crnn(folder, "--model", "model.onnx", "--threads", "4096", "one.png")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_a_page_is_read_line_by_line(folder: Path) -> None:
    page = np.full((300, 400), 255, np.uint8)
    for row, words in enumerate(["Total 12", "Paid 10", "Rest 2"]):
        cv2.putText(page, words, (30, 60 + 90 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 3)
    cv2.imwrite(str(folder / "page.png"), page)
    fields = json.loads(crnn(folder, "--model", "model.onnx", "--page", "--json", "page.png").stdout)
    assert len(fields["lines"]) == 3
    assert all(len(line["box"]) == 4 for line in fields["lines"])
    assert fields["text"].split("\n") == [line["text"] for line in fields["lines"]]


def test_doubtful_letters_are_settled_by_their_context(folder: Path) -> None:
    cv2.imwrite(str(folder / "doubtful.png"), between("中", "文", before="中"))  # the shipped language model knows 中文
    command = ["--model", "model.onnx", "--unsure", "0", "--lm-weight", "1", "doubtful.png"]
    assert crnn(folder, *command).stdout == "中文\n"
    assert crnn(folder, *command, "--decode", "greedy").stdout == "中中\n"
