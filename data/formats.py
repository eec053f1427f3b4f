"""Reads labelled text lines in the forms other programs write. Judges neither pictures nor characters.

tsv      `file<TAB>text[<TAB>category]`, with or without a header; also comma-separated (.csv)
paddle   PaddleOCR recognition list: the same, or `["file", "file"]<TAB>text` for several pictures of one text
gt_txt   pairs of tesstrain, OCRopus and Calamari: `x.png` (or `x.bin.png`, `x.nrm.png`) and `x.gt.txt`
trdg     TextRecognitionDataGenerator: `labels.txt` of `file text`, else names `text_0.jpg` or `0_text.jpg`
lmdb     database of deep-text-recognition-benchmark or PARSeq, or our own
jsonl    one JSON object a line, `{"file", "text"}` and what else is known of it (see `JsonLines`); the pictures beside
         it, or those of a folder `x/` in `x.tar`
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from crnn.errors import UserError
from crnn.lmdb_store import LineStore
from crnn.screening import Reason, Reject

FORMATS = ("paddle", "tsv", "gt_txt", "trdg", "lmdb", "jsonl")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
# beside one .gt.txt may lie the plain, the normalised and the binarised picture: the plain one has lost least
GT_SUFFIXES = (*SUFFIXES, ".nrm.png", ".bin.png")
FILE_HEADERS = frozenset({"file", "filename", "file_name", "image", "image_path", "img", "path"})
TEXT_HEADERS = frozenset({"text", "label", "transcription", "words", "ground_truth", "gt"})
CATEGORY_HEADERS = frozenset({"category", "kind", "group"})


@dataclass(frozen=True)
class Origin:
    """What is known of where a line comes from, as far as it is.

    Attributes:
        group: lines of one group (a repository, a book, a scanner) are never divided between training and test.
        licence: under which its picture may be used; "none" if its owner states none.
        tier: how its label was come by.
        certainty: of the label, 0 to 1.
        missed: whether a reader of the day got it wrong.
    """

    group: str = ""
    licence: str = ""
    tier: str = ""
    certainty: float = 1.0
    missed: bool = False


@dataclass(frozen=True)
class LabelledLine:
    """A picture of a line and its text, not yet read or checked.

    Attributes:
        source: how the source names it (a file, or the number of an entry from 1).
        image: the encoded picture, or the file that holds it.
        text: as written there.
        category: "" if none is given.
        centers: x of each character in pixels, float32 (len(text),), if known.
        origin: see there.
    """

    source: str
    image: bytes | Path
    text: str
    category: str = ""
    centers: np.ndarray | None = None
    origin: Origin = Origin()


@dataclass(frozen=True)
class Source:
    """Where labelled lines are.

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

    def lines(self) -> Sequence[LabelledLine | Reject]:
        """The lines in a stable order; an entry that cannot even be told apart is a `Reject`."""
        if self.form == "lmdb":
            return LmdbLines(self.path)
        if self.form == "jsonl":
            return JsonLines(self)
        readers = {"paddle": _table, "tsv": _table, "gt_txt": _gt_txt, "trdg": _trdg}
        lines = list(readers[self.form](self))
        if not lines:
            raise UserError(f"{self.path} holds no labelled lines in the format {self.form!r}")
        return lines


def _read_text(file: Path, encoding: str) -> str:
    try:
        return file.read_text(encoding="utf-8-sig" if encoding == "utf-8" else encoding)
    except IsADirectoryError:
        raise UserError(f"{file} is a folder: give the list file in it") from None
    except LookupError:
        raise UserError(f"unknown encoding {encoding!r}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not {encoding} ({error.reason}): say its encoding=, e.g. gb18030") from None


