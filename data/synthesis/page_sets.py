"""Renders a set of pages whose every line is known.

python -m data.synthesis.page_sets name=rendered pages=3000 seed=1

Writes artifacts/pages/<name>/{000000.jpg, …, pages.jsonl}, in the format that `crnn.datasets.pages` reads. Page i
depends on the seed, on i and on the sources alone; an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from omegaconf import MISSING
from tqdm import tqdm

from crnn.core.atomic import replacing
from crnn.core.errors import UserError
from crnn.core.files import FONT_LIST, PAGE_LIST
from crnn.core.stage import stage
from data.synthesis.pages.render import KINDS, render
from data.synthesis.pages.stock import Stock


@dataclass
class PageSetConfig:
    """See configs/page_sets.yaml."""

    name: str = MISSING
    profile: str = MISSING
    split: str = MISSING
    pages: int = MISSING
    seed: int = MISSING
    workers: int = MISSING
    photographs: str = MISSING
    artifacts: str = MISSING
    layouts: list[str] = MISSING


_stock: Stock | None = None


def build_pages(cfg: PageSetConfig) -> Path:
    """Render the pages that are missing; returns the set's folder.

    Raises:
        UserError: fonts or texts are missing, or the set was begun with another seed or split.
    """
    if cfg.split not in ("train", "test"):
        raise UserError(f"split is train or test, not {cfg.split!r}")
    if cfg.pages < 1 or cfg.workers < 1:
        raise UserError("pages and workers must be at least 1")
    if unknown := set(cfg.layouts) - set(KINDS):
        raise UserError(f"no layout {', '.join(sorted(unknown))}: choose of {', '.join(KINDS)}")
    artifacts = Path(cfg.artifacts)
    folder = artifacts / "pages" / cfg.name
    description: dict[str, Any] = {"profile": cfg.profile, "split": cfg.split, "seed": cfg.seed}
    if cfg.layouts:
        description["layouts"] = list(cfg.layouts)
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "set.json"
    if note.is_file() and json.loads(note.read_text()) != description:
        raise UserError(f"{folder} was begun with {note.read_text()}: choose another name, or remove it")
    note.write_text(json.dumps(description))
    there = _rows(folder)
    missing = [i for i in range(cfg.pages) if i not in there]
    fonts, corpus = artifacts / "fonts" / cfg.profile / FONT_LIST, artifacts / "corpus" / cfg.profile
    sources = (fonts, corpus, Path(cfg.photographs), cfg.split)
    jobs = ((cfg.seed, i, folder, cfg.layouts[i % len(cfg.layouts)] if cfg.layouts else None) for i in missing)
    with ExitStack() as stack, open(folder / PAGE_LIST, "a", encoding="utf-8") as listing:
        rows: Iterator[dict[str, Any]]
        if cfg.workers == 1:
            _start(*sources)
            rows = map(_render, jobs)
        else:
            pool = stack.enter_context(multiprocessing.get_context("spawn").Pool(cfg.workers, _start, sources))
            rows = pool.imap(_render, jobs)
        for row in tqdm(
            rows, total=cfg.pages, initial=cfg.pages - len(missing), unit="page", desc=cfg.name, mininterval=1
        ):
            listing.write(json.dumps(row, ensure_ascii=False) + "\n")
            listing.flush()
    return folder


def _rows(folder: Path) -> set[int]:
    """Numbers of the pages that are there; a row that was cut off by an interruption is taken out of the list."""
    path = folder / PAGE_LIST
    if not path.is_file():
        return set()
    good, numbers = [], set()
    for line in path.read_text(encoding="utf-8").split("\n"):
        try:
            name = json.loads(line)["file"]
        except ValueError:
            continue
        if (folder / name).is_file():
            good.append(line + "\n")
            numbers.add(int(Path(name).stem))
    with replacing(path) as unfinished:
        unfinished.write_text("".join(good), encoding="utf-8")
    return numbers


def _start(fonts: Path, corpus: Path, photographs: Path, split: str) -> None:
    """Prepare a process: one thread, the sources kept."""
    global _stock
    cv2.setNumThreads(0)
    _stock = Stock.load(fonts, corpus, photographs, split)


def _render(job: tuple[int, int, Path, str | None]) -> dict[str, Any]:
    """Render and write one page; its row of the list."""
    seed, index, folder, layout = job
    assert _stock is not None
    page = render(seed, index, _stock, layout)
    file = folder / f"{index:06}.jpg"
    _, data = cv2.imencode(".jpg", page.image, [cv2.IMWRITE_JPEG_QUALITY, page.quality])
    with replacing(file) as unfinished:
        unfinished.write_bytes(data.tobytes())
    return {
        "file": file.name,
        "size": list(page.image.shape[:2]),
        "kind": "rendered",
        "layout": page.layout,
        "boxes": [[[round(float(x), 1), round(float(y), 1)] for x, y in quad] for quad in page.quads],
        "texts": list(page.texts),
    }


@stage("page_sets", PageSetConfig)
def main(config: PageSetConfig) -> None:
    folder = build_pages(config)
    print(f"{folder}: {len(_rows(folder)):,} pages")


if __name__ == "__main__":
    main()
