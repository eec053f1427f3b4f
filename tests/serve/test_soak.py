"""Mixed traffic for a minute, or for as long as SOAK_SECONDS says: what a server holds must not grow with its work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crnn.core.shipped import DEFAULT_MODEL
from tests.load.traffic import PARTS, lines, soaked
from tests.serve.running import RunningServer

SECONDS = float(os.environ.get("SOAK_SECONDS", 60))
DRIFT = 25  # MB a worker, in the second half: two held 473 to 535 from the second half minute on
MOST = 600  # MB a worker


@pytest.mark.slow
def test_memory_and_descriptors_stay_flat_under_mixed_traffic(tmp_path: Path) -> None:
    with RunningServer(tmp_path, DEFAULT_MODEL) as server:
        workers = server.workers()
        parts = list(soaked(server, lines(None), SECONDS))
        assert server.workers() == workers
    statuses = {status for report, _, _ in parts for status in report.statuses}
    assert 200 in statuses
    assert statuses <= {200, 400, 415}  # pages and lines are read, rubbish is refused, and nothing else happens
    # The first half fills caches, and meets shapes for the first time.
    first, second = parts[: PARTS // 2], parts[PARTS // 2 :]
    most = max(megabytes for _, megabytes, _ in second)
    assert most - max(megabytes for _, megabytes, _ in first) < DRIFT * len(workers)
    assert most < MOST * len(workers)
    assert max(descriptors for _, _, descriptors in second) <= first[-1][2] + 4
