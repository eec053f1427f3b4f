"""Lists of pictures and texts: how they are written is found out, and no label is ever cut or swallowed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crnn.core.errors import UserError
from crnn.datasets.label_table import BadRow, LabelTable, Row, read_table


def table(tmp_path: Path, text: str, name: str = "labels.csv", encoding: str = "utf-8") -> LabelTable:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return read_table(path)


def texts(read: LabelTable) -> dict[str, str]:
    return {row.file: row.text for row in read.rows if isinstance(row, Row)}


def bad(read: LabelTable) -> list[int]:
    return [row.number for row in read.rows if isinstance(row, BadRow)]


def test_an_unquoted_comma_does_not_cut_the_label(tmp_path: Path) -> None:
    rows = ["filename,words", 'b.png,"backed by them, and"', "c.png,signed by the board, and sealed", "d.png,1,234,567"]
    read = table(tmp_path, "\n".join([*rows, "e.png,no comma here", "f.png,two,,of them"]))
    assert texts(read) == {
        "b.png": "backed by them, and",
        "c.png": "signed by the board, and sealed",
        "d.png": "1,234,567",
        "e.png": "no comma here",
    }
    assert bad(read) == [6] and read.restored == 2
    assert read.describe() == (
        "separated by commas, fields may stand in quotes, header filename, words; "
        "2 texts held the separator without quotes and are whole"
    )


@pytest.mark.parametrize(
    "rows",
    [
        ["a.png,1,234", "b.png,x"],  # a category, or the rest of a number? Nobody knows
        ["file,text,category", "a.png,1,234,ui", "b.png,x,ui"],
        ["text,file", "1,234,a.png", "x,b.png"],
    ],
)
def test_where_a_comma_may_mean_two_things_the_row_is_left_out(tmp_path: Path, rows: list[str]) -> None:
    read = table(tmp_path, "\n".join(rows))
    assert texts(read) == {"b.png": "x"} and len(bad(read)) == 1


def test_a_stray_quote_swallows_no_other_row(tmp_path: Path) -> None:
    lines = [f"{n:02d}.png,line {n:02d}" for n in range(1, 31)]
    lines[27] = '28.png,"line 28'
    read = table(tmp_path, "\n".join(["filename,words", *lines]))
    assert len(texts(read)) == 29 and texts(read)["29.png"] == "line 29" and bad(read) == [29]

    lines[29] = '30.png,"Hello, world"'
    read = table(tmp_path, "\n".join(["filename,words", *lines]))
    assert len(texts(read)) == 29 and texts(read)["30.png"] == "Hello, world" and bad(read) == [29]

    lines[29] = '30.png,line 30"'  # which might end what was opened two rows before
    read = table(tmp_path, "\n".join(["filename,words", *lines]))
    assert len(texts(read)) == 29 and texts(read)["29.png"] == "line 29" and bad(read) == [29]


def test_a_text_of_several_lines_is_left_out_as_a_whole(tmp_path: Path) -> None:
    read = table(tmp_path, 'text,file\n"first\nsecond",a.png\nx,b.png\n')
    assert texts(read) == {"b.png": "x"} and bad(read) == [2, 3]


def test_blanks_around_fields_are_no_part_of_them(tmp_path: Path) -> None:
    read = table(tmp_path, 'filename, words\na.png, "Hello, world"\nb.png, "say ""hi"" now"\n c.png , plain\n')
    assert {file: text.strip() for file, text in texts(read).items()} == {
        "a.png": "Hello, world",
        "b.png": 'say "hi" now',
        "c.png": "plain",
    }


def test_semicolons_and_tabs_are_found_out_with_and_without_a_header(tmp_path: Path) -> None:
    for head in ("", "Datei;file;text\n"):
        row = "1;a.png;Hello, world\n" if head else "a.png;Hello, world\n"
        assert texts(table(tmp_path, head + row)) == {"a.png": "Hello, world"}
    assert texts(table(tmp_path, 'a.PNG\t"quoted", as it is\n')) == {"a.PNG": '"quoted", as it is'}
    assert texts(table(tmp_path, '"a.png"\t"say ""hi"""\n"b.png"\t"x"\n')) == {"a.png": 'say "hi"', "b.png": "x"}


def test_byte_order_marks_are_no_text(tmp_path: Path) -> None:
    joined = "\ufefffile\ttext\na.png\tx\n\ufefffile\ttext\nb.png\ty\n"  # two lists with `cat`
    assert texts(table(tmp_path, joined)) == {"a.png": "x", "b.png": "y"}
    assert texts(table(tmp_path, "a.png\t中文\r\n", encoding="utf-16")) == {"a.png": "中文"}


def test_what_is_no_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(UserError, match="is not utf-8"):
        table(tmp_path, "a.png\t汉字", encoding="gb18030")
    with pytest.raises(UserError, match="unknown encoding"):
        read_table(tmp_path / "labels.csv", "none")


TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff"), min_size=1).filter(
    lambda text: bool(text.strip())
)


@given(st.lists(TEXT, min_size=1, max_size=8), st.sampled_from(",;\t"))
def test_what_a_csv_writer_wrote_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str], by: str
) -> None:
    path = tmp_path_factory.mktemp("table") / "labels.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        quoting = csv.QUOTE_ALL if by == "\t" else csv.QUOTE_MINIMAL
        csv.writer(file, delimiter=by, quoting=quoting).writerows(
            [("file", "text"), *((f"{i}.png", t) for i, t in enumerate(labels))]
        )
    assert texts(read_table(path)) == {f"{i}.png": text for i, text in enumerate(labels)}


@given(st.text(st.sampled_from('ab.,;"\t\n png'), max_size=80))
def test_no_list_raises_anything_else(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    path = tmp_path_factory.mktemp("table") / "labels.csv"
    path.write_text(content)
    lines = content.split("\n")
    for row in read_table(path).rows:
        assert isinstance(row, BadRow) or row.text.replace('"', "") in lines[row.number - 1].replace('"', "")
