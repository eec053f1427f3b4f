"""How often a client may ask: over workers, over damaged files, and over clocks that are set back."""

from __future__ import annotations

from pathlib import Path

import pytest

from serve.middleware.ratelimit import RateLimit


def test_workers_count_together(tmp_path: Path) -> None:
    first, second = (RateLimit(tmp_path / "clients.sqlite", per_minute=6, burst=2) for _ in range(2))
    assert (first.wait("a"), second.wait("a")) == (0, 0)
    assert 9 < first.wait("a") <= 10
    assert second.wait("b") == 0


def test_who_cannot_use_the_file_counts_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "clients.sqlite").write_bytes(b"rubbish" * 1000)
    limit = RateLimit(tmp_path / "clients.sqlite", per_minute=6, burst=1)
    assert limit.wait("a") == 0
    assert limit.wait("a") > 0
    assert [record.msg["event"] for record in caplog.records] == ["clients_counted_apart"]  # once, not at each request


def test_a_clock_that_is_set_back_locks_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = RateLimit(tmp_path / "clients.sqlite", per_minute=6, burst=2)
    clock = 10_000.0
    monkeypatch.setattr("time.time", lambda: clock)
    assert (limit.wait("a"), limit.wait("a")) == (0, 0)
    clock -= 3600
    assert limit.wait("a") <= 10
