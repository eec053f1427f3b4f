"""`crnn read`: what it prints and writes, and how it ends."""

from __future__ import annotations

import argparse
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from crnn.commands import read
from crnn.commands.progress import ProgressBar
from crnn.commands.read import FAILED
from tests.documents.making import FakeReader, encoded, gray


@pytest.fixture
def crnn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs the command with a reader of brightness."""
    real = read._ocr

    def faked(options: argparse.Namespace, several: bool) -> Any:
        ocr = real(options, several)
        ocr._reader = FakeReader(ocr._reader.options)
        return ocr

    monkeypatch.setattr(read, "_ocr", faked)
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    read.add_read_parser(parser.add_subparsers())

    def run(*arguments: str) -> int:
        options = parser.parse_args(["read", *arguments])
        return int(options.run(options))

    return run


def draw(*names: str) -> None:
    for number, name in enumerate(names, start=1):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(encoded(gray(10 * number)))


def test_one_file_prints_its_text(crnn: Any, capsys: pytest.CaptureFixture[str]) -> None:
    draw("a.png")
    assert crnn("a.png") == 0
    assert capsys.readouterr() == ("10\n", "")


def test_several_files_print_their_names_and_a_count_of_failures(crnn: Any, capsys: pytest.CaptureFixture[str]) -> None:
    draw("a.png", "b.png")
    Path("c.png").write_bytes(b"nothing")
    assert crnn("a.png", "c.png", "none.png", "b.png", "none*", "--jobs", "1") == 2
    out, err = capsys.readouterr()
    assert out == "==> a.png <==\n10\n\n==> b.png <==\n20\n"
    assert err.splitlines() == [
        "error: c.png: not an image that can be read: give a JPEG, PNG, WebP, GIF, BMP or TIFF file",
        "error: none.png: cannot be opened: No such file or directory",
        "error: no file fits none*",
        "2 read, 2 failed",
    ]


def test_standard_input_is_read(crnn: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(encoded(gray(33)))))
    assert crnn("-", "--line") == 0
    assert capsys.readouterr().out == "33\n"


def test_a_folder_is_written_to_a_folder_and_resumed(crnn: Any, capsys: pytest.CaptureFixture[str]) -> None:
    draw("in/a.png", "in/sub/b.png", "in/a.jpg")
    assert crnn("in", "--output", "out/", "--format", "md", "--jobs", "2") == 0
    written = sorted(str(path) for path in Path("out").rglob("*") if path.is_file())
    assert written == ["out/a.md", "out/a.png.md", "out/sub/b.md"]
    assert Path("out/sub/b.md").read_text() == "20\n"
    Path("out/a.png.md").unlink()
    Path("out/a.md").write_text("kept")
    assert crnn("in", "--output", "out/", "--format", "md", "--resume", "--jobs", "1") == 0
    assert Path("out/a.md").read_text() == "kept" and Path("out/a.png.md").read_text() == "10\n"
    assert "1 read, 0 failed, 2 were there already" in capsys.readouterr().err


def test_documents_of_one_name_go_to_files_of_their_own(crnn: Any, capsys: pytest.CaptureFixture[str]) -> None:
    draw("a/p.png", "b/p.png", "c/p.png", "d/p.png")
    pictures = ["a/p.png", "b/p.png", "c/p.png", "a/p.png", "d/p.png"]
    assert crnn(*pictures, "--output", "out/", "--jobs", "1") == 0
    written = {path.name: path.read_text() for path in Path("out").iterdir()}
    assert written == {"p.txt": "10\n", "p.png.txt": "20\n", "p.png-2.txt": "30\n", "p.png-3.txt": "40\n"}
    assert "4 read, 0 failed, 1 were there already" in capsys.readouterr().err


def test_a_document_that_changed_is_not_there_already(crnn: Any) -> None:
    draw("in/a.png")
    assert crnn("in", "--output", "out/") == 0
    os.utime("out/a.txt", (0, 0))
    Path("out/a.txt").write_text("of before")
    os.utime("out/a.txt", (0, 0))
    assert crnn("in", "--output", "out/", "--resume") == 0
    assert Path("out/a.txt").read_text() == "10\n"
    Path("in/a.png").rename("in/b.png")
    assert crnn("in/a.png", "--output", "out/", "--resume") == FAILED, "it is gone, which is said in one line"


def test_a_pdf_beside_its_document_is_not_written_over(crnn: Any, capsys: pytest.CaptureFixture[str]) -> None:
    draw("in/a.png", "in/b.png")
    Path("in/a.pdf").write_bytes(b"another document")
    assert crnn("in/*.png", "--format", "pdf", "--output", "in/", "--jobs", "1") == FAILED
    assert Path("in/a.pdf").read_bytes() == b"another document"
    assert Path("in/b.pdf").read_bytes().startswith(b"%PDF")
    assert "error: in/a.pdf is there already" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "pdf"])
def test_a_file_stays_where_nothing_could_be_read(form: str, crnn: Any) -> None:
    Path("bad.png").write_bytes(b"no picture")
    assert crnn("bad.png", "--format", form, "--output", "new") == FAILED
    assert not Path("new").exists()
    Path("old").write_text("of before, and longer than what comes")
    assert crnn("bad.png", "--format", form, "--output", "old") == FAILED
    assert Path("old").read_text() == "of before, and longer than what comes"
    draw("a.png")
    assert crnn("a.png", "--format", "text", "--output", "old") == 0
    assert Path("old").read_text() == "10\n"


def test_json_lines_are_resumed_after_the_last_whole_one(crnn: Any) -> None:
    draw("a.png", "b.png")
    assert crnn("a.png", "b.png", "--output", "all.jsonl", "--jobs", "1") == 0
    whole = Path("all.jsonl").read_text()
    Path("all.jsonl").write_text(whole[:-20])
    assert crnn("a.png", "b.png", "--output", "all.jsonl", "--resume", "--jobs", "1") == 0
    rows = [json.loads(row) for row in Path("all.jsonl").read_text().splitlines()]
    assert [(row["name"], row["text"]) for row in rows] == [("a.png", "10"), ("b.png", "20")]


@pytest.mark.parametrize(("form", "count"), [("json", 2), ("tsv", 3), ("md", 7)])
def test_several_documents_share_a_stream(form: str, count: int, crnn: Any, capsys: pytest.CaptureFixture[str]) -> None:
    draw("a.png", "b.png")
    assert crnn("a.png", "b.png", "--format", form, "--jobs", "1") == 0
    out = capsys.readouterr().out
    assert (len(json.loads(out)) if form == "json" else len(out.splitlines())) == count


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.png", "b.png", "--format", "pdf"], "pdf of several documents needs a folder"),
        (["a.png", "--resume"], "--resume needs --output"),
        (["a.png", "--jobs", "0"], "--jobs 0: choose 1 or more"),
        (["a.png", "--output", "x.docx"], "the ending must say the format"),
        (["a.png", "--output", "none/x.txt"], "cannot be written"),
        (["a.png", "b.png", "--format", "text", "--output", "./b.png"], "b.png is a document that is to be read"),
        (["*.png", "--format", "text", "--output", "b.png"], "b.png is a document that is to be read"),
        (["in", "--format", "text", "--output", "in/c.png"], "in/c.png is a document that is to be read"),
        ([".", "--format", "pdf", "--output", "out/"], "would be read as documents"),
        (["in", "--format", "pdf", "--output", "in/"], "would be read as documents"),
    ],
)
def test_what_cannot_be_asked_ends_with_one_line(
    arguments: list[str], message: str, crnn: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    draw("a.png", "b.png", "in/c.png")
    documents = {path: path.read_bytes() for path in Path().rglob("*.png")}
    with pytest.raises(SystemExit) as ending:
        crnn(*arguments)
    assert {path: path.read_bytes() for path in Path().rglob("*.*")} == documents
    err = capsys.readouterr().err
    assert ending.value.code == 2 and message in err and err.count("\n") == 1


def test_a_pdf_is_written_by_its_ending(crnn: Any) -> None:
    draw("a.png")
    assert crnn("a.png", "--output", "a.pdf") == 0
    assert Path("a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("with_tqdm", [True, False])
def test_progress_is_shown_on_terminals_only(
    with_tqdm: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not with_tqdm:
        monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    for terminal in (True, False):
        monkeypatch.setattr("sys.stderr.isatty", lambda terminal=terminal: terminal)
        with ProgressBar() as bar:
            bar._drawn -= 1
            bar.advance(0, 10)
            bar.advance(4, 0)
            bar.document_done()
            bar.complain("error: odd")
        err = capsys.readouterr().err
        assert "error: odd" in err and ("pages" in err) == terminal
