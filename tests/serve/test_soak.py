"""Mixed traffic and attacks for a minute, or for as long as SOAK_SECONDS says: what a server holds must not grow."""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median

import pytest

from crnn.core.shipped import DEFAULT_MODEL
from tests.load.traffic import PARTS, lines, soaked
from tests.serve.running import RunningServer

SECONDS = float(os.environ.get("SOAK_SECONDS", 60))
DRIFT = 25  # MB a worker, of the second half's usual over the first half's most: what leaks grows on
MOST = 300  # MB a worker: 95 at the start, 215 to 240 once pages of all sizes have been read


@pytest.mark.slow
def test_memory_and_descriptors_stay_flat_under_mixed_traffic(tmp_path: Path) -> None:
    with RunningServer(tmp_path, DEFAULT_MODEL, deadline_ms=60_000) as server:  # enough on however busy a machine
        workers = server.workers()
        parts = list(soaked(server, lines(None), SECONDS, hostile=0.05))
        assert server.workers() == workers
    good, bad = (
        {status for report, _, _ in parts for status in report.of(hostile).statuses} for hostile in (False, True)
    )
    assert 200 in good
    assert good <= {200, 400, 415}  # pages and lines are read, rubbish is refused, and nothing else happens
    assert 413 in bad
    assert bad <= {200, 400, 403, 413, 415, 431}
    # The first half fills caches.
    first, second = parts[: PARTS // 2], parts[PARTS // 2 :]
    before, after = ([megabytes for _, megabytes, _ in half] for half in (first, second))
    assert median(after) - max(before) < DRIFT * len(workers), (before, after)
    assert max(after) < MOST * len(workers)
    assert max(descriptors for _, _, descriptors in second) <= first[-1][2] + 4
