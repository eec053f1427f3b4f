"""Measures how well lines are found and read on rendered pages, beside other programs.

    python -m data.page_benchmark model=models/crnn-zh-en.int8.onnx 'readers=[ours,tesseract,rapidocr]'

Writes report.json, report.md and a picture of each page with the boxes of the first reader to `output`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import reduce
from operator import add
from pathlib import Path

import cv2
import hydra
import numpy as np
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig
from tqdm import tqdm

from crnn.errors import UserError, exit_cleanly
from crnn.stage import run_stage, typed
from data.page_readers import open_reader
from data.page_scoring import FoundLine, PageScore, score_page
from data.pages import KINDS, Page, render


@dataclass
class PageBenchmarkConfig:
    model: str | None = MISSING
    readers: list[str] = field(default_factory=list)
    languages: str = MISSING
    fonts: str = MISSING
    corpus: str = MISSING
    text_kinds: list[str] = field(default_factory=list)
    leave_out: list[str] = field(default_factory=list)
    shortest: int = MISSING
    kinds: list[str] = field(default_factory=list)
    pages: int = MISSING
    seed: int = MISSING
    output: str = MISSING


@dataclass(frozen=True)
class KindResult:
    """What one reader did on the pages of one kind; `cpu_ms` is processor time a page, of children too."""

    reader: str
    kind: str
    score: PageScore
    cpu_ms: float


def page_benchmark(cfg: PageBenchmarkConfig) -> list[KindResult]:
    """Render the pages, read them with every reader, write the report.

    Raises:
        UserError: fonts, texts, a model or a reader are missing.
    """
    readers = {name: open_reader(name, cfg.model, cfg.languages) for name in cfg.readers}
    if not readers or cfg.pages < 1:
        raise UserError("give at least one reader and one page: 'readers=[ours]' pages=1")
    fonts, missing = _load_fonts(Path(cfg.fonts), cfg.leave_out)
    texts = _load_texts(Path(cfg.corpus), cfg.text_kinds, cfg.shortest, missing)
    output = Path(cfg.output)
    output.mkdir(parents=True, exist_ok=True)
    results: list[KindResult] = []
    for kind in tqdm(cfg.kinds or list(KINDS), desc="pages", unit="kind"):
        pages = [render(kind, cfg.seed + number, fonts, texts) for number in range(cfg.pages)]
        for name, reader in readers.items():
            begin = _cpu_seconds()
            found = [reader(page.image) for page in pages]
            cpu_ms = 1000 * (_cpu_seconds() - begin) / len(pages)
            scores = [score_page(page, lines) for page, lines in zip(pages, found, strict=True)]
            results.append(KindResult(name, kind, reduce(add, scores), cpu_ms))
            if name == cfg.readers[0]:
                for number, (page, lines) in enumerate(zip(pages, found, strict=True)):
                    cv2.imwrite(str(output / f"{kind}-{number}.png"), draw(page, lines))
    (output / "report.json").write_text(json.dumps(_as_json(results), ensure_ascii=False, indent=1) + "\n")
    (output / "report.md").write_text(as_table(results), encoding="utf-8")
    return results


def draw(page: Page, found: Sequence[FoundLine]) -> np.ndarray:
    """The page with the true boxes (thin, green) and the found ones (red), numbered in reading order."""
    image = page.image.copy()
    for line in page.lines:
        cv2.polylines(image, [line.quad.round().astype(np.int32)], True, (0, 160, 0), 1)
    for number, box in enumerate(found):
        corners = box.quad.round().astype(np.int32)
        cv2.polylines(image, [corners], True, (0, 0, 255), 2)
        origin = (int(corners[0, 0]), int(corners[0, 1]))
        cv2.putText(image, str(number), origin, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 0, 0), 2)
    return image


def as_table(results: Sequence[KindResult]) -> str:
    """Markdown: a row for each reader and kind, and one for all kinds of a reader."""
    rows = ["| reader | page | lines | recall | precision | CER | CER by line | CPU ms |", "|" + " --- |" * 8]
    for reader in dict.fromkeys(result.reader for result in results):
        own = [result for result in results if result.reader == reader]
        total = KindResult(
            reader, "**all**", reduce(add, [r.score for r in own]), sum(r.cpu_ms for r in own) / len(own)
        )
        rows += [_row(result) for result in [*own, total]]
    return "\n".join(rows) + "\n"


def _row(result: KindResult) -> str:
    score = result.score
    rates = [
        "-" if rate is None else f"{rate:.3f}" for rate in (score.recall, score.precision, score.cer, score.line_cer)
    ]
    return f"| {result.reader} | {result.kind} | {score.lines} | {' | '.join(rates)} | {result.cpu_ms:.0f} |"


def _as_json(results: Sequence[KindResult]) -> list[dict[str, object]]:
    return [
        asdict(r) | {key: getattr(r.score, key) for key in ("recall", "precision", "cer", "line_cer")} for r in results
    ]


def _load_fonts(path: Path, leave_out: Sequence[str]) -> tuple[list[tuple[str, int]], set[str]]:
    """Chinese test faces as (path, index), and the characters that any of them lacks."""
    if not path.is_file():
        raise UserError(f"no fonts at {path}: run `make fonts` first, or give fonts=FILE")
    faces = [
        face
        for face in json.loads(path.read_text(encoding="utf-8"))["faces"]
        if face["split"] == "test" and face["script"] == "zh" and face["id"] not in leave_out
    ]
    if not faces:
        raise UserError(f"{path} lists no Chinese face for tests")
    fonts = [(str((path.parent / face["path"]).resolve()), int(face["index"])) for face in faces]
    return fonts, set().union(*(face["missing"] for face in faces))


def _load_texts(corpus: Path, kinds: Sequence[str], shortest: int, missing: set[str]) -> list[str]:
    """Test texts that every font can draw; blanks to fill in (`____`) are no text."""
    files = [corpus / "test" / f"{kind}.txt" for kind in kinds]
    present = [file for file in files if file.is_file()]
    if not present:
        raise UserError(f"none of {', '.join(map(str, files))}: run `make corpus` first, or give corpus=FOLDER")
    texts = [text for file in present for text in file.read_text(encoding="utf-8").split("\n")]
    return [text for text in texts if len(text) >= shortest and "_" not in text and not missing & set(text)]


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


ConfigStore.instance().store(name="page_benchmark_schema", node=PageBenchmarkConfig)


@hydra.main(version_base=None, config_path="../configs/evaluate", config_name="pages")
@exit_cleanly()
def main(cfg: DictConfig) -> None:
    print(as_table(page_benchmark(typed(cfg, PageBenchmarkConfig))), end="")


if __name__ == "__main__":
    run_stage(main)