def _root(source: Source, names: Iterator[str]) -> Path:
    """Folder that the list's paths start from: as given, else the list's or the nearest one above that fits.

    PaddleOCR's paths start from its `data_dir`, which is often some way above the list.
    """
    if source.images is not None:
        return source.images
    folder, sample = source.path.resolve().parent, list(islice(names, 50))
    for root in (folder, *folder.parents):
        if any(os.path.isfile(root / name) for name in sample):  # noqa: PTH113  (Path raises on too long a name)
            return root
    raise UserError(
        f"{source.path} names pictures (e.g. {(sample or ['none'])[0]}) that are neither in {folder} "
        "nor in any folder above: say images=FOLDER, the folder the paths start from"
    )


def _table(source: Source) -> Iterator[LabelledLine | Reject]:
    text = _read_text(source.path, source.encoding)
    if source.path.suffix == ".csv" and "\t" not in text.partition("\n")[0]:
        try:
            rows = list(csv.reader(io.StringIO(text, newline="")))
        except csv.Error as error:
            raise UserError(f"{source.path} is no CSV ({error}): is a quote left open?") from None
    else:  # tab-separated fields are taken as they are: a quote is a character of the text
        rows = [line.rstrip("\r").split("\t") for line in text.split("\n")]
    columns, first = _columns(rows[0] if rows else [])
    root = _root(source, (name for row in rows[first:] for name in _names(_cell(row, columns["file"]))))
    for number, row in enumerate(rows[first:], start=first + 1):
        label = _cell(row, columns["text"])
        if label.startswith('[{"'):
            raise UserError(
                f"{source.path} lists boxes for text detection, not lines: cut the lines out first "
                "(PPOCRLabel's `Export Recognition Result` writes rec_gt.txt and crop_img/), import that list"
            )
        if len(row) <= max(columns["file"], columns["text"]):
            if any(row):
                yield Reject(f"row {number}", "".join(row), Reason.ENTRY, "one column only, no text beside the file")
            continue
        for name in _names(row[columns["file"]]):
            yield LabelledLine(name, root / name, label, _cell(row, columns["category"]))


def _names(cell: str) -> list[str]:
    """The files of a cell: one, or PaddleOCR's JSON list of several; `\\` of Windows as `/`."""
    if cell.startswith('["') and cell.endswith('"]'):
        with suppress(ValueError):  # else it is the name of a file, however odd
            return [str(name) for name in json.loads(cell)]
    return [cell.replace("\\", "/")]


def _columns(row: list[str]) -> tuple[dict[str, int], int]:
    """Number of each column, and of the first row of data: 1 if `row` is a header."""
    names = [name.strip().lower() for name in row]
    wanted = {"file": FILE_HEADERS, "text": TEXT_HEADERS, "category": CATEGORY_HEADERS}
    places = {column: next((i for i, n in enumerate(names) if n in known), -1) for column, known in wanted.items()}
    if places["file"] < 0 or places["text"] < 0:
        return {"file": 0, "text": 1, "category": 2}, 0
    return places, 1


def _cell(row: list[str], column: int) -> str:
    return row[column] if 0 <= column < len(row) else ""


def _gt_txt(source: Source) -> Iterator[LabelledLine | Reject]:
    files = [source.path] if source.path.is_file() else sorted(source.path.rglob("*.gt.txt"))
    for file in files:
        name = str(file.relative_to(source.path)) if file != source.path else file.name
        text, stem = _read_text(file, source.encoding).strip(), file.name.removesuffix(".gt.txt")
        image = next((p for suffix in GT_SUFFIXES if (p := file.with_name(stem + suffix)).is_file()), None)
        if image is None:
            yield Reject(name, text, Reason.IMAGE, "no picture beside it")
        elif "\n" in text:
            yield Reject(name, text, Reason.ENTRY, "more than one line of text")
        else:
            yield LabelledLine(name, image, text)


def _trdg(source: Source) -> Iterator[LabelledLine | Reject]:
    if source.path.is_dir():
        yield from _trdg_names(source.path)
        return
    for number, row in enumerate(_read_text(source.path, source.encoding).split("\n"), start=1):
        name, space, text = row.rstrip("\r").partition(" ")
        if space:
            yield LabelledLine(name, (source.images or source.path.parent) / name, text)
        elif name:
            yield Reject(f"row {number}", row, Reason.ENTRY, "no space between file and text")


