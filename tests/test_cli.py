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
    cv2.imwrite(str(folder / "cut.jpg"), draw("ab中"))
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:-200])
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
    done = crnn(folder, "--model", "model.onnx", "junk.png", "one.png", "absent.png", "cut.png", "cut.jpg", "two.png")
    assert done.returncode == 2
    assert done.stdout == "ab中\ne文\n"
    first, second, third, fourth = done.stderr.splitlines()  # ours alone, none of libpng's or libjpeg's
    assert first.startswith("error: junk.png: not an image")
    assert second == "error: absent.png: cannot be opened: No such file or directory"
    assert third == "error: cut.png: the image is damaged: the PNG file is cut short or altered"
    assert fourth == "error: cut.jpg: the image is damaged: the JPEG file is cut short (it has no end marker)"


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
    assert err == "error: one.png: could not be read (OverflowError: too many)\n"
    assert main([*pictures, "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_all_pages_of_a_document_are_read(folder: Path) -> None:
    first, second = (Image.open(folder / name) for name in ("one.png", "two.png"))
    first.save(folder / "pages.tif", save_all=True, append_images=[second])
    first.save(folder / "pages.pdf", save_all=True, append_images=[second])
    for name in ("pages.tif", "pages.pdf"):
        done = crnn(folder, "--model", "model.onnx", "--line", "--json", name, "two.png")
        assert (done.returncode, done.stderr) == (0, "")
        pages, page = map(json.loads, done.stdout.splitlines())
        assert (pages["image"], pages["pages"], pages["text"]) == (name, 2, "ab中\n\ne文")
        assert [(line["page"], line["text"]) for line in pages["lines"]] == [(1, "ab中"), (2, "e文")]
        assert (page["pages"], page["text"]) == (1, "e文")
    done = crnn(folder, "--model", "model.onnx", "--line", "pages.tif", "two.png")
    assert (done.stdout, done.stderr) == ("ab中\n\ne文\ne文\n", "")
    done = crnn(folder, "--model", "model.onnx", "--line", "--format", "tsv", "pages.tif")
    assert len(done.stdout.splitlines()) == 3


def test_single_lines_need_no_finder(folder: Path) -> None:
    line = ["--model", "model.onnx", "--finder", "absent.onnx", "one.png"]
    assert crnn(folder, "--line", *line).stdout == "ab中\n"
    assert crnn(folder, *line).stderr == "error: no model at absent.onnx: give the path of an exported .onnx file\n"


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
