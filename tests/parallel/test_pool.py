"""Processes that die cost time and no item; everything else is as with map."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crnn.core.errors import UserError
from crnn.parallel.pool import AHEAD, WorkerPool, _Worker
from tests.bulk import jobs


@pytest.fixture(scope="module")
def doubling() -> Iterator[WorkerPool]:
    with WorkerPool(jobs.double, jobs=2) as pool:
        yield pool


def test_outcomes_come_in_order(doubling: WorkerPool) -> None:
    assert [outcome.value for outcome in doubling.map(range(40))] == [2 * i for i in range(40)]
    assert sorted(outcome.value for outcome in doubling.map(range(9), ordered=False)) == [2 * i for i in range(9)]
    assert list(doubling.map([])) == []


def test_large_items_pass_the_pipes(doubling: WorkerPool) -> None:
    big = np.ones((3, 1_000_000), np.uint8)
    assert all((outcome.value == 2).all() for outcome in doubling.map([big] * 4))


def test_an_error_is_the_matter_of_its_item(doubling: WorkerPool) -> None:
    outcomes = list(doubling.map([1, "user error", "error", "print", lambda: None, 5]))
    assert [outcome.value for outcome in outcomes] == [2, None, None, "printprint", None, 10]
    assert [outcome.error for outcome in outcomes[1:3]] == ["give something else", "ValueError: odd"]
    assert "pickle" in outcomes[4].error.lower()


def test_two_may_be_under_way(doubling: WorkerPool) -> None:
    first, second = doubling.map(range(50)), doubling.map(range(50, 99))
    pairs = [(a.value, b.value) for a, b in zip(first, second, strict=False)]
    assert pairs == [(2 * i, 2 * i + 100) for i in range(49)]


def test_items_are_taken_as_they_are_needed(doubling: WorkerPool) -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    outcomes = doubling.map(endless())
    assert [next(outcomes).value for _ in range(3)] == [0, 2, 4]
    outcomes.close()  # type: ignore[attr-defined]
    assert len(taken) <= 3 + AHEAD * doubling.jobs
    assert [outcome.value for outcome in doubling.map([7])] == [14]


def test_a_worker_that_dies_costs_no_item(tmp_path: Path) -> None:
    with WorkerPool(jobs.die_once, jobs=2) as pool:
        outcomes = list(pool.map(["", str(tmp_path / "died"), "", ""]))
    assert [outcome.error for outcome in outcomes] == [""] * 4
    assert (tmp_path / "died").exists()


def test_an_item_that_kills_each_worker_is_given_up() -> None:
    with WorkerPool(jobs.die, jobs=1) as pool:
        outcomes = list(pool.map(range(5)))
    assert [outcome.value for outcome in outcomes] == [0, 1, 2, None, 4]
    assert outcomes[3].error == "the process that read it has died (exit code 7)"


def test_each_worker_has_a_processor_of_its_own() -> None:
    mine = sorted(os.sched_getaffinity(0))
    with WorkerPool(jobs.cores, jobs=2) as pool:
        used = dict(outcome.value for outcome in pool.map(range(8)))
    assert all(len(core) == 1 and core[0] in mine for core in used.values())
    assert len(used) == 2 and (len(mine) == 1 or len({core[0] for core in used.values()}) == 2)


def test_workers_that_cannot_start_say_so_once() -> None:
    with WorkerPool(jobs.CannotLoad(), jobs=2) as pool, pytest.raises(UserError, match="cannot start: ValueError"):
        list(pool.map(range(4)))


def test_closing_leaves_no_process_and_no_thread() -> None:
    before = threading.active_count()
    pool = WorkerPool(jobs.double, jobs=2)
    outcomes: Any = pool.map(range(100))
    next(outcomes)
    processes = list(pool._processes.values())
    pool.close()
    with pytest.raises(UserError, match="closed"):
        list(outcomes)
    assert all(process.poll() is not None for process in processes) and threading.active_count() == before
    with pytest.raises(UserError, match="closed"):
        list(pool.map([1]))


def test_a_worker_killed_while_it_starts_costs_no_item(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = _Worker.wait_until_ready
    begun: list[_Worker] = []

    def killed_at_first(worker: _Worker) -> None:
        begun.append(worker)
        if len(begun) == 1:
            worker.process.kill()
            worker.process.wait()
        ready(worker)

    monkeypatch.setattr(_Worker, "wait_until_ready", killed_at_first)
    with WorkerPool(jobs.double, jobs=1) as pool:
        assert [outcome.value for outcome in pool.map(range(3))] == [0, 2, 4]
    assert len(begun) == 2
