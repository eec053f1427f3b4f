"""Mixed traffic for a minute, or for as long as SOAK_SECONDS says: what a server holds must not grow with its work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crnn.core.shipped import DEFAULT_MODEL
from tests.load.traffic import PARTS, lines, soaked
from tests.serve.running import RunningServer

SECONDS = float(os.environ.get("SOAK_SECONDS", 60))
DRIFT = 25  # MB a worker, in the second half: in half an hour two held 210 to 235 from the sixth minute on


@pytest.mark.slow
def test_memory_and_descriptors_stay_flat_under_mixed_traffic(tmp_path: Path) -> None:
    with RunningServer(tmp_path, DEFAULT_MODEL) as server:
        workers = server.workers()
        parts = list(soaked(server, lines(None), SECONDS))
        assert server.workers() == workers
    statuses = {status for report, _, _ in parts for status in report.statuses}
    assert 200 in statuses
    assert statuses <= {200, 400, 415}  # pages and lines are read, rubbish is refused, and nothing else happens
    settled, *later = parts[PARTS // 2 - 1 :]  # the first half fills caches, and meets shapes for the first time
    assert max(megabytes for _, megabytes, _ in later) - settled[1] < DRIFT * len(workers)
    assert max(descriptors for _, _, descriptors in later) <= settled[2] + 4  # a connection of the last look may linger
