"""General lines: those that every round is judged by, and those that are mixed in."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.files import FONT_LIST
from crnn.core.model_info import ArtifactInfo
from crnn.datasets.lmdb_store import PARTIAL_SUFFIX
from data.finetuning.config import DomainConfig
from data.finetuning.sets import drawn, write
from data.synthesis.build import DataConfig, load_settings
from data.synthesis.sample import Synthesizer
from data.synthesis.text import CODES, UNIFORM


def base_charset(info: ArtifactInfo) -> Charset:
    """The charset before any fine-tune: general lines keep to it, so that all rounds are judged by one set."""
    added = str(info.training.get("added_characters", ""))
    return Charset(info.characters.removesuffix(added))


def general_profile(cfg: DomainConfig) -> str:
    """The profile asked for, else the largest whose fonts and corpus are there."""
    for profile in [cfg.profile] if cfg.profile else ["full", "quick"]:
        if all(Path(cfg.artifacts, kind, profile, f"{kind}.json").is_file() for kind in ("fonts", "corpus")):
            return profile
    raise UserError("no general fonts and texts: run `make fonts corpus PROFILE=quick` (or full) first")


def recipes_of(cfg: DomainConfig, profile: str) -> str:
    return cfg.recipes.replace("PROFILE", profile)


def general_synthesizer(
    cfg: DomainConfig, charset: Charset, split: str, cells: list[tuple[list[str], str]]
) -> Synthesizer:
    profile = general_profile(cfg)
    settings = load_settings(DataConfig(recipes=recipes_of(cfg, profile)))
    fonts = Path(cfg.artifacts, "fonts", profile, FONT_LIST)
    corpus = Path(cfg.artifacts, "corpus", profile)
    there = {file.stem for file in (corpus / split).glob("*.txt") if _writable(file, charset)} | {UNIFORM, CODES}
    settings.text.kinds = {kind: share for kind, share in settings.text.kinds.items() if kind in there}
    cells = [([kind for kind in kinds if kind in there], recipe) for kinds, recipe in cells]
    return Synthesizer(settings, charset, fonts, corpus, split, [cell for cell in cells if cell[0]])


def _writable(text: Path, charset: Charset) -> bool:
    """Whether `charset` writes half of the lines: it may be older than the corpus and lack traditional Chinese."""
    with text.open(encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in islice(file, 500)]
    return 2 * sum(not charset.missing(charset.fold(line)) for line in lines) >= len(lines)


def general_set(cfg: DomainConfig, charset: Charset) -> Path:
    """The general test set for models of this charset; drawn at the first fine-tune, then kept."""
    profile = general_profile(cfg)
    path = Path(cfg.artifacts, "lines", f"general-{profile}-{charset.sha256[:8]}-{cfg.general_lines}")
    if not (path / "data.mdb").is_file():
        shutil.rmtree(path.with_name(path.name + PARTIAL_SUFFIX), ignore_errors=True)
        cells = [(kinds, recipe) for kinds in cfg.general_groups.values() for recipe in cfg.general_recipes]
        synthesizer = general_synthesizer(cfg, charset, "test", cells)
        write(path, drawn(synthesizer, 0, cfg.general_lines, cfg, "general"))
    return path
