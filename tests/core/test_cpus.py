"""Processors that a container grants."""

from pathlib import Path

import pytest

from crnn.core.cpus import available_cpus, cgroup_quota, check_threads
from crnn.core.errors import UserError


@pytest.mark.parametrize(("content", "quota"), [("max 100000", None), ("150000 100000", 1.5), ("50000 100000", 0.5)])
def test_quota_of_cgroup_v2(tmp_path: Path, content: str, quota: float | None) -> None:
    (tmp_path / "cpu.max").write_text(content + "\n")
    assert cgroup_quota(tmp_path) == quota


@pytest.mark.parametrize("content", ["", "150000", "max", "150000 0", "0 0", "-1 -1", "1e5 100000", "\0\0", "1 2 3"])
def test_a_quota_that_cannot_be_made_out_is_no_limit(tmp_path: Path, content: str) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert cgroup_quota(tmp_path) is None
    assert available_cpus(tmp_path) >= 1


@pytest.mark.parametrize(("content", "quota"), [("-1", None), ("200000", 2.0)])
def test_quota_of_cgroup_v1(tmp_path: Path, content: str, quota: float | None) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(content + "\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cgroup_quota(tmp_path) == quota


def test_a_small_quota_leaves_one_processor(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("10000 100000\n")
    assert available_cpus(tmp_path) == 1
    assert check_threads(1, tmp_path) == 1
    with pytest.raises(UserError, match="threads=2, but this process may use 1"):
        check_threads(2, tmp_path)


def test_without_cgroups_the_affinity_counts(tmp_path: Path) -> None:
    assert available_cpus(tmp_path) >= 1
    with pytest.raises(UserError, match="threads=0"):
        check_threads(0, tmp_path)
