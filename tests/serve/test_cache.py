"""The cache, alone and between processes."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from serve.engine.cache import ResultCache, cache_key


def test_gives_back_what_was_put(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path / "cache.sqlite", 10_000_000)
    key = cache_key(b"picture", "model", "auto")
    assert cache.get(key) is None
    cache.put(key, [{"text": "中文", "box": [1.5]}])
    assert cache.get(key) == [{"text": "中文", "box": [1.5]}]


def test_the_key_depends_on_picture_model_and_options() -> None:
    keys = {
        cache_key(b"picture", "model", "auto"),
        cache_key(b"picturf", "model", "auto"),
        cache_key(b"picture", "other", "auto"),
        cache_key(b"picture", "model", "line"),
        cache_key(b"picture", "mod", "elauto"),
    }
    assert len(keys) == 5


@pytest.mark.parametrize("entries", [[100] * 6000 + [90_000] * 100, [90_000] * 100 + [100] * 6000, [50_000] * 300])
def test_the_file_stays_within_its_size_whatever_comes_first(tmp_path: Path, entries: list[int]) -> None:
    limit = 1_000_000
    cache = ResultCache(tmp_path / "cache.sqlite", limit)
    for number, size in enumerate(entries):
        cache.put(cache_key(b"%d" % number), "x" * size)
    assert cache.get(cache_key(b"%d" % (len(entries) - 1))) is not None
    assert (tmp_path / "cache.sqlite").stat().st_size <= 1.2 * limit


def test_a_garbled_value_is_a_miss(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = ResultCache(tmp_path / "cache.sqlite", 10**7)
    for garbled in (b"{", b"[1]", b"8 bytes.[2]", b"\xff" * 20, "text", 7, None):
        cache.put(b"key", [1])
        with sqlite3.connect(tmp_path / "cache.sqlite") as other:
            other.execute("UPDATE OR IGNORE results SET value = ?", (garbled,))
        other.close()
        assert cache.get(b"key") in (None, [1])
    assert {record.msg["event"] for record in caplog.records} == {"cache_failed"}


def test_a_folder_that_cannot_be_written_is_no_cache(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    cache = ResultCache(tmp_path / "file" / "cache.sqlite", 10**7)
    cache.put(b"key", 1)
    assert cache.get(b"key") is None
    assert caplog.records[0].msg["event"] == "cache_off"


def test_stays_within_its_size_and_drops_the_longest_unused(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path / "cache.sqlite", 1_000_000)
    for number in range(2000):
        cache.put(cache_key(b"%d" % number), "x" * 2000)
    assert 100 < len(cache) < 1000
    assert cache.get(cache_key(b"0")) is None
    assert cache.get(cache_key(b"1999")) is not None


def test_is_shared_between_processes(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    code = (
        "import sys, pathlib, serve.engine.cache as c;"
        "c.ResultCache(pathlib.Path(sys.argv[1]), 10**7).put(b'key', 'value')"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True, cwd=Path(__file__).parents[2])
    assert ResultCache(path, 10**7).get(b"key") == "value"


def test_zero_stores_nothing(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path / "cache.sqlite", 0)
    cache.put(b"key", 1)
    assert cache.get(b"key") is None
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"no database" * 1000)
    cache = ResultCache(path, 10**7)
    cache.put(b"key", 1)
    assert cache.get(b"key") == 1
    assert caplog.records[0].msg["event"] == "cache_rebuilt"


def test_a_failing_file_is_a_miss_and_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = ResultCache(tmp_path / "cache.sqlite", 10**7)
    with sqlite3.connect(tmp_path / "cache.sqlite") as other:
        other.execute("DROP TABLE results")
    other.close()
    cache.put(b"key", 1)
    assert cache.get(b"key") is None
    assert [record.msg["event"] for record in caplog.records] == ["cache_failed"] * 2
