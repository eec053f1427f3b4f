"""Reads labeled text lines in the forms other programs write; pictures and characters are judged later.

tsv      `file<TAB>text[<TAB>category]`, with or without a header; also separated by commas or semicolons
paddle   PaddleOCR recognition list: the same, or `["file", "file"]<TAB>text` for several pictures of one text
gt_txt   pairs of tesstrain, OCRopus and Calamari: `x.png` (or `x.raw.png`, `x.nrm.png`, `x.bin.png`) and `x.gt.txt`
trdg     TextRecognitionDataGenerator: `labels.txt` of `file text`, else names `text_0.jpg` or `0_text.jpg`
lmdb     database of deep-text-recognition-benchmark or PARSeq, or our own
jsonl    one JSON object a line, `{"file", "text"}` and what else is known of it (see `JsonLines`); the pictures beside
         it, or those of a folder `x/` in `x.tar`
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from crnn.core.errors import UserError
from crnn.datasets.label_dialect import PICTURE_SUFFIXES
from crnn.datasets.label_table import BadRow, LabelTable, Row, read_table, read_text
from crnn.datasets.lmdb_store import CATEGORY_SEPARATOR, LineStore
from crnn.datasets.picture_paths import find_picture, find_root
from crnn.datasets.validation import Reason, Reject
from data.converters.json_lines import JsonLines
from data.converters.labeled_line import LabeledLine

FORMATS = ("paddle", "tsv", "gt_txt", "trdg", "lmdb", "jsonl")
GT_TXT = ".gt.txt"
# beside one .gt.txt may lie the plain, the normalized and the binarized picture: the plain one has lost least
GT_SUFFIXES = (*PICTURE_SUFFIXES, ".raw.png", ".nrm.png", ".bin.png")


@dataclass(frozen=True)
class Source:
    """Where labeled lines are.

    Attributes:
        path: the list file, the folder, or the LMDB's folder.
        form: one of `FORMATS`.
        images: folder that the paths in a list start from; None to find it out.
        encoding: of text files.
    """

    path: Path
    form: str
    images: Path | None = None
    encoding: str = "utf-8"

    @cached_property
    def table(self) -> LabelTable:
        """The rows of a list in the form paddle or tsv."""
        return read_table(self.path, self.encoding)

    def describe(self) -> str:
        """What was found out about the source, for people."""
        how = f": {self.table.describe()}" if self.form in ("paddle", "tsv") else ""
        return f"{self.path} is read as {self.form}{how}"

    def lines(self) -> Sequence[LabeledLine | Reject]:
        """The lines in a stable order; an entry that cannot even be told apart is a `Reject`."""
        if self.form == "lmdb":
            return LmdbLines(self.path)
        if self.form == "jsonl":
            return JsonLines(self.path, self.images or self.path.parent, self.encoding)
        readers = {"paddle": _table, "tsv": _table, "gt_txt": _gt_txt, "trdg": _trdg}
        lines = list(readers[self.form](self))
        if not lines:
            raise UserError(f"{self.path} holds no labeled lines in the format {self.form!r}")
        return lines


def _root(source: Source, rows: Sequence[Row]) -> Path:
    """Folder that the list's paths start from: as given, else found out."""
    root = source.images or find_root(source.path, (row.file for row in rows))
    if root is None:
        raise UserError(
            f"{source.path} names pictures (e.g. {rows[0].file if rows else 'none'}) that are neither in "
            f"{source.path.resolve().parent} nor in any folder above: say images=FOLDER, the folder they are in"
        )
    return root


def _table(source: Source) -> Iterator[LabeledLine | Reject]:
    rows = [row for row in source.table.rows if isinstance(row, Row)]
    if rows and all(_lists_boxes(row.text) for row in rows):
        raise UserError(
            f"{source.path} lists boxes for text detection, not lines: cut the lines out first "
            "(PPOCRLabel's `Export Recognition Result` writes rec_gt.txt and crop_img/), import that list"
        )
    root = _root(source, rows)
    images = {name: find_picture(root, name) for name in dict.fromkeys(row.file for row in rows)}
    names: defaultdict[Path, list[str]] = defaultdict(list)
    for name, image in images.items():
        names[image].append(name)
    for row in source.table.rows:
        where = f"row {row.number}"
        if isinstance(row, BadRow):
            yield Reject(where, row.content, Reason.ENTRY, row.why, row.number)
        elif len(same := names[images[row.file]]) > 1 and any(root / name != images[name] for name in same):
            why = f"{', '.join(same[:3])} would all be {images[row.file]}: nobody knows whose text it shows"
            yield Reject(row.file, row.text, Reason.IMAGE, why, row.number)
        elif _lists_boxes(row.text):
            yield Reject(row.file, row.text, Reason.ENTRY, "boxes for text detection, not a line", row.number)
        else:
            category = CATEGORY_SEPARATOR.join(row.categories)
            yield LabeledLine(row.file, images[row.file], row.text, category, row=row.number)


