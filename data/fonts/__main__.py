"""Stage `python -m data.fonts profile=quick|full`: sources in, `artifacts/fonts/<profile>/fonts.json` out.

The only module of the package that knows Hydra.
"""

from __future__ import annotations

import os
import string
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING
from tqdm import tqdm

from crnn.charset import Charset
from crnn.errors import UserError
from crnn.stage import run_stage
from data.fonts.coverage import inspect_face
from data.fonts.manifest import Face, check_lineages, save_faces
from data.fonts.sources import Candidate, FontSource, find_candidates, load_sources
from data.packages import PackageUnavailable

LATIN = set(string.ascii_letters + string.digits)


@dataclass
class FontsConfig:
    """See configs/fonts.yaml for the reasons of the values."""

    profile: str = MISSING
    sources: str = MISSING
    folders: list[str] = field(default_factory=list)
    charset: str = MISSING
    min_coverage: float = MISSING
    cache: str = MISSING
    output: str = MISSING
    workers: int = MISSING


@dataclass(frozen=True)
class FontsResult:
    """The written manifest, its faces, and one sentence for each source or face that was left out."""

    manifest: Path
    faces: tuple[Face, ...]
    left_out: tuple[str, ...]


def build_fonts(cfg: FontsConfig) -> FontsResult:
    """Fetch the sources, check each face against the charset and write the manifest.

    Raises:
        UserError: a bad list, a lineage on both sides of the split, two faces of one id, or no usable face at all.
    """
    charset = Charset.load(cfg.charset)
    cache = Path(cfg.cache)
    sources = load_sources(cfg.sources) + [FontSource(dir=folder, licence="own") for folder in cfg.folders]
    candidates: list[Candidate] = []
    left_out: list[str] = []
    for source in tqdm(sources, desc="sources", unit="source", disable=None):
        try:
            candidates += find_candidates(source, cache)
        except PackageUnavailable as error:
            left_out.append(str(error))
    doubled = [name for name, count in Counter(c.id for c in candidates).items() if count > 1]
    if doubled:
        raise UserError(f"several font files have the id {', '.join(doubled)}: narrow `files` or give them an `id`")

    faces: list[Face] = []
    slowest_first = sorted(candidates, key=lambda candidate: -len(candidate.files))
    with ProcessPoolExecutor(max_workers=cfg.workers) as pool:
        jobs = [pool.submit(examine, candidate, charset.characters, cache) for candidate in slowest_first]
        pairs = zip(slowest_first, jobs, strict=True)
        for candidate, job in tqdm(pairs, desc="faces", total=len(jobs), unit="face", disable=None):
            try:
                face = job.result()
                _check_use(face, cfg.min_coverage)
                faces.append(face)
            except UserError as error:
                left_out.append(f"{candidate.id}: {error}")
    if not faces:
        reasons = "; ".join(left_out) or "the list is empty"
        raise UserError(f"no usable font face at all from {cfg.sources}: {reasons}")
    check_lineages(faces)

    manifest = Path(cfg.output) / "fonts.json"
    folder = manifest.parent.resolve()
    faces.sort(key=lambda face: (face.split, face.script, face.lineage, face.id))
    faces = [replace(face, path=os.path.relpath(face.path, folder)) for face in faces]
    save_faces(faces, manifest, cfg.profile, charset.sha256)
    return FontsResult(manifest, tuple(faces), tuple(left_out))


def examine(candidate: Candidate, characters: str, cache: Path) -> Face:
    """Make the candidate's font file and look into it.

    Raises:
        UserError: it cannot be read.
    """
    source = candidate.source
    path = candidate.font_file(cache / "fonts" / "plain")
    outline = inspect_face(path, source.index, characters)
    drawn = set(outline.drawn) - set(source.exclude)
    kind, name = source.place
    return Face(
        id=candidate.id,
        path=str(path.resolve()),
        index=source.index,
        family=outline.family,
        style=" ".join((source.style, *outline.modifiers)),
        lineage=source.lineage or candidate.id,
        split=source.split,
        script=source.script,
        licence=source.licence,
        source=f"{kind}:{name}",
        coverage=round(len(drawn) / len(characters), 4),
        missing="".join(c for c in characters if c not in drawn),
    )


def table(faces: tuple[Face, ...]) -> str:
    """The faces for people: id, style, coverage, split, lineage, licence, source."""
    rows = [("face", "script", "style", "coverage", "split", "lineage", "licence", "source")]
    rows += [(f.id, f.script, f.style, f"{f.coverage:.1%}", f.split, f.lineage, f.licence, f.source) for f in faces]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _check_use(face: Face, min_coverage: float) -> None:
    """Raise a UserError if the face cannot serve its script."""
    lacking = LATIN & set(face.missing)
    if face.script == "en" and lacking:
        raise UserError(f"lacks the Latin letters or digits {''.join(sorted(lacking))}")
    if face.script == "zh" and face.coverage < min_coverage:
        raise UserError(f"draws {face.coverage:.0%} of the charset, less than min_coverage={min_coverage:.0%}")


@hydra.main(version_base="1.3", config_path="../../configs", config_name="fonts")
def main(cfg: FontsConfig) -> None:
    result = build_fonts(cfg)
    print(table(result.faces))
    for sentence in result.left_out:
        print(f"warning: left out: {sentence}", file=sys.stderr)
    counts = Counter((face.split, face.script) for face in result.faces)
    summary = ", ".join(f"{count} {script} to {split}" for (split, script), count in sorted(counts.items()))
    print(f"{len(result.faces)} faces ({summary}) -> {result.manifest}")


ConfigStore.instance().store(name="fonts_schema", node=FontsConfig)

if __name__ == "__main__":
    run_stage(main)
