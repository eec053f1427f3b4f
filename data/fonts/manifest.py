"""The list of usable faces, `fonts.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from crnn.core.atomic import replacing
from crnn.core.errors import UserError

SPLITS = ("train", "test")
SCRIPTS = ("zh", "en")


@dataclass(frozen=True)
class Face:
    """One face that a line can be drawn with.

    Attributes:
        id: unique in its manifest, stable from build to build.
        path: the font file; in the written manifest relative to it.
        index: the face's number inside a collection (.ttc), else 0.
        family, style: for people; style begins with the class (sans, serif, mono, hand, ...).
        lineage: faces drawn from common outlines share it; a lineage is never on both sides of the split.
        split: "train" or "test".
        script: "zh" or "en": what the face is there for; a zh face usually draws Latin too.
        license: SPDX name where there is one.
        source: kind and name of the package, or the user's folder.
        coverage: share of the charset that is drawn, 0 to 1.
        missing: the charset's characters that must not be drawn with it.
        capitals: its small letters look like capitals: lines in it are labeled in capitals.
    """

    id: str
    path: str
    index: int
    family: str
    style: str
    lineage: str
    split: str
    script: str
    license: str
    source: str
    coverage: float
    missing: str
    capitals: bool = False


def check_lineages(faces: Iterable[Face]) -> None:
    """Raise a UserError that names every lineage with faces in both train and test."""
    splits: dict[str, dict[str, str]] = {}
    for face in faces:
        splits.setdefault(face.lineage, {}).setdefault(face.split, face.id)
    torn = [
        f"{lineage!r} (train: {examples['train']}, test: {examples['test']})"
        for lineage, examples in sorted(splits.items())
        if len(examples) > 1
    ]
    if torn:
        raise UserError(
            f"lineage {', '.join(torn)} is in both train and test: test lines would be drawn with outlines "
            "that were trained on; give all its faces the same split"
        )


def save_faces(faces: Iterable[Face], path: Path, profile: str, charset_sha256: str) -> None:
    """Write the manifest, `Face.path` relative to it."""
    content = {"profile": profile, "charset_sha256": charset_sha256, "faces": [asdict(face) for face in faces]}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