def _lists_boxes(label: str) -> bool:
    """Whether a label is PPOCRLabel's list of boxes with their texts."""
    if not label.startswith("[{"):
        return False
    try:
        boxes = json.loads(label)
    except ValueError:
        return False
    return all(isinstance(box, dict) and "points" in box for box in boxes)


def _gt_txt(source: Source) -> Iterator[LabeledLine | Reject]:
    files = [source.path] if source.path.is_file() else find_gt_txt(source.path)
    beside: dict[Path, dict[str, Path]] = {}  # of each folder, the files by their names in small letters
    for file in files:
        if file.parent not in beside:
            beside[file.parent] = {path.name.lower(): path for path in sorted(file.parent.iterdir(), reverse=True)}
        name = str(file.relative_to(source.path)) if file != source.path else file.name
        text, stem = read_text(file, source.encoding).strip(), file.name[: -len(GT_TXT)]
        exact = (file.with_name(stem + suffix) for suffix in GT_SUFFIXES)
        alike = (beside[file.parent].get((stem + suffix).lower()) for suffix in GT_SUFFIXES)
        image = next((path for path in (*exact, *alike) if path is not None and path.is_file()), None)
        if image is None:
            yield Reject(name, text, Reason.IMAGE, "no picture beside it")
        elif "\n" in text:
            yield Reject(name, text, Reason.ENTRY, "more than one line of text")
        else:
            yield LabeledLine(name, image, text)


def find_gt_txt(folder: Path) -> list[Path]:
    """Every `x.gt.txt` in `folder` and below, in capitals or not."""
    return sorted(path for path in folder.rglob("*") if path.name.lower().endswith(GT_TXT))


def _trdg(source: Source) -> Iterator[LabeledLine | Reject]:
    if source.path.is_dir():
        yield from _trdg_names(source.path)
        return
    for number, row in enumerate(read_text(source.path, source.encoding).split("\n"), start=1):
        name, space, text = row.strip(" ").partition(" ")
        if space:
            yield LabeledLine(name, find_picture(source.images or source.path.parent, name), text, row=number)
        elif name:
            yield Reject(f"row {number}", row, Reason.ENTRY, "no space between file and text", number)


def _trdg_names(folder: Path) -> Iterator[LabeledLine | Reject]:
    """Text in the names: `text_0.jpg` (TRDG's default) or `0_text.jpg`, whichever fits every picture."""
    files = [
        file
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in PICTURE_SUFFIXES and "_mask" not in file.stem
    ]
    orders = []
    for pattern in (r"(?P<text>.*)_(?P<number>\d+)", r"(?P<number>\d+)_(?P<text>.*)"):
        matches = [re.fullmatch(pattern, file.stem, re.DOTALL) for file in files]
        numbers = {match["number"] for match in matches if match}
        if len(numbers) == len(files):  # each matches, and TRDG numbers them
            orders.append([match["text"] for match in matches if match])
    if len(orders) != 1:
        why = "both text_0.jpg and 0_text.jpg" if orders else "neither text_0.jpg nor 0_text.jpg"
        raise UserError(f"the names of the pictures in {folder} fit {why}: write their texts into a labels.txt there")
    for file, text in zip(files, orders[0], strict=True):
        yield LabeledLine(file.name, file, text)


class LmdbLines(Sequence[LabeledLine | Reject]):
    """The entries of a database as labeled lines, read one at a time."""

    def __init__(self, path: Path) -> None:
        self._store = LineStore(path)

    def __len__(self) -> int:
        return len(self._store)

    def __getitem__(self, index: int) -> LabeledLine | Reject:  # type: ignore[override]  # no slices needed
        source = str(index + 1)
        try:
            line = self._store[index]
        except UserError as error:
            return Reject(source, "", Reason.ENTRY, str(error))
        return LabeledLine(source, line.image, line.label, line.category, line.centers)
