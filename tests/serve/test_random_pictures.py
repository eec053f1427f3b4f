"""Random pictures through a real server and the command line; `python -m tests.load random` sends a thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from crnn.core.shipped import DEFAULT_MODEL
from tests.load.strange import through_command, through_server
from tests.serve.running import RunningServer

pytestmark = pytest.mark.slow

PICTURES = 66  # each kind six times
SECONDS = 3.0  # of a processor, for a picture on average
LONGEST = 60.0  # of a processor, for the densest page: it takes 4, on a slow and busy machine 13
MEGABYTES = 600  # of a worker


def test_the_server_answers_each_within_its_time(tmp_path: Path) -> None:
    with RunningServer(tmp_path, DEFAULT_MODEL, workers=2, deadline_ms=round(1000 * LONGEST)) as server:
        found = through_server(server, PICTURES, seed=2)
    assert set(found.statuses) <= {200, 400, 413, 429}
    assert max(found.worst.values()) < LONGEST, found.worst
    assert found.memory < MEGABYTES


def test_the_command_reads_many_a_call_without_a_traceback() -> None:
    calls, megabytes = through_command(PICTURES, seed=3, at_once=22)
    for call in calls:
        assert call.code in (0, 2)
        assert all(row.startswith(("error: ", "warning: ")) for row in call.errors)
        assert call.seconds < SECONDS
    assert megabytes < MEGABYTES
