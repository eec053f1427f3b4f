"""Reads a folder of labeled pages with several engines in turn, as they are and turned, and reports what they find."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import reduce
from operator import add
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from crnn.core.errors import UserError
from crnn.datasets.pages import LabeledPage, read_pages, split_by_source
from crnn.evaluation.engines.peers import PaddlePeer
from crnn.evaluation.pages.engines import PageEngine, open_engine
from crnn.evaluation.pages.measure import Found, PageScore, score_page
from crnn.image.rotation import moved, rotate


@dataclass
class PageBenchmarkConfig:
    """Attributes:
    name: of the folder under `artifacts` that gets the report.
    pages: folder of labeled pages, see `crnn.datasets.pages`.
    held_out: judge by this share of the sources alone, the one that training leaves out; null for all pages.
    most: pages read at most, evenly spread.
    engines: see `crnn.evaluation.pages.engines`.
    finder, model: of this project; null for the shipped ones, model="" to find without reading.
    languages: Tesseract's.
    tiny: folder of the unpacked package with PP-OCRv6 tiny, for the engine rapidocr_tiny; null to fetch the one
        that `paddle` names.
    paddle: see configs/paddle/recognizers.yaml.
    turned: degrees clockwise by which each page is turned, one after the other; [0,5,15,90,180,270] is what
        photographs and scanners do.
    pictures: draw the boxes of the first engine into copies of so many pages.
    """

    name: str = "pages"
    artifacts: str = "artifacts"
    pages: str = ""
    held_out: float | None = None
    most: int | None = None
    engines: list[str] = field(default_factory=lambda: ["ours"])
    finder: str | None = None
    model: str | None = None
    languages: str = "chi_sim+eng"
    tiny: str | None = None
    paddle: dict[str, PaddlePeer] = field(default_factory=dict)
    turned: list[float] = field(default_factory=lambda: [0.0])
    pictures: int = 0


@dataclass(frozen=True)
class EngineResult:
    """What an engine did on the pages of one kind; `cpu_ms` is processor time a page, of children too."""

    engine: str
    turned: float
    kind: str
    pages: int
    score: PageScore
    cpu_ms: float


def benchmark_pages(config: PageBenchmarkConfig) -> list[EngineResult]:
    """Read the pages with every engine and write report.json, report.md and pictures; returns the results.

    Raises:
        UserError: no pages, no engine, or one that is not installed.
    """
    if not config.pages:
        raise UserError("no pages given: pages=FOLDER with pages.jsonl or Label.txt")
    tiny = Path(config.tiny) if config.tiny else None
    engines = {name: open_engine(name, config.finder, config.model, config.languages, tiny) for name in config.engines}
    pages = read_pages(config.pages)
    if config.held_out is not None:
        _, pages = split_by_source(pages, config.held_out)
    if config.most is not None and len(pages) > config.most:
        pages = [pages[i] for i in np.linspace(0, len(pages) - 1, config.most).astype(int)]
    output = Path(config.artifacts) / config.name
    output.mkdir(parents=True, exist_ok=True)
    rows: list[EngineResult] = []
    for page in tqdm(pages, desc="pages", unit="page"):
        for degrees in config.turned:
            rows += _read_page(page, degrees, engines)
    for number, page in enumerate(pages[: config.pictures]):
        image = page.image()
        cv2.imwrite(str(output / f"{number:04d}.jpg"), draw(image, page, engines[config.engines[0]](image)))
    results = summarize(rows)
    report = {"pages": config.pages, "count": len(pages), "results": [_as_json(result) for result in results]}
    (output / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (output / "report.md").write_text(as_table(results), encoding="utf-8")
    return results


def _read_page(page: LabeledPage, degrees: float, engines: dict[str, PageEngine]) -> list[EngineResult]:
    image, turned = rotate_page(page.image(), page, degrees)
    rows = []
    for name, engine in engines.items():
        begin = _cpu_seconds()
        found = engine(image)
        cpu_ms = 1000 * (_cpu_seconds() - begin)
        rows.append(EngineResult(name, degrees, page.kind, 1, score_page(turned, found), cpu_ms))
    return rows


def summarize(rows: Sequence[EngineResult]) -> list[EngineResult]:
    """Results of single pages added up by engine, angle and kind, and over all kinds."""
    results = []
    for engine, degrees in dict.fromkeys((row.engine, row.turned) for row in rows):
        own = [row for row in rows if (row.engine, row.turned) == (engine, degrees)]
        groups = {kind: [row for row in own if row.kind == kind] for kind in dict.fromkeys(row.kind for row in own)}
        for kind, of_kind in {**groups, "all": own}.items():
            score = reduce(add, [row.score for row in of_kind])
            cpu_ms = float(np.mean([row.cpu_ms for row in of_kind]))
            results.append(EngineResult(engine, degrees, kind, len(of_kind), score, cpu_ms))
    return results


def rotate_page(image: np.ndarray, page: LabeledPage, degrees: float) -> tuple[np.ndarray, LabeledPage]:
    """The page and its lines turned clockwise about the middle, into a picture that holds all of it."""
    if not degrees:
        return image, page
    turned, matrix = rotate(image, degrees)
    return turned, LabeledPage(page.path, moved(page.quads, matrix), page.texts, page.kind, page.source)


def draw(image: np.ndarray, page: LabeledPage, found: Sequence[Found]) -> np.ndarray:
    """The page with the true boxes (thin, green) and the found ones (red), numbered in reading order."""
    picture = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image.copy()
    for quad in page.quads:
        cv2.polylines(picture, [quad.round().astype(np.int32)], True, (0, 160, 0), 1)
    for number, line in enumerate(found):
        corners = line.quad.round().astype(np.int32)
        cv2.polylines(picture, [corners], True, (0, 0, 255), 2)
        origin = (int(corners[0, 0]), int(corners[0, 1]))
        cv2.putText(picture, str(number), origin, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 0, 0), 1)
    return picture


def as_table(results: Sequence[EngineResult]) -> str:
    """Markdown: a row for each engine, angle and kind."""
    head = ("engine", "turned", "pages of", "pages", "lines", "found", "precision", "boxes off any line, a page",
            "merged", "split", "read exactly", "CER", "CPU ms a page")  # fmt: skip
    rows = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for result in results:
        score = result.score
        read = [f"{100 * score.exact_share:.1f} %", f"{100 * score.cer:.1f} %"] if score.texts else ["-", "-"]
        shares = [f"{100 * score.recall:.1f} %", f"{100 * score.precision:.1f} %"]
        spurious = f"{score.spurious / result.pages:.2f}"
        counts = [str(result.pages), str(score.lines)]
        cells = [result.engine, f"{result.turned:g}°", result.kind, *counts, *shares, spurious, str(score.merged)]
        rows.append(f"| {' | '.join([*cells, str(score.split), *read, f'{result.cpu_ms:.0f}'])} |")
    return "\n".join(rows) + "\n"


def _as_json(result: EngineResult) -> dict[str, object]:
    shares = {name: getattr(result.score, name) for name in ("recall", "precision", "exact_share", "cer")}
    return {**asdict(result), **shares}


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
