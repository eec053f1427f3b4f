"""Sets of pages with the places of their lines: a folder of pictures and `pages.jsonl`, or PPOCRLabel's `Label.txt`.

A row of `pages.jsonl` is an object with `file`, relative to the folder, and `boxes`, quads of four (x, y) in pixels,
clockwise from the top left corner of the text as it is read. Optional are `texts`, one for each box (null: unknown),
`kind`, a group for reports, and `source`, for example a repository, by which sets can be parted. A page without boxes
is one without text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from crnn.core.errors import UserError
from crnn.core.files import PAGE_LIST
from crnn.datasets.holdout import is_held_out
from crnn.image.decode import decode_image

LABEL_LIST = "Label.txt"
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class LabeledPage:
    """A page and its lines.

    Attributes:
        path: of the picture.
        quads: float32 (n, 4, 2), corners in pixels.
        texts: what each line says, None where that is not known.
        kind: group for reports.
        source: where the page comes from; pages of one source stand on one side of a split.
    """

    path: Path
    quads: np.ndarray
    texts: tuple[str | None, ...]
    kind: str = "page"
    source: str = field(default="")

    def image(self) -> np.ndarray:
        """uint8 (H, W) or (H, W, 3) BGR, upright.

        Raises:
            ImageError: not a picture that can be read.
        """
        return decode_image(self.path.read_bytes())


def read_pages(folder: str | Path) -> list[LabeledPage]:
    """The pages of a set in the order of its list; of a folder of pictures without a list, pages without text.

    Raises:
        UserError: no such folder, no pictures in it, or a row that is none.
    """
    folder = Path(folder)
    if (folder / PAGE_LIST).is_file():
        return [_from_json(folder, number, row) for number, row in _rows(folder / PAGE_LIST)]
    if (folder / LABEL_LIST).is_file():
        return [_from_label(folder, number, row) for number, row in _rows(folder / LABEL_LIST)]
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    if not paths:
        raise UserError(f"{folder} holds neither {PAGE_LIST} nor {LABEL_LIST} nor pictures: give a folder of pages")
    return [LabeledPage(path, np.zeros((0, 4, 2), np.float32), (), "textless", path.name) for path in paths]


def split_by_source(pages: Sequence[LabeledPage], share: float) -> tuple[list[LabeledPage], list[LabeledPage]]:
    """Pages to train on and pages held out, see `is_held_out`."""
    kept: list[LabeledPage] = []
    held: list[LabeledPage] = []
    for page in pages:
        (held if is_held_out(page.source, share) else kept).append(page)
    return kept, held


def _rows(path: Path) -> list[tuple[int, str]]:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _from_json(folder: Path, number: int, row: str) -> LabeledPage:
    try:
        fields = json.loads(row)
        quads = np.asarray(fields["boxes"], np.float32).reshape(-1, 4, 2)
        texts = tuple(fields.get("texts") or [None] * len(quads))
        path = folder / fields["file"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / PAGE_LIST}, line {number}: not a page ({error})") from None
    if len(texts) != len(quads):
        raise UserError(f"{folder / PAGE_LIST}, line {number}: {len(quads)} boxes, but {len(texts)} texts")
    source = str(fields.get("source") or fields.get("repo") or fields["file"])
    return LabeledPage(path, quads, texts, str(fields.get("kind", "page")), source)


def _from_label(folder: Path, number: int, row: str) -> LabeledPage:
    """A row of PPOCRLabel: `path<TAB>[{"transcription": …, "points": [[x, y], …]}, …]`; `###` is text nobody can read.

    Its paths begin with the name of the folder that holds them.
    """
    name, _, shapes = row.partition("\t")
    try:
        lines = [shape for shape in json.loads(shapes) if len(shape["points"]) == 4]
        quads = np.array([shape["points"] for shape in lines], np.float32).reshape(-1, 4, 2)
        texts = tuple(None if shape["transcription"] == "###" else str(shape["transcription"]) for shape in lines)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / LABEL_LIST}, line {number}: not a row of PPOCRLabel ({error})") from None
    places = (folder / name, folder.parent / name, folder / Path(name).name)
    return LabeledPage(next((path for path in places if path.is_file()), places[0]), quads, texts, source=name)
