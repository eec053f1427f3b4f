"""Importing labeled lines: every format, every reason to reject, what stops an import, what is held out."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest
from hydra import compose, initialize
from PIL import Image, ImageDraw

from crnn.core.errors import UserError
from crnn.datasets.lmdb_store import LineStore, LineWriter, StoredLine
from crnn.datasets.pages import LabeledPage, split_by_source
from crnn.datasets.validation import Reason, Reject
from data.converters.convert import Imported, import_lines
from data.converters.detect import locate
from data.converters.labeled_line import LabeledLine


def draw(path: Path, text: str = "abc", width: int = 160, mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new(mode, (width, 32), "white")
    ImageDraw.Draw(image).text((4, 8), text.encode("ascii", "replace"), fill="black")
    image.save(path)
    return path


def write(path: Path, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def found(path: Path, form: str = "auto") -> tuple[str, list[tuple[str, str, str]]]:
    """Detected format, and (source, text, category) of the lines."""
    source = locate(path, form)
    lines = [line for line in source.lines() if isinstance(line, LabeledLine)]
    return source.form, [(line.source, line.text, line.category) for line in lines]


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Import with the configuration that is shipped, the settings of a test over it."""

    def run(source: Path, **settings: object) -> Imported:
        overrides = [f"source='{source}'", "name=mine", f"output='{tmp_path / 'out' / 'mine'}'"]
        with initialize(version_base=None, config_path="../../configs"):
            overrides += [f"{key}={value}" for key, value in settings.items()]
            return import_lines(compose("import", overrides))

    return run


# --- formats


