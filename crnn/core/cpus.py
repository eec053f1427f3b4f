"""How many processors this process may really use."""

from __future__ import annotations

import math
import os
from pathlib import Path

from crnn.core.errors import UserError

CGROUP = Path("/sys/fs/cgroup")


def available_cpus(cgroup: Path = CGROUP) -> int:
    """Processors left by the affinity mask (cpusets are part of it) and by the container's quota; at least 1.

    A quota of 1.5 processors counts as 2: the scheduler lets two threads run, throttled.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota(cgroup)
    return cpus if quota is None else max(1, min(cpus, math.ceil(quota)))


def cgroup_quota(cgroup: Path = CGROUP) -> float | None:
    """Processors the CPU quota grants (cgroup v2 `cpu.max`, v1 `cpu.cfs_quota_us`).

    Returns:
        None if there is no limit, or none that can be made out.
    """
    try:
        text = (cgroup / "cpu.max").read_text(errors="replace")
    except OSError:
        try:
            files = [cgroup / "cpu" / f"cpu.cfs_{name}_us" for name in ("quota", "period")]
            text = " ".join(file.read_text(errors="replace") for file in files)
        except OSError:
            return None
    match text.split():
        case [quota, period] if quota.isdecimal() and period.isdecimal() and int(period):
            return int(quota) / int(period)
        case _:  # "max" or "-1": no limit
            return None


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
