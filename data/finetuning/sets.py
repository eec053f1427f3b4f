"""Sets of lines that a fine-tune draws or imports, written and cleared."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from crnn.core.errors import UserError
from crnn.datasets.lmdb_store import PARTIAL_SUFFIX, LineStore, LineWriter, StoredLine
from data.converters.convert import GENERATOR as CONVERTED
from data.finetuning.config import DomainConfig
from data.synthesis.build import draw_lines
from data.synthesis.sample import Synthesizer

GENERATOR = "data.finetuning"


def clear(path: Path) -> None:
    """Remove what an interrupted preparation left at `path`.

    Raises:
        UserError: something else stands there.
    """
    if (path / "data.mdb").is_file() and LineStore(path).info.get("generator") not in (GENERATOR, CONVERTED):
        raise UserError(f"{path} is a dataset of another origin: choose another name")
    shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(path.with_name(path.name + PARTIAL_SUFFIX), ignore_errors=True)


def drawn(synthesizer: Synthesizer, seed: int, lines: int, cfg: DomainConfig, what: str) -> Iterable[StoredLine]:
    processes = cfg.processes or len(os.sched_getaffinity(0))
    drawn = draw_lines(synthesizer, seed, 0, lines, processes, chunk=64)
    return tqdm(drawn, total=lines, unit="line", desc=what, mininterval=1.0)


def write(path: Path, lines: Iterable[StoredLine]) -> None:
    with LineWriter(path, {"generator": GENERATOR}) as writer:
        for line in lines:
            writer.append(line)
