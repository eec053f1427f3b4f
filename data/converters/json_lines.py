"""Labeled lines as a list of JSON objects, their pictures in folders or archives."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crnn.core.errors import UserError
from crnn.datasets.label_table import read_text
from crnn.datasets.validation import Reason, Reject
from data.converters.labeled_line import LabeledLine, Origin


class JsonLines(Sequence[LabeledLine | Reject]):
    """A list of JSON objects, read at once, and their pictures, read one at a time.

    Keys: `file`, `text`; where there are any: `kind` or `category` (else the folder of `file`), `repo` or `group`,
    `license` or `licence`, `tier`, `c` (certainty of the label) and `right` (whether a reader of the day read it so).
    """

    def __init__(self, path: Path, folder: Path, encoding: str) -> None:
        """Args:
        path: the list.
        folder: where its paths start from.
        encoding: of the list.

        Raises:
            UserError: the list is empty.
        """
        self.path, self._folder = path, folder
        self._rows = [row for row in read_text(path, encoding).split("\n") if row.strip()]
        if not self._rows:
            raise UserError(f"{path} holds no labeled lines in the format 'jsonl'")
        self._archives: dict[Path, dict[str, tuple[int, int]]] = {}  # where each file lies in its archive

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> LabeledLine | Reject:  # type: ignore[override]  # no slices needed
        line = self.described(index)
        if isinstance(line, Reject):
            return line
        picture = self._picture(str(line.image))
        if isinstance(picture, str):
            return Reject(line.source, line.text, Reason.IMAGE, picture)
        return replace(line, image=picture)

    def described(self, index: int) -> LabeledLine | Reject:
        """What the list says of a line; `image` is the path as it is written there."""
        number = f"row {index + 1}"
        try:
            row = json.loads(self._rows[index])
            file, text = row["file"], row["text"]
            kind = row.get("kind", row.get("category", str(Path(file).parent)))
            return LabeledLine(
                file,
                Path(file),
                text,
                "" if kind == "." else str(kind),
                origin=Origin(
                    group=str(row.get("repo", row.get("group", ""))),
                    license=str(row.get("license", row.get("licence", ""))),
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
