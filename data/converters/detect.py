"""Finds out in which format labeled lines stand at a path, by the names there and the first line of a list."""

from __future__ import annotations

from pathlib import Path

from crnn.core.errors import UserError
from crnn.core.files import REJECTS
from crnn.datasets.label_dialect import PICTURE_SUFFIXES
from crnn.datasets.label_table import BOM
from data.converters.formats import FORMATS, GT_TXT, Source, find_gt_txt

LISTS = (".txt", ".tsv", ".csv", ".jsonl")


def locate(path: Path, form: str = "auto", images: Path | None = None, encoding: str = "utf-8") -> Source:
    """The source at `path`, its format found out if `form` is "auto".

    Raises:
        UserError: nothing there, an unknown format, or several formats are possible.
    """
    if form not in ("auto", *FORMATS):
        raise UserError(f"unknown format {form!r}: choose one of auto, {', '.join(FORMATS)}")
    if not path.exists():
        raise UserError(f"there is no {path}")
    if path.name == "data.mdb":
        path = path.parent
    found = _candidates(path)
    if form != "auto":
        found = [(file, guess) for file, guess in found if guess == form or {guess, form} == {"paddle", "tsv"}]
        # the user knows better than the name of a file
        found = [(file, form) for file, _ in found] or [(path, form)]
    if not found:
        raise UserError(
            f"{path} holds no labeled lines: expected a list (.txt, .tsv, .csv, .jsonl), *.gt.txt or a data.mdb. "
            "If the names of the pictures carry the text (text_0.jpg), say format=trdg"
        )
    if len(found) > 1:
        listed = ", ".join(f"{file.name} ({guess})" for file, guess in found[:6])
        raise UserError(f"{path} can be read in {len(found)} ways: {listed}. Give one file as source=, or say format=")
    return Source(found[0][0], found[0][1], images, encoding)


def _candidates(path: Path) -> list[tuple[Path, str]]:
    """Every (file or folder, format) that `path` may stand for."""
    if path.is_file():
        return [(path, _list_format(path) or "tsv")]
    if (path / "data.mdb").is_file():
        return [(path, "lmdb")]
    files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in LISTS and file.name != REJECTS]
    forms = [(file, _list_format(file)) for file in files]
    found = [(file, form) for file, form in forms if form not in (None, "gt_txt")]
    return [*found, (path, "gt_txt")] if find_gt_txt(path) else found


def _list_format(file: Path) -> str | None:
    """Format of a text file by its first line; None if it is no list."""
    suffix = file.suffix.lower()
    if file.name.lower().endswith(GT_TXT):
        return "gt_txt"
    if suffix == ".csv":
        return "tsv"
    if suffix == ".jsonl":
        return "jsonl"
    with file.open("rb") as opened:
        first = next((line for line in opened if line.strip()), b"")
    if b"\t" in first:
        return "tsv" if suffix == ".tsv" else "paddle"
    name = first.decode(errors="replace").strip(BOM + " ").split(" ")[0]
    return "trdg" if Path(name).suffix.lower() in PICTURE_SUFFIXES else None
