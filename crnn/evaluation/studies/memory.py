"""Resident memory of a process that reads lines of random widths; runs as a process of its own.

    python -m crnn.evaluation.studies.memory MODEL LINES

Imports only what reading imports, so the figure is that of a server's worker.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from crnn.core.errors import UserError
from crnn.recognizer import Recognizer

STATM = Path("/proc/self/statm")
WIDEST = 1600  # pixels at the canvas height: lines beyond one canvas are among them
SAMPLES = 50  # times the memory is looked at


@dataclass(frozen=True)
class Memory:
    """Resident megabytes (10^6 bytes).

    Attributes:
        loaded: with the model loaded, nothing read.
        warm: after a tenth of the lines.
        end, peak: after all lines, and the most seen.
        drift: end minus warm.
        lines: how many were read.
    """

    loaded: float
    warm: float
    end: float
    peak: float
    drift: float
    lines: int


def resident_megabytes() -> float:
    """This process's resident memory in 10^6 bytes."""
    return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def watch(model: str | Path, lines: int, seed: int = 0) -> Memory:
    """Read `lines` pictures of random widths in this process."""
    recognizer = Recognizer(model)
    loaded = resident_megabytes()
    rng = np.random.default_rng(seed)
    seen = []
    for number in range(lines):
        width = int(rng.integers(8, WIDEST))
        recognizer.read(rng.integers(0, 256, (recognizer.info.canvas.height, width), dtype=np.uint8), "greedy")
        if number % max(1, lines // SAMPLES) == 0:
            seen.append(resident_megabytes())
    end = resident_megabytes()
    warm = seen[len(seen) // 10]
    return Memory(loaded, warm, end, max(*seen, end), end - warm, lines)


def measure_memory(model: str | Path, lines: int) -> Memory:
    """`watch` in a fresh process.

    Raises:
        UserError: the system has no /proc, or the process failed.
    """
    if not STATM.exists():
        raise UserError("resident memory is read from /proc, which this system has not: set studies.memory_lines=0")
    command = [sys.executable, "-m", "crnn.evaluation.studies.memory", str(Path(model).resolve()), str(lines)]
    # From where this package lies: a checkout need not be installed.
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"measuring the memory of {model} failed: {done.stderr.strip().splitlines()[-1]}")
    return Memory(**json.loads(done.stdout))


if __name__ == "__main__":
    print(json.dumps(asdict(watch(sys.argv[1], int(sys.argv[2])))))
