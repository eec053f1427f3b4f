"""Builds the text corpus: sources named in YAML -> snippets -> artifacts/corpus/<profile>/{train,test}/<kind>.txt.

    python -m data.corpus profile=quick|full

A source belongs to `train` or to `test` as a whole. Every snippet can be written in the charset after `Charset.fold`.
"""

import json
import re
import shutil
import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from crnn.charset import Charset
from crnn.errors import UserError
from crnn.stage import run_stage
from data.cleaning import Cleaner
from data.extractors import EXTRACTORS, ExtractorOptions
from data.forms import Vocabulary, generate
from data.packages import archive_name, fetch

KINDS = ("prose", "ui", "address", "name", "definition", "english", "forms", "mixed")
SPLITS = ("test", "train")  # this order: what both hold stays in test


@dataclass
class Source:
    """One body of text with one licence, wholly train or wholly test."""

    package: str = ""  # "pip:jieba", "sdist:…", "apt:…", "npm:…"; or
    path: str = ""  # the user's own file or folder
    files: list[str] = field(default_factory=lambda: ["**/*.txt"])  # globs inside the package or folder
    extractor: str = "lines"
    options: ExtractorOptions = field(default_factory=ExtractorOptions)
    replace: dict[str, str] = field(
        default_factory=dict
    )  # regular expression -> replacement, before cleaning
    kind: str = MISSING
    split: str = "train"
    limit: int = 0  # characters to keep at most, spread over the source; 0 = all
    licence: str = MISSING


@dataclass
class Generated:
    """Number of generated lines per split."""

    train: int = 0
    test: int = 0


@dataclass
class Profile:
    charset: str = MISSING
    sources: list[str] = field(default_factory=list)
    forms: Generated = field(default_factory=Generated)
    mixed: Generated = field(default_factory=Generated)


@dataclass
class CorpusConfig:
    profile: str = MISSING
    charset: str = MISSING
    output: str = MISSING
    cache: str = MISSING
    seed: int = 0
    profiles: dict[str, Profile] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceReport:
    name: str
    kind: str
    split: str
    lines: int
    characters: int
    licence: str
    archive: str


def build(cfg: CorpusConfig) -> Path:
    """Build the profile's corpus and return its folder, complete or unchanged.

    Raises:
        UserError: an unknown profile, source, extractor, kind or split; or no source could be had.
    """
    started = time.monotonic()
    if cfg.profile not in cfg.profiles:
        raise UserError(f"no corpus profile {cfg.profile!r}: choose one of {', '.join(cfg.profiles)}")
    profile = cfg.profiles[cfg.profile]
    sources = {name: _checked(name, cfg.sources) for name in profile.sources}
    charset = Charset.load(cfg.charset)
    cleaner = Cleaner(charset)
    seen: set[str] = set()
    texts: dict[tuple[str, str], list[str]] = defaultdict(list)
    reports = []
    for split in SPLITS:
        for name, source in sources.items():
            if source.split != split:
                continue
            try:
                folder, archive = _locate(source, Path(cfg.cache))
            except UserError as error:
                print(f"warning: source {name} is left out: {error}", file=sys.stderr)
                continue
            snippets = _new(_sampled(list(_snippets(folder, source, cleaner)), source.limit), seen)
            if not snippets:
                print(
                    f"warning: source {name} gave no text (files: {', '.join(source.files)})", file=sys.stderr
                )
                continue
            texts[split, source.kind] += snippets
            reports.append(_report(name, source.kind, split, snippets, source.licence, archive))
    if not reports:
        raise UserError(f"none of the {len(sources)} text sources of profile {cfg.profile!r} could be had")
    for split in SPLITS:
        vocabulary = Vocabulary.collect({kind: texts[split, kind] for kind in KINDS})
        for kind, wanted in (("forms", profile.forms), ("mixed", profile.mixed)):
            raw = generate(kind, getattr(wanted, split), f"{cfg.seed} {split}", vocabulary)
            snippets = _new([s for line in raw for s in cleaner.snippets(line)], seen)
            if snippets:
                texts[split, kind] += snippets
                reports.append(_report(f"generated {kind}", kind, split, snippets, "this project's", ""))
    folder = Path(cfg.output)
    counts = _counts(
        charset, (snippet for (split, _), part in texts.items() if split == "train" for snippet in part)
    )
    _write(folder, cfg.profile, texts, reports, counts)
    _print_table(reports, counts)
    print(f"{folder}: {time.monotonic() - started:.0f} s")
    return folder