def _trdg_names(folder: Path) -> Iterator[LabelledLine | Reject]:
    """Text in the names: `text_0.jpg` (TRDG's default) or `0_text.jpg`, whichever fits every picture."""
    files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in SUFFIXES and "_mask" not in file.stem]
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
        yield LabelledLine(file.name, file, text)


class LmdbLines(Sequence[LabelledLine | Reject]):
    """The entries of a database as labelled lines, read one at a time."""

    def __init__(self, path: Path) -> None:
        self._store = LineStore(path)

    def __len__(self) -> int:
        return len(self._store)

    def __getitem__(self, index: int) -> LabelledLine | Reject:  # type: ignore[override]  # no slices needed
        source = str(index + 1)
        try:
            line = self._store[index]
        except UserError as error:
            return Reject(source, "", Reason.ENTRY, str(error))
        return LabelledLine(source, line.image, line.label, line.category, line.centers)


class JsonLines(Sequence[LabelledLine | Reject]):
    """A list of JSON objects, read at once, and their pictures, read one at a time.

    Keys: `file`, `text`; where there are any: `kind` or `category` (else the folder of `file`), `repo` or `group`,
    `licence` or `license`, `tier`, `c` (certainty of the label) and `right` (whether a reader of the day read it so).
    """

    def __init__(self, source: Source) -> None:
        self.path = source.path
        self._folder = source.images or source.path.parent
        self._rows = [row for row in _read_text(source.path, source.encoding).split("\n") if row.strip()]
        if not self._rows:
            raise UserError(f"{source.path} holds no labelled lines in the format 'jsonl'")
        self._archives: dict[Path, dict[str, tuple[int, int]]] = {}  # where each file lies in its archive

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> LabelledLine | Reject:  # type: ignore[override]  # no slices needed
        line = self.described(index)
        if isinstance(line, Reject):
            return line
        picture = self._picture(str(line.image))
        if isinstance(picture, str):
            return Reject(line.source, line.text, Reason.IMAGE, picture)
        return replace(line, image=picture)

    def described(self, index: int) -> LabelledLine | Reject:
        """What the list says of a line; `image` is the path as it is written there."""
        number = f"row {index + 1}"
        try:
            row = json.loads(self._rows[index])
            file, text = row["file"], row["text"]
            kind = row.get("kind", row.get("category", str(Path(file).parent)))
            return LabelledLine(
                file,
                Path(file),
                text,
                "" if kind == "." else str(kind),
                origin=Origin(
                    group=str(row.get("repo", row.get("group", ""))),
                    licence=str(row.get("licence", row.get("license", ""))),
                    tier=str(row.get("tier", "")),
                    certainty=float(row.get("c", 1.0)),
                    missed=not row.get("right", True),
                ),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return Reject(number, self._rows[index][:80], Reason.ENTRY, f"no object of file and text: {error!r}")

    def _picture(self, name: str) -> Path | bytes | str:
        """The picture's file or content, or what is wrong."""
        file = self._folder / name
        archive = self._folder / f"{Path(name).parts[0]}.tar"
        if file.is_file() or not archive.is_file():
            return file
        if archive not in self._archives:
            self._archives[archive] = _contents(archive)
        if name not in self._archives[archive]:
            return f"not in {archive.name}"
        begin, size = self._archives[archive][name]
        with archive.open("rb") as opened:
            opened.seek(begin)
            return opened.read(size)


def _contents(archive: Path) -> dict[str, tuple[int, int]]:
    try:
        with tarfile.open(archive, "r:") as opened:
            return {m.name.removeprefix("./"): (m.offset_data, m.size) for m in opened if m.isfile()}
    except tarfile.TarError as error:
        raise UserError(f"{archive} is no plain archive that can be read: {error}") from None
