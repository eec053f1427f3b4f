"""The faces that a domain's lines are drawn with: the user's, else all the general ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from data.fonts.build import examine
from data.fonts.coverage import inspect_face
from data.fonts.manifest import SPLITS, Face
from data.fonts.sources import FontSource, find_candidates, load_sources


def own_faces(fonts: Path, charset: Charset, cache: Path) -> list[Face]:
    """Every face at `fonts`, in both splits: a domain is its faces, so what tests hold out is the text.

    Args:
        fonts: a folder of font files, or a YAML list of sources in the form of configs/font_sources/.

    Raises:
        UserError: nothing there, or a file is no font.
    """
    sources = [FontSource(dir=str(fonts), license="own")] if fonts.is_dir() else load_sources(fonts)
    faces = []
    for candidate in (found for source in sources for found in find_candidates(source, cache)):
        # "zh" says that a face may draw any line; a digits-only face is as welcome as one of all hanzi.
        candidate = replace(candidate, source=replace(candidate.source, script="zh"))
        face = examine(candidate, charset.characters, cache, min_coverage=0.0)
        if isinstance(face, str):
            raise UserError(f"{fonts}: {face}: remove it, or mend it")
        if face.coverage:
            faces.append(face)
    if not faces:
        raise UserError(f"{fonts}: no font there draws any character of the charset")
    return [replace(face, id=f"{face.id}-{split}", split=split) for face in faces for split in SPLITS]


def general_faces(manifest: Path, new: Sequence[str]) -> list[Face]:
    """The faces of a profile, each looked at for the `new` characters, which its manifest does not know."""
    if not manifest.is_file():
        raise UserError(f"no fonts at {manifest}: run `make fonts` first, or give fonts=FOLDER")
    entries = json.loads(manifest.read_text(encoding="utf-8"))["faces"]
    faces = [Face(**{**entry, "path": str((manifest.parent / entry["path"]).resolve())}) for entry in entries]
    if not new:
        return faces
    return [replace(face, missing=face.missing + _undrawn(face, new)) for face in faces]


def _undrawn(face: Face, new: Sequence[str]) -> str:
    drawn = inspect_face(Path(face.path), face.index, "".join(new)).drawn
    return "".join(character for character in new if character not in drawn)


def drawable(faces: Sequence[Face], charset: Charset) -> Charset:
    """What at least one face draws, in the order of `charset`."""
    never = set.intersection(*(set(face.missing) for face in faces))
    return Charset("".join(character for character in charset.characters if character not in never))
