"""Renders test pages of eight plain kinds whose every line is known.

python -m data.synthesis.benchmark_pages name=plain pages=3

Writes artifacts/pages/<name>/ in the format of `crnn.datasets.pages`, in the faces and texts kept for tests.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
from omegaconf import MISSING

from crnn.core.errors import UserError
from crnn.core.files import PAGE_LIST
from crnn.core.stage import stage
from data.synthesis.plain.layouts import KINDS, render


@dataclass
class PlainPagesConfig:
    """See configs/plain_pages.yaml."""

    name: str = MISSING
    artifacts: str = MISSING
    fonts: str = MISSING
    leave_out: list[str] = MISSING
    corpus: str = MISSING
    text_kinds: list[str] = MISSING
    shortest: int = MISSING
    kinds: list[str] = MISSING
    pages: int = MISSING
    seed: int = MISSING


def write_plain_pages(cfg: PlainPagesConfig) -> Path:
    """Render `cfg.pages` pages of each kind; returns the set's folder.

    Raises:
        UserError: fonts or texts are missing.
    """
    fonts, missing = _load_fonts(Path(cfg.fonts), cfg.leave_out)
    texts = _load_texts(Path(cfg.corpus), cfg.text_kinds, cfg.shortest, missing)
    folder = Path(cfg.artifacts) / "pages" / cfg.name
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for kind in cfg.kinds or list(KINDS):
        for number in range(cfg.pages):
            page = render(kind, cfg.seed + number, fonts, texts)
            file = folder / f"{kind}-{number}.png"
            cv2.imwrite(str(file), page.image)
            boxes = [line.quad.round(1).tolist() for line in page.lines]
            row = {"file": file.name, "kind": kind, "boxes": boxes, "texts": [line.text for line in page.lines]}
            rows.append(json.dumps(row, ensure_ascii=False) + "\n")
    (folder / PAGE_LIST).write_text("".join(rows), encoding="utf-8")
    return folder


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


@stage("plain_pages", PlainPagesConfig)
def main(config: PlainPagesConfig) -> None:
    print(write_plain_pages(config))


if __name__ == "__main__":
    main()
