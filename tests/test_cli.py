"""The command line, as a user calls it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from crnn.__main__ import main
from crnn.page import PageReader
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


def test_what_crnn_read_is_for_is_passed_on_to_it_by_name(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.7\n")
    done = crnn(folder, "--model", "model.onnx", str(tmp_path), str(tmp_path / "scan.pdf"))
    assert [line.split(": ", 2)[2] for line in done.stderr.splitlines()] == [
        "this is a folder: crnn read reads it",
        "this is a PDF: crnn read reads it",
    ]
    assert crnn(folder, "--model", "model.onnx", "-", stdin=b"%PDF-1.7\n").stderr == (
        "error: -: this is a PDF: crnn read reads it\n"
    )


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


def test_an_unexpected_error_is_that_of_one_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read = PageReader.read
    first = cv2.imread(str(folder / "one.png"), cv2.IMREAD_UNCHANGED)

    def fragile(self: PageReader, image: np.ndarray, *others: Any) -> Any:
        if np.array_equal(image, first):
            raise OverflowError("too many")
        return read(self, image, *others)

    monkeypatch.setattr(PageReader, "read", fragile)
    monkeypatch.chdir(folder)
    pictures = ["--model", "model.onnx", "one.png", "two.png"]
    assert main(pictures) == 2
    out, err = capsys.readouterr()
    assert out == "e文\n"
    assert err == "error: one.png: could not be read (OverflowError: too many); --debug shows where\n"
    assert main([*pictures, "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_of_several_pages_the_first_is_read_and_the_others_are_told_of(folder: Path) -> None:
    first, second = (Image.open(folder / name) for name in ("one.png", "two.png"))
    first.save(folder / "pages.tif", save_all=True, append_images=[second])
    done = crnn(folder, "--model", "model.onnx", "--json", "pages.tif", "two.png")
    assert done.returncode == 0
    assert [json.loads(line)["pages"] for line in done.stdout.splitlines()] == [2, 1]
    assert done.stderr == "warning: pages.tif: only the first of 2 pages was read\n"


def test_a_reader_that_has_gone_is_no_error(folder: Path) -> None:
    command = [sys.executable, "-m", "crnn", "--model", "model.onnx", *["one.png"] * 200]
    environment = {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline() == "ab中\n".encode()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_ctrl_c_ends_without_a_traceback(folder: Path) -> None:
    command = [sys.executable, "-m", "crnn", "--model", "model.onnx", "one.png", "-"]
    environment = {"PYTHONPATH": str(Path(__file__).parent.parent)}
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background are begun deaf to it
    try:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    finally:
        signal.signal(signal.SIGINT, heard)
    with process:
        assert process.stdout and process.stderr
        assert process.stdout.readline() == "ab中\n".encode()
        time.sleep(0.1)  # until it waits for its standard input
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b""
        assert process.wait() == 130


@pytest.mark.skipif(sys.platform == "darwin", reason="its file names are Unicode")
def test_file_names_need_not_be_text(folder: Path) -> None:
    name = os.fsdecode("金额.png".encode("gbk"))
    (folder / name).write_bytes((folder / "one.png").read_bytes())
    done = crnn(folder, "--model", "model.onnx", "--json", name, "two.png")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["image"], first["text"], second["text"]) == (name, "ab中", "e文")
    done = crnn(folder, "--model", "model.onnx", name + "x", "two.png")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "e文\n", 1)


def test_what_the_terminal_cannot_show_is_escaped(folder: Path) -> None:
    command = [sys.executable, "-m", "crnn", "--model", "model.onnx", "one.png"]
    environment = {"PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    assert done.stdout == b"ab\\u4e2d\n"


def test_characters_forced_on_others_are_told_of(folder: Path) -> None:
    done = crnn(folder, "--line", "--model", "model.onnx", "--allow", "文c", "one.png")
    assert done.returncode == 0
    assert done.stderr == "warning: one.png: it seems to hold other characters than the allowed '文c'\n"
    assert crnn(folder, "--line", "--model", "model.onnx", "--allow", "abc中", "one.png").stderr == ""


def test_characters_stand_in_pixels_of_the_page(folder: Path) -> None:
    page = np.full((300, 400), 255, np.uint8)
    cv2.putText(page, "Total 12", (130, 200), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 3)
    cv2.imwrite(str(folder / "low.png"), page)
    (line,) = json.loads(crnn(folder, "--model", "model.onnx", "--page", "--json", "low.png").stdout)["lines"]
    (left, top), _, (right, bottom), _ = line["box"]
    assert line["chars"]
    assert all(left < char["x"] < right and top < char["y"] < bottom for char in line["chars"])