def test_a_paddle_list_may_start_its_paths_above_and_name_several_pictures(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        draw(tmp_path / "train_data/rec/train" / name)
    rows = ["train_data/rec/train/a.jpg\t简单可依赖"]
    rows += ['["train_data/rec/train/b.jpg", "train_data/rec/train/c.jpg"]\tfirst  line', ""]
    listed = write(tmp_path / "train_data/rec/rec_gt_train.txt", *rows)
    form, lines = found(listed)
    assert form == "paddle"
    assert [text for _, text, _ in lines] == ["简单可依赖", "first  line", "first  line"]
    assert found(listed.parent) == (form, lines)  # the only list of its folder
    assert all(isinstance(line, LabeledLine) and Path(str(line.image)).is_file() for line in locate(listed).lines())


def test_a_paddle_list_of_boxes_says_what_to_do(tmp_path: Path) -> None:
    draw(tmp_path / "page.jpg")
    boxes = json.dumps([{"transcription": "MASA", "points": [[0, 0], [9, 0], [9, 9], [0, 9]]}])
    with pytest.raises(UserError, match="boxes for text detection, not lines: cut the lines out first"):
        locate(write(tmp_path / "Label.txt", f"page.jpg\t{boxes}")).lines()


def test_a_tsv_with_and_without_header(tmp_path: Path) -> None:
    draw(tmp_path / "lines/1.png")
    expected = ("tsv", [("lines/1.png", 'say "hi"', "ui")])
    assert found(write(tmp_path / "plain.tsv", 'lines/1.png\tsay "hi"\tui')) == expected
    assert found(write(tmp_path / "bom.tsv", '\ufefflines/1.png\tsay "hi"\tui')) == expected
    assert found(write(tmp_path / "head.tsv", "Category\tText\tFile", 'ui\tsay "hi"\tlines\\1.png')) == expected
    assert found(write(tmp_path / "quoted.csv", "file_name,text,kind", 'lines/1.png,"say ""hi""",ui')) == expected


def test_a_row_without_text_is_a_reject(tmp_path: Path) -> None:
    draw(tmp_path / "1.png")
    lines = list(locate(write(tmp_path / "labels.tsv", "1.png\ta", "1.png", "", "1.png\tb")).lines())
    assert isinstance(lines[1], Reject) and (lines[1].source, lines[1].reason) == ("row 2", Reason.ENTRY)
    assert len(lines) == 3


def test_gt_txt_pairs_of_tesstrain_and_calamari(tmp_path: Path) -> None:
    for name, text in {"one": "plain", "two": "binarized", "sub/three": "tiff", "lonely": "none"}.items():
        write(tmp_path / f"{name}.gt.txt", text)
    for name in ("one.png", "one.bin.png", "two.bin.png", "two.nrm.png", "sub/three.tif"):
        draw(tmp_path / name)
    assert locate(tmp_path).form == "gt_txt"
    lines = {line.source: line for line in locate(tmp_path).lines()}
    lonely = lines.pop("lonely.gt.txt")
    assert isinstance(lonely, Reject) and lonely.reason is Reason.IMAGE
    pictures = [Path(str(line.image)).name for line in lines.values() if isinstance(line, LabeledLine)]
    assert pictures == ["one.png", "three.tif", "two.nrm.png"]


def test_trdg_with_labels_txt(tmp_path: Path) -> None:
    draw(tmp_path / "0.jpg")
    write(tmp_path / "labels.txt", "0.jpg two words", "1.jpg 你好")
    assert found(tmp_path) == ("trdg", [("0.jpg", "two words", ""), ("1.jpg", "你好", "")])


def test_trdg_with_the_text_in_the_names_is_read_only_when_asked_for(tmp_path: Path) -> None:
    for name in ("two words_0.jpg", "你_好_1.jpg", "12_2.jpg", "12_2_mask.png"):
        draw(tmp_path / name)
    with pytest.raises(UserError, match="say format=trdg"):
        locate(tmp_path)
    _, lines = found(tmp_path, "trdg")
    assert [text for _, text, _ in lines] == ["12", "two words", "你_好"]


def test_trdg_names_that_fit_both_ways_are_not_guessed(tmp_path: Path) -> None:
    for name in ("7_0.jpg", "8_1.jpg"):
        draw(tmp_path / name)
    with pytest.raises(UserError, match=r"both text_0\.jpg and 0_text.jpg: write their texts into a labels.txt"):
        locate(tmp_path, "trdg").lines()


def foreign_lmdb(path: Path, *entries: tuple[bytes, bytes]) -> Path:
    """A database with the keys of deep-text-recognition-benchmark and nothing of ours."""
    path.mkdir(parents=True)
    with lmdb.open(str(path), map_size=1 << 24) as env, env.begin(write=True) as transaction:
        for number, (image, label) in enumerate(entries, start=1):
            transaction.put(f"image-{number:09d}".encode(), image)
            transaction.put(f"label-{number:09d}".encode(), label)
        transaction.put(b"num-samples", str(len(entries)).encode())
    return path


def test_a_foreign_lmdb(tmp_path: Path, run: Any) -> None:
    image = draw(tmp_path / "x.png").read_bytes()
    path = foreign_lmdb(tmp_path / "lmdb", (image, b"hello"), (b"", b"gone"), (image, b"\xff"), (image, b"abc"))
    assert found(path)[0] == found(path / "data.mdb")[0] == "lmdb"
    imported = run(path, max_reject_share=0.5)
    assert [reject.reason for reject in imported.rejects] == [Reason.IMAGE, Reason.ENTRY]
    assert [line.label for line in map(LineStore(imported.path).__getitem__, range(2))] == ["hello", "abc"]


def test_our_own_lmdb_keeps_centers_and_categories(tmp_path: Path, run: Any) -> None:
    image, centers = draw(tmp_path / "x.png").read_bytes(), np.array([5, 9], np.float32)
    with LineWriter(tmp_path / "ours", {"generator": "test"}) as writer:
        writer.append(StoredLine(image, "ab", centers, "ui"))
        writer.append(StoredLine(image, "a  b", np.arange(4, dtype=np.float32)))
    store = LineStore(run(tmp_path / "ours", category="other").path)
    assert store[0].category == "ui" and np.array_equal(store[0].centers, centers)
    # two spaces became one: the centers no longer belong to its characters
    assert (store[1].label, store[1].category, store[1].centers) == ("a b", "other", None)


def test_pairs_are_found_whatever_the_case_of_their_names(tmp_path: Path) -> None:
    for name in ("a.png", "b.PNG", "c.JPG", "d.raw.png", "e.Tif"):
        draw(tmp_path / "in" / name)
        write(tmp_path / "in" / f"{name.split('.')[0]}.gt.txt", "Hello world")
    draw(tmp_path / "in/f.png")
    write(tmp_path / "in/F.GT.TXT", "\ufeffHello world")
    form, lines = found(tmp_path / "in")
    assert form == "gt_txt" and [text for _, text, _ in lines] == ["Hello world"] * 6


@pytest.mark.parametrize(
    ("name", "rows", "form"),
    [
        ("LIST.CSV", ("file,text", "1.png,x"), "tsv"),
        ("Labels.TSV", ("1.png\tx",), "tsv"),
        ("LINES.JSONL", ('{"file": "1.png", "text": "x"}',), "jsonl"),
    ],
)
def test_lists_are_known_by_their_endings_in_capitals_too(
    tmp_path: Path, name: str, rows: tuple[str, ...], form: str
) -> None:
    draw(tmp_path / "1.png")
    listed = write(tmp_path / name, *rows)
    for source in (listed, tmp_path):  # the list itself, and the folder it is in
        assert (locate(source).form, [text for _, text, _ in found(source)[1]]) == (form, ["x"])


def test_lists_of_another_machine_find_their_pictures_by_the_ends_of_their_paths(tmp_path: Path) -> None:
    for name in ("a b.png", "1/c.png", "d.png"):
        draw(tmp_path / "pictures" / name)
    rows = ["/data/upload/7/a%20b.png\tone", "C:\\work\\1\\c.png\ttwo", " d.png \tthree"]
    rows += ["/data/local-files/?d=scans/d.png\tfour"]
    listed = write(tmp_path / "lists/labels.tsv", *rows)
    lines = locate(listed, images=tmp_path / "pictures").lines()
    images = [line.image.name for line in lines if isinstance(line, LabeledLine) and isinstance(line.image, Path)]
    assert images == ["a b.png", "c.png"]
    assert [line.row for line in lines if isinstance(line, Reject)] == [3, 4]  # both would be d.png: one label is wrong


def test_a_label_may_look_like_json(tmp_path: Path) -> None:
    for name in "abc":
        draw(tmp_path / f"{name}.png")
    boxes = json.dumps([{"transcription": "MASA", "points": [[0, 0], [9, 0], [9, 9], [0, 9]]}])
    listed = write(tmp_path / "rec_gt.txt", "a.png\tHello world", 'b.png\t[{"x": 1}]', f"c.png\t{boxes}", "c.png\t[{")
    assert [text for _, text, _ in found(listed)[1]] == ["Hello world", '[{"x": 1}]', "[{"]
    (reject,) = [line for line in locate(listed).lines() if isinstance(line, Reject)]
    assert reject.row == 3 and "boxes" in reject.detail


# --- what is found out, and what is asked


def test_two_lists_in_a_folder_are_not_guessed(tmp_path: Path) -> None:
    write(tmp_path / "train.txt", "a.jpg\tx")
    write(tmp_path / "test.txt", "b.jpg\ty")
    write(tmp_path / "README.txt", "Not a list.")
    with pytest.raises(UserError, match=r"2 ways: test.txt \(paddle\), train.txt \(paddle\). Give one file"):
        locate(tmp_path)


@pytest.mark.parametrize(
    ("path", "form", "message"),
    [
        ("nowhere", "auto", "there is no"),
        ("", "auto", "holds no labeled lines: expected a list"),
        ("", "yolo", "unknown format 'yolo': choose one of auto, paddle"),
        ("", "tsv", "is a folder: give the list file in it"),
        ("", "lmdb", "no LMDB dataset"),
        ("", "gt_txt", "holds no labeled lines in the format 'gt_txt'"),
        ("", "trdg", "write their texts into a labels.txt"),
    ],
)
def test_what_is_no_source_says_so(tmp_path: Path, path: str, form: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        locate(tmp_path / path, form).lines()


def test_a_list_far_from_its_pictures_asks_where_they_are(tmp_path: Path) -> None:
    draw(tmp_path / "pictures/1.png")
    listed = write(tmp_path / "lists/labels.tsv", "1.png\tabc")
    with pytest.raises(UserError, match=r"names pictures \(e.g. 1.png\) .* say images=FOLDER"):
        locate(listed).lines()
    (line,) = locate(listed, images=tmp_path / "pictures").lines()
    assert isinstance(line, LabeledLine) and Path(str(line.image)).is_file()


def test_swapped_columns_and_broken_tables_are_mistakes_not_crashes(tmp_path: Path, run: Any) -> None:
    draw(tmp_path / "1.png")
    with pytest.raises(UserError, match="say images=FOLDER"):
        locate(write(tmp_path / "swapped.tsv", "很长" * 200 + "\t1.png")).lines()
    (left_open,) = locate(write(tmp_path / "open.csv", 'file,text\n1.png,"' + "x" * 140_000), images=tmp_path).lines()
    assert isinstance(left_open, Reject) and left_open.row == 2 and "a quote is opened" in left_open.detail
    (tmp_path / "empty.csv").touch()
    with pytest.raises(UserError, match="say images=FOLDER"):
        locate(tmp_path / "empty.csv").lines()
    imported = run(write(tmp_path / "nul.tsv", "1.png\tabc", "\0.png\tabc"), max_reject_share=0.5)
    assert imported.rejects[0].detail == "not the name of a file: embedded null byte"


def test_a_list_in_gb18030_asks_for_its_encoding(tmp_path: Path) -> None:
    draw(tmp_path / "1.png")
    listed = tmp_path / "labels.tsv"
    listed.write_text("1.png\t汉字", encoding="gb18030")
    with pytest.raises(UserError, match=r"is not utf-8 .* encoding=, e\.g\. gb18030"):
        locate(listed).lines()
    (line,) = locate(listed, encoding="gb18030").lines()
    assert isinstance(line, LabeledLine) and line.text == "汉字"


# --- the import


def test_by_default_what_the_shipped_model_reads_is_taken_in(tmp_path: Path, run: Any, capsys: Any) -> None:
    """Its charset has traditional characters, and its canvas is 1,024 pixels wide at a height of 40."""
    rows = [f"{draw(tmp_path / name, width=width).name}\t{text}" for name, width, text in (
        ("traditional.png", 300, "臺灣繁體產業發展"), ("wide.png", 815, "请各单位于本月二十五日前将材料送至办公室"),
        ("too_wide.png", 830, "x"),
    )]  # fmt: skip
    imported = run(write(tmp_path / "labels.tsv", *rows), max_reject_share=0.5)
    store = LineStore(imported.path)
    assert [store[i].label[:4] for i in range(len(store))] == ["臺灣繁體", "请各单位"]
    assert [(reject.reason, reject.row) for reject in imported.rejects] == [(Reason.TOO_WIDE, 3)]
    said = capsys.readouterr().out
    assert "labels.tsv is read as tsv: separated by tabs, quotes belong to the text, no header: file, then text" in said


def test_another_start_model_brings_its_own_charset_and_canvas(tmp_path: Path, run: Any, trained: Path) -> None:
    draw(tmp_path / "wide.png", width=815)
    draw(tmp_path / "1.png")
    listed = write(tmp_path / "labels.tsv", "1.png\t12", "wide.png\t12", "1.png\tab")
    for number, model in enumerate((trained / "checkpoint.pt", trained / "model.onnx")):
        output = f"'{tmp_path / str(number)}'"
        imported = run(listed, max_reject_share=0.9, start_model=f"'{model}'", output=output)
        assert [reject.reason for reject in imported.rejects] == [Reason.TOO_WIDE, Reason.FOREIGN]


def test_nothing_to_import_is_said(run: Any) -> None:
    with pytest.raises(UserError, match="source is empty"):
        run("")


def dirty_folder(folder: Path) -> Path:
    """Ten good lines and one of each kind that cannot be used."""
    rows = []
    for i in range(10):
        draw(folder / f"{i}.png", width=100 + i)
        rows.append(f"{i}.png\tＮｏ．　{i}  \tui")
    whole = draw(folder / "whole.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("not a picture")
    draw(folder / "wide.png", width=830)
    draw(folder / "narrow.png", width=25)
    rows += ["cut.jpg\tabc", "empty.png\tabc", "text.png\tabc", "gone.png\tabc", "wide.png\tabc"]
    rows += ["narrow.png\taaaaa", "0.png\ta\U0001f600", "0.png\t ", "0.png"]
    return write(folder / "labels.tsv", *rows)


def test_every_unusable_line_is_reported_with_its_reason(tmp_path: Path, run: Any) -> None:
    imported = run(dirty_folder(tmp_path / "in"), max_reject_share=0.5)
    store = LineStore(imported.path)
    assert len(store) == imported.lines == 10
    assert (store[3].label, store[3].category) == ("No. 3", "ui")  # folded to the charset
    assert store[3].image == (tmp_path / "in/3.png").read_bytes()  # stored as it came
    rows = (imported.path / "rejects.tsv").read_text(encoding="utf-8").splitlines()[1:]
    reasons = {row.split("\t")[0]: row.split("\t")[2] for row in rows}
    assert reasons == {
        "cut.jpg": "unreadable image",
        "empty.png": "unreadable image",
        "text.png": "unreadable image",
        "gone.png": "unreadable image",
        "wide.png": "line too wide",
        "narrow.png": "label too long for its picture",
        "0.png": "empty label",
        "row 19": "damaged entry",
    }
    assert "narrow.png\taaaaa\tlabel too long for its picture\t9 frames needed, 8 there\t16" in rows
    foreign = [row for row in rows if "characters outside the charset\t\U0001f600" in row]
    assert len(foreign) == 1 and len(rows) == 9


def test_too_many_rejects_stop_the_import_but_leave_the_report(tmp_path: Path, run: Any) -> None:
    listed = dirty_folder(tmp_path / "in")
    with pytest.raises(UserError, match=r"9 of 19 lines .* Commonest: unreadable image \(4, .* max_reject_share"):
        run(listed)
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["mine", "rejects.tsv"]
    with pytest.raises(UserError, match="no LMDB dataset"):
        LineStore(tmp_path / "out/mine")
    assert run(listed, max_reject_share=0.5).lines == 10  # in the same place, once allowed


def test_a_dataset_is_never_overwritten(tmp_path: Path, run: Any) -> None:
    draw(tmp_path / "1.png")
    listed = write(tmp_path / "labels.tsv", "1.png\tabc")
    before = LineStore(run(listed).path)[0]
    with pytest.raises(UserError, match="delete it or choose another name"):
        run(listed)
    assert LineStore(tmp_path / "out/mine")[0] == before


def test_an_interrupted_import_is_begun_afresh(tmp_path: Path, run: Any) -> None:
    image = draw(tmp_path / "1.png").read_bytes()
    listed = write(tmp_path / "labels.tsv", "1.png\tabc")
    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt), LineWriter(tmp_path / "out/mine", {}) as writer:
        writer.append(StoredLine(image, "stale"))
        raise KeyboardInterrupt
    store = LineStore(run(listed).path)
    assert len(store) == 1 and store[0].label == "abc"


def test_the_held_out_share_depends_on_the_pictures_alone(tmp_path: Path, run: Any) -> None:
    rows = [f"{draw(tmp_path / f'{i}.png', str(i)).name}\t{i}" for i in range(200)]
    write(tmp_path / "labels.tsv", *rows)
    imported = run(tmp_path / "labels.tsv", holdout=0.2)
    assert imported.lines + imported.test_lines == 200 and 20 <= imported.test_lines <= 60
    held_out = {line.label for line in map(LineStore(imported.test_path).__getitem__, range(imported.test_lines))}

    write(tmp_path / "reversed.tsv", *reversed(rows[:100]))
    again = run(tmp_path / "reversed.tsv", holdout=0.2, output=f"'{tmp_path / 'again'}'")
    store = LineStore(again.test_path)
    assert {store[i].label for i in range(len(store))} == {label for label in held_out if int(label) < 100}

    with pytest.raises(UserError, match=r"holdout=1\.5 is not a share"):
        run(tmp_path / "labels.tsv", holdout=1.5)


def test_200_damaged_files_of_2000_are_reported_and_the_rest_imported(tmp_path: Path, run: Any) -> None:
    whole = draw(tmp_path / "in/whole.png").read_bytes()
    for i in range(2000):
        (tmp_path / f"in/{i}.png").write_bytes(whole[: i % 97] if i % 10 == 0 else whole)
    listed = write(tmp_path / "in/labels.tsv", *(f"{i}.png\tabc" for i in range(2000)))
    imported = run(listed)
    assert (imported.lines, len(imported.rejects)) == (1800, 200)
    assert {reject.reason for reject in imported.rejects} == {Reason.IMAGE}


def test_the_command_speaks_in_one_line(tmp_path: Path) -> None:
    draw(tmp_path / "中文 (1).png")
    write(tmp_path / "list.tsv", "中文 (1).png\tabc", "中文 (1).png\t\u4dae")
    command = [
        sys.executable,
        "-m",
        "data.converters.convert",
        f"source='{tmp_path}'",
        "name=mine",
        f"output={tmp_path / 'out'}",
    ]
    bad = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bad.returncode == 2
    assert bad.stderr.splitlines()[-1].startswith(f"error: {tmp_path}/list.tsv: 1 of 2 lines cannot be used")
    assert "Traceback" not in bad.stderr
    good = subprocess.run([*command, "max_reject_share=0.5"], capture_output=True, text=True, check=True)
    assert "imported 1 lines" in good.stdout and "1  characters outside the charset" in good.stdout
    assert "\u4dae 1" in good.stdout


# --- lists of JSON objects


def write_json_lines(folder: Path, lines: list[dict[str, Any]]) -> Path:
    """`lines.jsonl` and one archive for each folder that its files lie in."""
    for kind in {str(Path(line["file"]).parent) for line in lines}:
        with tarfile.open(folder / f"{kind}.tar", "w") as archive:
            for number, line in enumerate(lines):
                if line["file"].startswith(f"{kind}/"):
                    picture = draw(folder / "drawn.png", line["text"], width=160 + number)
                    archive.add(picture, line["file"])
    rows = [json.dumps(line, ensure_ascii=False) for line in lines]
    return write(folder / "lines.jsonl", *rows)


def test_a_list_of_json_objects_is_read_from_archives(tmp_path: Path, run: Any) -> None:
    lines = [
        {"file": f"ui/{i}.png", "text": f"a{i} b", "repo": f"owner/{i % 20}", "license": "MIT"} for i in range(200)
    ]
    lines += [{"file": "sign/0.png", "text": "街", "repo": "owner/0", "license": "none", "right": False, "c": 0.6}]
    listed = write_json_lines(tmp_path, lines)
    assert found(tmp_path)[0] == found(listed)[0] == "jsonl"
    imported = run(listed, holdout=0.2, spaces="free", **{"weights.missed": 2.0, "weights.doubtful": 0.25})
    assert imported.lines + imported.test_lines == 201 and not imported.rejects
    assert imported.licenses == {"MIT": 200, "none": 1}
    stores = [LineStore(imported.path), LineStore(imported.test_path)]
    assert stores[0].info["spaces"] == stores[1].info["spaces"] == "free"
    stored = [store[i] for store in stores for i in range(len(store))]
    assert {line.label for line in stored} == {line["text"] for line in lines}  # evaluation sees the spaces
    assert {line.category for line in stored} == {"ui", "sign"}
    rows = [row.split("\t") for row in (imported.path / "sources.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    sides = {side: {group for split, group, *_ in rows if split == side} for side in ("train", "test")}
    assert sides["train"] and sides["test"] and not sides["train"] & sides["test"]
    assert sum(int(count) for *_, count in rows) == 201
    pages = [LabeledPage(tmp_path, np.zeros((0, 4, 2), np.float32), (), "ui", f"owner/{i}") for i in range(20)]
    assert sides["test"] == {
        page.source for page in split_by_source(pages, 0.2)[1]
    }  # the finder has not seen them either
    (weight,) = {line.weight for line in stored if line.category == "sign"}
    assert weight in (0.5, 1.0)  # 1.0 if it is held out


def test_rare_kinds_are_drawn_more_often(tmp_path: Path, run: Any) -> None:
    lines = [{"file": f"ui/{i}.png", "text": f"{i}"} for i in range(90)]
    lines += [{"file": f"sign/{i}.png", "text": f"{i}"} for i in range(10)]
    store = LineStore(run(write_json_lines(tmp_path, lines), **{"weights.balance": 0.5}).path)
    weights: dict[str, float] = {}
    for line in (store[i] for i in range(100)):
        weights[line.category] = weights.get(line.category, 0.0) + line.weight
    assert weights["ui"] / weights["sign"] == pytest.approx(3, rel=1e-4)
    assert sum(weights.values()) == pytest.approx(100, rel=1e-4)


def test_objects_without_text_and_pictures_that_are_missing_are_named(tmp_path: Path, run: Any) -> None:
    lines = [{"file": f"ui/{i}.png", "text": "abc"} for i in range(8)]
    listed = write_json_lines(tmp_path, lines)
    with listed.open("a", encoding="utf-8") as opened:
        opened.write('{"file": "ui/none.png", "text": "abc"}\n{"file": "ui/0.png"}\n[1]\n')
    imported = run(listed, max_reject_share=0.5)
    assert [reject.reason for reject in imported.rejects] == [Reason.IMAGE, Reason.ENTRY, Reason.ENTRY]
    assert imported.lines == 8
