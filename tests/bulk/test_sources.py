"""What a bulk run finds to read: folders, globs, lists and tables, by path and by URI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crnn.bulk.places import as_place, locate
from crnn.bulk.sources import Entry, each_entry
from crnn.core.errors import UserError

pa: Any = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'crnn-ocr[bulk]'")
parquet: Any = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files whose content is their name."""
    for name in ("a.png", "b.pdf", "notes.md", ".hidden.png", "deeper/c d.JPG"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "in"


def contents(source: object) -> list[str]:
    return [entry.read().decode() for entry in each_entry(str(source))]


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_folders_globs_and_files_by_path_and_uri(folder: Path, prefix: str) -> None:
    assert sorted(contents(f"{prefix}{folder}")) == ["a.png", "b.pdf", "deeper/c d.JPG"]
    assert contents(f"{prefix}{folder}/*.png") == ["a.png"]
    assert contents(f"{prefix}{folder}/notes.md") == ["notes.md"]
    assert [entry.path for entry in each_entry(f"{prefix}{folder}/a.png")] == [f"{prefix}{folder}/a.png"]
    with pytest.raises(UserError, match=r"no file fits|nothing that can be read"):
        contents(f"{prefix}{folder}/*.gif")


def test_a_list_may_mix_paths_and_uris_and_repeat_itself(folder: Path) -> None:
    listed = folder / "list.txt"
    listed.write_text(f"a.png\n\ndeeper/c d.JPG\nfile://{folder}/b.pdf\n{folder}/a.png\n")
    assert contents(listed) == ["a.png", "deeper/c d.JPG", "b.pdf"]
    assert contents(f"file://{listed}")[:2] == ["a.png", "deeper/c d.JPG"]


def test_tables_hold_documents_or_name_them(folder: Path) -> None:
    parquet.write_table(pa.table({"bytes": [b"1", b"2", b"3"]}), folder / "held.parquet", row_group_size=2)
    assert contents(folder / "held.parquet") == ["1", "2", "3"]
    assert [entry.path[-11:] for entry in each_entry(str(folder / "held.parquet"))] == [
        "parquet#0.0",
        "parquet#0.1",
        "parquet#1.0",
    ]
    parquet.write_table(pa.table({"path": ["a.png", None, f"{folder}/b.pdf"]}), folder / "named.parquet")
    assert contents(folder / "named.parquet") == ["a.png", "b.pdf"]
    pictures = pa.array([{"bytes": b"x", "path": "x.png"}, {"bytes": None, "path": "y.png"}])
    parquet.write_table(pa.table({"image": pictures}), folder / "hf.parquet")
    first, second = each_entry(str(folder / "hf.parquet"))
    assert first.path.endswith("hf.parquet#0.0/x.png") and first.read() == b"x"
    with pytest.raises(UserError, match="holds nothing"):
        second.read()
    assert len(contents(folder / "[hn]*d.parquet")) == 5  # a glob of tables


def test_what_cannot_be_read_is_said_in_one_sentence(folder: Path) -> None:
    parquet.write_table(pa.table({"x": [1]}), folder / "odd.parquet")
    with pytest.raises(UserError, match="needs a column bytes, path or image; this one has x"):
        contents(folder / "odd.parquet")
    (folder / "no.parquet").write_text("text")
    with pytest.raises(UserError, match="is no Parquet file"):
        contents(folder / "no.parquet")
    with pytest.raises(UserError, match=r"none.txt cannot be opened: No such file"):
        contents(folder / "none.txt")
    with pytest.raises(UserError, match="cannot be opened: No such file"):
        Entry(str(folder / "gone.png")).read()
    with pytest.raises(UserError, match="odd://host/ cannot be reached"):
        locate("odd://host/x.png")


def test_a_place_and_its_path_on_its_file_system() -> None:
    for place in ("/a/b.png", "file:///a/b.png", "s3://bucket/a/b.png?region=eu-west-1"):
        assert as_place(place, locate(place)[1]) == place
    assert locate("s3://bucket/a/b.png?region=eu-west-1")[1] == "bucket/a/b.png"
