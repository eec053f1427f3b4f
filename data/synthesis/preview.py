"""Writes a contact sheet of lines with labels and character centers: `python -m data.synthesis.preview name=train_a`.

Reads a finished set, or draws lines afresh with `preview.synthesize=true`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from crnn.core.errors import UserError
from crnn.core.files import FONT_LIST
from crnn.core.stage import stage
from crnn.datasets.lmdb_store import LineStore, StoredLine
from crnn.image.preprocess import decode_image
from data.synthesis.build import DataConfig, make_synthesizer
from data.synthesis.faces import Face, read_faces
from data.synthesis.glyphs import Style
from data.synthesis.rand import Rand
from data.synthesis.settings import Recipe
from data.synthesis.typeset import typeset

HEIGHT, CAPTION, GAP = 40, 26, 8  # pixels of a line, of its label, and between entries
COLUMN = 1000
GRAY = 205


def sheet(lines: list[StoredLine], columns: int, face: Face, centers: bool = True) -> np.ndarray:
    """Lines with their labels below, column by column: uint8 (height, width)."""
    cells = [_cell(line, face, centers) for line in lines]
    rows = -(-len(cells) // columns)
    step = HEIGHT + CAPTION + GAP
    page = np.full((rows * step + GAP, columns * (COLUMN + GAP) + GAP), GRAY, np.uint8)
    for i, cell in enumerate(cells):
        column, row = divmod(i, rows)
        y, x = GAP + row * step, GAP + column * (COLUMN + GAP)
        page[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
    return page


def _cell(line: StoredLine, face: Face, centers: bool) -> np.ndarray:
    image = decode_image(line.image)
    image = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    scale = min(HEIGHT / image.shape[0], COLUMN / image.shape[1])
    width, height = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    cell = np.full((HEIGHT + CAPTION, COLUMN), GRAY, np.uint8)
    cell[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    if centers and line.centers is not None:
        for x in (line.centers * scale).astype(int).clip(0, COLUMN - 1):
            cell[HEIGHT + 1 : HEIGHT + 6, x] = 0
    ink = typeset(f"{line.label}  [{line.category}]", face, None, Style(14), Recipe(), Rand(0, 0)).ink
    part = ink[6 : 6 + CAPTION - 6, :COLUMN]
    region = cell[HEIGHT + 6 : HEIGHT + 6 + part.shape[0], : part.shape[1]]
    np.minimum(region, 255 - part, out=region)
    return cell


def pick(cfg: DataConfig) -> Iterator[StoredLine]:
    """The lines to show: spread evenly over the set, or the first ones drawn afresh."""
    count = cfg.preview.lines
    if cfg.preview.synthesize:
        synthesizer = make_synthesizer(cfg)
        for i in range(count):
            yield synthesizer.line(cfg.seed, i).store(synthesizer.settings.jpeg_quality)
    else:
        store = LineStore(cfg.dataset)
        for i in np.linspace(0, len(store) - 1, min(count, len(store))).astype(int):
            yield store[int(i)]


def preview(cfg: DataConfig) -> Path:
    """Write the sheet; returns its path.

    Raises:
        UserError: no set, no fonts, or the output cannot be written.
    """
    faces = [
        f for f in read_faces(Path(cfg.artifacts) / "fonts" / cfg.profile / FONT_LIST, "train") if f.script == "zh"
    ]
    if not faces:
        raise UserError("no zh face to write the labels with: run `make fonts` first")
    face = min(faces, key=lambda f: (len(f.missing), f.id))
    page = sheet(list(pick(cfg)), cfg.preview.columns, face, cfg.preview.centers)
    path = Path(cfg.preview.output) if cfg.preview.output else cfg.dataset / "preview.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), page):
        raise UserError(f"cannot write {path}: give preview.output=FILE.png in a folder that can be written")
    print(path)
    return path


@stage("data", DataConfig)
def main(config: DataConfig) -> None:
    preview(config)


if __name__ == "__main__":
    main()