def _checked(name: str, sources: dict[str, Source]) -> Source:
    if name not in sources:
        raise UserError(f"the profile names the text source {name!r}, which is not under `sources`")
    source = sources[name]
    for key, value, allowed in (
        ("extractor", source.extractor, EXTRACTORS),
        ("kind", source.kind, KINDS),
        ("split", source.split, SPLITS),
    ):
        if value not in allowed:
            raise UserError(f"text source {name!r}: {key} {value!r} is not one of {', '.join(allowed)}")
    if bool(source.package) == bool(source.path):
        raise UserError(f"text source {name!r} needs either a package or a path")
    return source


def _locate(source: Source, cache: Path) -> tuple[Path, str]:
    """The source's file or folder and the archive it came from ("" for the user's own)."""
    if source.package:
        kind, _, name = source.package.partition(":")
        folder = fetch(kind, name, cache)
        return folder, archive_name(folder)
    path = Path(source.path).expanduser()
    if not path.exists():
        raise UserError(f"there is no {path}")
    return path, ""


def _snippets(folder: Path, source: Source, cleaner: Cleaner) -> Iterator[str]:
    if folder.is_file():
        files = [folder]
    else:
        files = sorted({file for glob in source.files for file in folder.glob(glob) if file.is_file()})
    replacements = [(re.compile(pattern), new) for pattern, new in source.replace.items()]
    for text in EXTRACTORS[source.extractor](files, source.options):
        for pattern, new in replacements:
            text = pattern.sub(new, text)
        yield from cleaner.snippets(text)


def _sampled(snippets: list[str], limit: int) -> list[str]:
    """About `limit` characters' worth, chosen by each snippet's own hash so that the choice is stable."""
    total = sum(map(len, snippets))
    if not limit or total <= limit:
        return snippets
    return [snippet for snippet in snippets if zlib.crc32(snippet.encode()) < limit / total * 2**32]


def _new(snippets: list[str], seen: set[str]) -> list[str]:
    """The snippets not seen before, in order; they are seen now."""
    fresh = [snippet for snippet in dict.fromkeys(snippets) if snippet not in seen]
    seen.update(fresh)
    return fresh


def _counts(charset: Charset, snippets: Iterator[str]) -> dict[str, int]:
    """How often each character of the charset occurs in the folded train text, in the charset's order."""
    counted: Counter[str] = Counter()
    for snippet in snippets:
        counted.update(snippet)
    folded: Counter[str] = Counter()
    for character, count in counted.items():
        folded[charset.fold(character) or " "] += count
    return {character: folded[character] for character in charset.characters}


def _report(
    name: str, kind: str, split: str, snippets: list[str], licence: str, archive: str
) -> SourceReport:
    return SourceReport(name, kind, split, len(snippets), sum(map(len, snippets)), licence, archive)


def _write(folder: Path, profile: str, texts: dict[tuple[str, str], list[str]], reports: list[SourceReport],
           counts: dict[str, int]) -> None:  # fmt: skip
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for (split, kind), snippets in texts.items():
        if snippets:
            file = partial / split / f"{kind}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join(snippets) + "\n", encoding="utf-8")
    described: dict[str, Any] = {
        "profile": profile,
        "sources": [asdict(report) for report in reports],
        "counts": counts,
    }
    (partial / "corpus.json").write_text(
        json.dumps(described, ensure_ascii=False, indent=1), encoding="utf-8"
    )
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _print_table(reports: list[SourceReport], counts: dict[str, int]) -> None:
    print(f"{'source':24} {'kind':10} {'split':5} {'lines':>9} {'characters':>11}  licence")
    for report in reports:
        print(
            f"{report.name:24} {report.kind:10} {report.split:5} {report.lines:9,} {report.characters:11,}  {report.licence}"
        )
    totals: Counter[tuple[str, str]] = Counter()
    for report in reports:
        totals[report.split, report.kind] += report.characters
    for (split, kind), characters in sorted(totals.items()):
        print(f"{'total':24} {kind:10} {split:5} {'':9} {characters:11,}")
    rare = sum(count < 20 for count in counts.values())
    print(f"{rare} of {len(counts)} characters of the charset occur fewer than 20 times in the train text")


ConfigStore.instance().store(name="corpus_schema", node=CorpusConfig)


@hydra.main(version_base=None, config_path="../configs", config_name="corpus")
def main(cfg: DictConfig) -> None:
    build(OmegaConf.to_object(cfg))  # plain dataclasses: DictConfig is slow to ask


if __name__ == "__main__":
    run_stage(main)
