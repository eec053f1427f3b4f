"""Draws synthetic lines into an LMDB: `python -m data.synthesis.build name=train_a lines=150000 seed=1` (`make data`).

Knows processes, progress and files; what a line looks like is `data.synthesis`'s affair. An interrupted build is
taken up where it stopped, and never looks finished.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import cv2
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from tqdm import tqdm

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.files import CORPUS_LIST, FONT_LIST
from crnn.core.stage import stage
from crnn.datasets.lmdb_store import LineWriter, StoredLine
from data.synthesis.sample import Synthesizer
from data.synthesis.settings import SynthesisSettings


@dataclass
class PreviewConfig:
    """The contact sheet; see configs/data.yaml."""

    lines: int = MISSING
    columns: int = MISSING
    centers: bool = MISSING
    output: str = MISSING
    synthesize: bool = MISSING


@dataclass
class DataConfig:
    """Which lines to draw, and where; see configs/data.yaml."""

    name: str = MISSING
    profile: str = MISSING
    split: str = MISSING
    lines: int = MISSING
    seed: int = MISSING
    processes: int = MISSING
    chunk: int = MISSING
    recipes: str = MISSING
    synthesis: dict[str, Any] = field(default_factory=dict)
    charset: str = MISSING
    artifacts: str = MISSING
    test_groups: dict[str, list[str]] = MISSING
    test_recipes: list[str] = MISSING
    preview: PreviewConfig = field(default_factory=PreviewConfig)

    @property
    def dataset(self) -> Path:
        """The folder of the set."""
        return Path(self.artifacts) / "lines" / self.name


def load_settings(cfg: DataConfig) -> SynthesisSettings:
    """The recipe book with the changes of `cfg.synthesis`.

    Raises:
        UserError: the file is missing, or holds an unknown key or a value of the wrong type.
    """
    if not Path(cfg.recipes).is_file():
        raise UserError(f"no recipe book at {cfg.recipes!r}: profile is quick or full, or give recipes=FILE.yaml")
    try:
        merged = OmegaConf.merge(OmegaConf.structured(SynthesisSettings), OmegaConf.load(cfg.recipes), cfg.synthesis)
    except OmegaConfBaseException as error:
        key = f" at {error.full_key}" if error.full_key else ""
        raise UserError(f"synthesis settings of {cfg.recipes}{key}: {str(error).splitlines()[0]}") from None
    settings = OmegaConf.to_object(merged)
    assert isinstance(settings, SynthesisSettings)
    return settings


def make_synthesizer(cfg: DataConfig) -> Synthesizer:
    """The synthesizer that `cfg` describes.

    Raises:
        UserError: a file is missing, or the split is neither train nor test.
    """
    if cfg.split not in ("train", "test"):
        raise UserError(f"split is train or test, not {cfg.split!r}")
    artifacts = Path(cfg.artifacts)
    cells = []
    if cfg.split == "test":
        cells = [(kinds, recipe) for kinds in cfg.test_groups.values() for recipe in cfg.test_recipes]
    return Synthesizer(
        load_settings(cfg),
        Charset.load(cfg.charset),
        artifacts / "fonts" / cfg.profile / FONT_LIST,
        artifacts / "corpus" / cfg.profile,
        cfg.split,
        cells,
    )


def describe(cfg: DataConfig, synthesizer: Synthesizer) -> dict[str, Any]:
    """What makes two sets the same; a build goes on only from lines drawn under an equal description."""
    artifacts = Path(cfg.artifacts)
    sources = [
        artifacts / "fonts" / cfg.profile / FONT_LIST,
        artifacts / "corpus" / cfg.profile / CORPUS_LIST,
    ]
    return {
        "generator": "data.synthesis",
        "profile": cfg.profile,
        "split": cfg.split,
        "seed": cfg.seed,
        "charset_sha256": synthesizer.charset.sha256,
        "sources_sha256": [hashlib.sha256(path.read_bytes()).hexdigest() for path in sources],
        "settings_sha256": hashlib.sha256(json.dumps(asdict(synthesizer.settings)).encode()).hexdigest(),
    }


_worker: Synthesizer | None = None
_worker_seed = 0


def _start(synthesizer: Synthesizer, seed: int) -> None:
    """Prepare a worker process: one thread, the synthesizer kept."""
    global _worker, _worker_seed
    cv2.setNumThreads(0)  # the processes fill the cores already
    _worker, _worker_seed = synthesizer, seed
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: BaseProcess) -> None:
    """A build that was killed leaves no workers behind."""
    parent.join()
    os._exit(1)


def _draw(indices: range) -> list[StoredLine]:
    assert _worker is not None
    quality = _worker.settings.jpeg_quality
    return [_worker.line(_worker_seed, i).store(quality) for i in indices]


def draw_lines(
    synthesizer: Synthesizer, seed: int, first: int, last: int, processes: int, chunk: int
) -> Iterator[StoredLine]:
    """Lines `first` .. `last` - 1 in order, drawn by `processes` processes."""
    ranges = (range(start, min(start + chunk, last)) for start in range(first, last, chunk))
    if processes == 1:
        _start(synthesizer, seed)
        for indices in ranges:
            yield from _draw(indices)
        return
    with multiprocessing.Pool(processes, _start, (synthesizer, seed)) as pool:
        for lines in pool.imap(_draw, ranges):
            yield from lines


def build(cfg: DataConfig) -> Path:
    """Draw the set that `cfg` describes; returns its folder.

    Raises:
        UserError: sources are missing, the set exists, or an unfinished one was begun with other settings.
    """
    if cfg.lines < 1 or cfg.chunk < 1 or cfg.processes < 0:
        raise UserError("lines and chunk must be at least 1, processes at least 0 (0: one a core)")
    synthesizer = make_synthesizer(cfg)
    processes = cfg.processes or len(os.sched_getaffinity(0))
    with LineWriter(cfg.dataset, describe(cfg, synthesizer)) as writer:
        first = len(writer)
        if first:
            print(f"{first:,} lines are there already: going on from there")
        lines = draw_lines(synthesizer, cfg.seed, first, cfg.lines, processes, cfg.chunk)
        for line in tqdm(lines, total=cfg.lines, initial=first, unit="line", desc=cfg.name, mininterval=1.0):
            writer.append(line)
    size = (cfg.dataset / "data.mdb").stat().st_size
    print(f"{cfg.dataset}: {max(first, cfg.lines):,} lines, {size / 1e6:.0f} MB")
    return cfg.dataset


@stage("data", DataConfig)
def main(config: DataConfig) -> None:
    build(config)


if __name__ == "__main__":
    main()
