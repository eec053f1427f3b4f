"""How many processors this process may really use. Knows nothing of models."""

from __future__ import annotations

import math
import os
from pathlib import Path

from crnn.errors import UserError

CGROUP = Path("/sys/fs/cgroup")


def available_cpus(cgroup: Path = CGROUP) -> int:
    """Processors left by the affinity mask (cpusets are part of it) and by the container's quota; at least 1.

    A quota of 1.5 processors counts as 2: the scheduler lets two threads run, throttled.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota(cgroup)
    return cpus if quota is None else max(1, min(cpus, math.ceil(quota)))


def cgroup_quota(cgroup: Path = CGROUP) -> float | None:
    """Processors the CPU quota grants (cgroup v2 `cpu.max`, v1 `cpu.cfs_quota_us`), None if unlimited."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except OSError:
        try:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    return None if quota in ("max", "-1") else int(quota) / int(period)


def check_threads(threads: int, cgroup: Path = CGROUP) -> int:
    """`threads`, if it is at least 1 and there are as many processors.

    More threads than processors make each other wait: a reading then takes 3 to 10 times as long.

    Raises:
        UserError: fewer than 1, or more than `available_cpus()`.
    """
    available = available_cpus(cgroup)
    if not 1 <= threads <= available:
        raise UserError(f"threads={threads}, but this process may use {available} processors: choose 1 to {available}")
    return threads
