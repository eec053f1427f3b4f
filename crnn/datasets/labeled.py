"""Labeled lines to judge a model by: an LMDB folder or a list of pictures and texts."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from crnn.core.errors import UserError
from crnn.datasets.label_table import BadRow, Row, read_table
from crnn.datasets.lmdb_store import CATEGORY_SEPARATOR, LineStore
from crnn.datasets.picture_paths import find_picture, find_root
from crnn.image.preprocess import ImageError, decode_image

T = TypeVar("T")


@dataclass(frozen=True)
class LabeledLine:
    """One line and the truth about it.

    Attributes:
        name: its file as the list names it, or its number in the LMDB (from 1).
        image: encoded picture.
        text: what stands in it.
        categories: groups it is reported under; several if it is filed by several properties.
    """

    name: str
    image: bytes
    text: str
    categories: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Every group the line counts in: each category, and their combination if there are several."""
        combined = (CATEGORY_SEPARATOR.join(self.categories),) if len(self.categories) > 1 else ()
        return combined + self.categories


def has_hanzi(text: str) -> bool:
    """Whether a Chinese character stands in `text` (the unified ideographs' first two blocks)."""
    return any("\u3400" <= character <= "\u9fff" for character in text)


def read_lines(path: str | Path, samples: int | None = None, seed: int = 0) -> list[LabeledLine]:
    """Read an LMDB folder, or a list as `crnn.datasets.label_table` reads it: `file<TAB>text[<TAB>category...]`.

    `samples` lines at most, drawn by `seed` and kept in order; all of them if None.

    Raises:
        UserError: nothing there, a malformed row, a missing file, an undecodable picture, or no line.
    """
    if not str(path):
        raise UserError("dataset is empty: give an LMDB folder, or a TSV of file, text and category")
    path = Path(path)
    if samples is not None and samples < 1:
        raise UserError(f"samples={samples}: at least one line is needed, or null for all")
    if path.is_dir():
        lines = _read_store(LineStore(path), samples, seed)
    elif path.is_file():
        rows = _read_rows(path)
        root = find_root(path, (row.file for row in rows)) or path.parent
        lines = [_open_row(root, row) for row in _draw(rows, samples, seed)]
    else:
        raise UserError(f"no dataset at {path}: give an LMDB folder, or a TSV of file, text and category")
    if not lines:
        raise UserError(f"{path} holds no lines")
    for line in lines:
        try:
            decode_image(line.image)
        except ImageError as error:
            raise UserError(f"{path}: line {line.name} cannot be read ({error}): repair or remove it") from None
    return lines


def _draw(items: list[T], samples: int | None, seed: int) -> list[T]:
    if samples is None or samples >= len(items):
        return items
    return [items[i] for i in sorted(random.Random(seed).sample(range(len(items)), samples))]


def _read_store(store: LineStore, samples: int | None, seed: int) -> list[LabeledLine]:
    lines = []
    for index in _draw(list(range(len(store))), samples, seed):
        stored = store[index]
        categories = tuple(part for part in stored.category.split(CATEGORY_SEPARATOR) if part)
        lines.append(LabeledLine(str(index + 1), stored.image, stored.label, categories))
    return lines


def _read_rows(path: Path) -> list[Row]:
    rows = []
    for row in read_table(path).rows:
        if isinstance(row, BadRow):
            raise UserError(
                f"{path}:{row.number}: {row.why}; expected file<TAB>text[<TAB>category...], found {row.content[:80]!r}"
            )
        rows.append(row)
    return rows


def _open_row(root: Path, row: Row) -> LabeledLine:
    try:
        image = find_picture(root, row.file).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"line {row.number} names {row.file!r}, which cannot be opened: {why}") from None
    return LabeledLine(row.file, image, row.text, row.categories)
