"""The table of a bulk run: what its rows say, and that files are whole, of one run, and never doubled."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crnn.bulk.on_pool import read_on_pool
from crnn.bulk.reading import SMALLEST, Count, file_size
from crnn.bulk.sources import Entry
from crnn.bulk.table import Row, Table, hashed, model_digest, rows_of
from crnn.core.errors import UserError
from crnn.documents.result import Page, Result
from tests.bulk.jobs import RowsOrDeath
from tests.documents.making import line

pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'crnn-ocr[bulk]'")


def rows(*paths: str) -> list[Row]:
    return [row for path in paths for row in rows_of(Result(path, (Page(1, (9, 9)),)), "m")]


def test_a_row_a_page() -> None:
    read = Page(1, (99, 99), (line("ab", 0, 0, confidence=0.5), line("abcd", 0, 30, confidence=0.8)))
    first, second = rows_of(Result("x.pdf", (read, Page(2, error="odd")), seconds=3.0), "digest")
    assert (first["path"], first["page"], first["text"], first["error"]) == ("x.pdf", 1, "ab\nabcd", "")
    assert first["confidence"] == pytest.approx(0.7) and first["seconds"] == 1.5 and first["model"] == "digest"
    assert [entry["text"] for entry in json.loads(first["lines"])] == ["ab", "abcd"]
    assert (second["page"], second["text"], second["confidence"], second["error"]) == (2, "", None, "odd")


def test_a_document_that_cannot_be_opened_has_a_row() -> None:
    (row,) = rows_of(Result("x.png", error="damaged"), "m")
    assert (row["page"], row["error"], row["lines"]) == (0, "damaged", "[]")
    assert rows_of(Result("\udcff.png", error="damaged"), "m")[0]["path"] == "\\udcff.png"  # Parquet holds UTF-8


def test_lines_that_failed_are_told() -> None:
    failed = replace(line("a", 0, 0), text="", error="odd")
    (row,) = rows_of(Result("x.png", (Page(1, (9, 9), (failed,)),)), "m")
    assert row["error"] == "a line could not be read (odd)" and row["confidence"] is None


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_the_same_documents_make_the_same_file(tmp_path: Path, prefix: str) -> None:
    table = pickle.loads(pickle.dumps(Table(f"{prefix}{tmp_path}/table")))
    assert len(table.begin(resume=False)) == 0
    assert table.write(rows("a", "b")) == table.write(rows("b", "a")) != table.write(rows("c", "\udcff"))
    assert len(list((tmp_path / "table").glob("*.parquet"))) == 2
    assert sorted(path.name[:4] for path in (tmp_path / "table").glob("_*")) == ["_run"]
    done = table.begin(resume=True)
    assert all(name in done for name in ("a", "b", "c", "\udcff")) and "d" not in done and len(done) == 4


def test_a_run_that_was_followed_by_another_writes_no_more(tmp_path: Path) -> None:
    first, second = Table(str(tmp_path)), Table(str(tmp_path))
    first.begin(resume=False)
    second.begin(resume=True)
    with pytest.raises(UserError, match="another run writes this table"):
        first.write(rows("late"))
    second.write(rows("a"))


def test_other_tables_and_missing_models_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("no table")
    with pytest.raises(UserError, match="holds a table already"):
        Table(str(tmp_path)).begin(resume=False)
    with pytest.raises(UserError, match="not of a table that crnn bulk wrote"):
        Table(str(tmp_path)).begin(resume=True)
    with pytest.raises(UserError, match=r"none.onnx cannot be opened"):
        model_digest(tmp_path / "none.onnx", None)
    assert len(model_digest(None, None)) == 16 and hashed("a") != hashed("b")


def test_files_grow_with_what_is_done() -> None:
    assert [file_size(done, 2) for done in (0, 600, 6400, 10**9)] == [SMALLEST, 9, 100, 2048]


def test_a_document_that_kills_each_worker_has_a_row(tmp_path: Path) -> None:
    table = Table(str(tmp_path))
    table.begin(resume=False)
    counts: list[Count] = []
    read: Any = RowsOrDeath()
    read_on_pool(map(Entry, ("a", "deadly", "b")), read, table, 1, counts.append)
    assert sum(counts, Count()) == Count(documents=3, pages=2, failed=1)
    assert all(path in table.begin(resume=True) for path in ("a", "deadly", "b"))
