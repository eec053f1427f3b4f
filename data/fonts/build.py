"""The stage itself: sources in, `fonts.json` out."""

from __future__ import annotations

import os
import string
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from omegaconf import MISSING
from tqdm import tqdm

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.files import FONT_LIST
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
    sources = load_sources(cfg.sources)
    sources += [FontSource(dir=folder, script="", license="own") for folder in cfg.folders]
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

    candidates.sort(key=lambda candidate: -len(candidate.files))  # merging many slices takes longest: start with it
    job = partial(examine, characters=charset.characters, cache=cache, min_coverage=cfg.min_coverage)
    faces: list[Face] = []
    with ExitStack() as stack:
        pool = ProcessPoolExecutor(cfg.workers, get_context("spawn")) if cfg.workers > 1 else None
        outcomes = stack.enter_context(pool).map(job, candidates) if pool else map(job, candidates)
        for outcome in tqdm(outcomes, desc="faces", total=len(candidates), unit="face", disable=None):
            if isinstance(outcome, Face):
                faces.append(outcome)
            else:
                left_out.append(outcome)
    if not faces:
        reasons = "; ".join(left_out) or "the list is empty"
        raise UserError(f"no usable font face at all from {cfg.sources}: {reasons}")
    check_lineages(faces)

    manifest = Path(cfg.output) / FONT_LIST
    folder = manifest.parent.resolve()
    faces.sort(key=lambda face: (face.split, face.script, face.lineage, face.id))
    faces = [replace(face, path=os.path.relpath(face.path, folder)) for face in faces]
    save_faces(faces, manifest, cfg.profile, charset.sha256)
    return FontsResult(manifest, tuple(faces), tuple(left_out))


def examine(candidate: Candidate, characters: str, cache: Path, min_coverage: float) -> Face | str:
    """Make the candidate's font file and look into it; the reason, if the face is of no use."""
    source = candidate.source
    try:
        path = candidate.font_file(cache / "fonts" / "plain")
        outline = inspect_face(path, source.index, characters)
    except UserError as error:
        return f"{candidate.id}: {error}"
    drawn = set(outline.drawn) - set(source.exclude)
    coverage = len(drawn) / len(characters)
    script = source.script or ("zh" if coverage >= min_coverage else "en")
    if script == "zh" and coverage < min_coverage:
        return f"{candidate.id}: draws {coverage:.0%} of the charset, less than min_coverage={min_coverage:.0%}"
    lacking = LATIN & set(characters) - drawn
    if script == "en" and lacking:
        return f"{candidate.id}: lacks the Latin letters or digits {''.join(sorted(lacking))}"
    kind, name = source.place
    return Face(
        id=candidate.id,
        path=str(path.resolve()),
        index=source.index,
        family=outline.family,
        style=" ".join((source.style, *outline.modifiers)),
        lineage=source.lineage or candidate.id,
        split=source.split,
        script=script,
        license=source.license,
        source=f"{kind}:{name}",
        coverage=round(coverage, 4),
        missing="".join(c for c in characters if c not in drawn),
        capitals=outline.capitals,
    )
