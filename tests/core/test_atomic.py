from pathlib import Path

import pytest

from crnn.core.atomic import replacing


def test_a_file_takes_its_name_when_it_is_whole_and_on_the_disk(tmp_path: Path, disk: list[str]) -> None:
    path = tmp_path / "report.json"
    with replacing(path) as unfinished:
        unfinished.write_text("{}")
        assert not path.exists() and unfinished.suffix == ".json"
    assert path.read_text() == "{}" and list(path.parent.iterdir()) == [path]
    assert disk == ["sync report.json unfinished", "name report.json", f"sync {tmp_path.name}"]


def test_what_stood_there_stays_if_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), replacing(path) as unfinished:
        unfinished.write_text("half")
        raise OSError("the disk is full")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
