"""Builds the text corpus: sources named in YAML -> snippets -> artifacts/corpus/<profile>/{train,test}/<kind>.txt.

    python -m data.corpus.build profile=quick|full

Every snippet can be written in the charset after `Charset.fold`; none is in both splits.
"""

import json
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from omegaconf import MISSING

from crnn.core.atomic import put
from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.files import CORPUS_LIST
from crnn.core.stage import stage
from data.corpus.cleaning import Cleaner
from data.corpus.grammar import BorrowedText, generate
from data.corpus.sources import KINDS, SPLITS, Source, check, read


@dataclass
class Generated:
    """Number of generated lines per split."""

    train: int = 0
    test: int = 0


@dataclass
class Profile:
    """A choice of sources for one charset."""

    charset: str = MISSING
    sources: list[str] = field(default_factory=list)
    forms: Generated = field(default_factory=Generated)
    mixed: Generated = field(default_factory=Generated)
    slips: Generated = field(default_factory=Generated)


@dataclass
class CorpusConfig:
    profile: str = MISSING
    charset: str | None = None  # path; None = the profile's own
    output: str = MISSING
    cache: str = MISSING
    seed: int = MISSING  # of the generated lines
    profiles: dict[str, Profile] = MISSING
    sources: dict[str, Source] = MISSING
    own: list[Source] = field(default_factory=list)  # the user's text, added to any profile


@dataclass(frozen=True)
class SourceReport:
    """What one source gave; an entry of corpus.json."""

    name: str
    kind: str
    split: str
    lines: int
    characters: int
    license: str
    archive: str


class Corpus:
    """Snippets by split and kind, each once."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.texts: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.reports: list[SourceReport] = []

    def add(
        self, snippets: Iterable[str], *, name: str, kind: str, split: str, license: str, archive: str = ""
    ) -> None:
        fresh = [snippet for snippet in dict.fromkeys(snippets) if snippet not in self.seen]
        if fresh:
            self.seen.update(fresh)
            self.texts[split, kind] += fresh
            characters = sum(map(len, fresh))
            self.reports.append(SourceReport(name, kind, split, len(fresh), characters, license, archive))

    def counts(self, charset: Charset) -> dict[str, int]:
        """How often each character occurs in the folded train text: those of the charset in its order, then others that
        sources with a charset of their own have.
        """
        drawn = Counter("".join("".join(part) for (split, _), part in self.texts.items() if split == "train"))
        labeled: Counter[str] = Counter()
        for character, count in drawn.items():
            labeled[charset.fold(character) or " "] += count  # the space alone folds to nothing
        others = sorted(character for character in labeled if character not in charset)
        return {character: labeled[character] for character in (*charset.characters, *others)}


def build(cfg: CorpusConfig) -> Path:
    """Build the profile's corpus and return its folder, complete or unchanged.

    Raises:
        UserError: an unknown profile, source, extractor, kind or split; no source could be had; or something else than
            a corpus stands where it is to be written.
    """
    started = time.monotonic()
    folder = Path(cfg.output)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / CORPUS_LIST).is_file():
        raise UserError(f"something else than a corpus stands at {folder}: choose another output")
    if cfg.profile not in cfg.profiles:
        raise UserError(f"no corpus profile {cfg.profile!r}: choose one of {', '.join(cfg.profiles)}")
    profile = cfg.profiles[cfg.profile]
    sources = _chosen(cfg, profile)
    charset = Charset.load(cfg.charset or profile.charset)
    cleaner = Cleaner(charset)
    cleaners = {path: Cleaner(Charset.load(path)) for path in {source.charset for source in sources.values()} if path}
    corpus = Corpus()
    for split in SPLITS:
        for name, source in sources.items():
            if source.split == split:
                _add_source(corpus, name, source, cleaners.get(source.charset, cleaner), Path(cfg.cache))
    if not corpus.reports:
        raise UserError(f"none of the {len(sources)} text sources of profile {cfg.profile!r} could be had")
    for split in SPLITS:
        borrowed = BorrowedText.choose({kind: corpus.texts[split, kind] for kind in KINDS})
        for kind, wanted in (("forms", profile.forms), ("mixed", profile.mixed), ("slips", profile.slips)):
            lines = generate(kind, getattr(wanted, split), f"{cfg.seed} {split}", borrowed)
            snippets = [snippet for line in lines for snippet in cleaner.snippets(line)]
            corpus.add(snippets, name=f"generated {kind}", kind=kind, split=split, license="this project's")
    counts = corpus.counts(charset)
    _write(folder, cfg.profile, corpus, counts)
    _print_table(corpus.reports, counts)
    print(f"{folder}: {time.monotonic() - started:.0f} s")
    return folder


def _chosen(cfg: CorpusConfig, profile: Profile) -> dict[str, Source]:
    """The profile's sources and the user's own, by name, all checked."""
    chosen = {}
    for name in profile.sources:
        if name not in cfg.sources:
            raise UserError(f"profile {cfg.profile!r} names the text source {name!r}, which is not under `sources`")
        chosen[name] = cfg.sources[name]
    for source in cfg.own:
        chosen[Path(source.path).name or source.package] = source
    for name, source in chosen.items():
        check(name, source)
    return chosen


def _add_source(corpus: Corpus, name: str, source: Source, cleaner: Cleaner, cache: Path) -> None:
    try:
        text = read(source, cleaner, cache, corpus.seen)
    except UserError as error:
        print(f"warning: text source {name} is left out: {error}", file=sys.stderr)
        return
    corpus.add(
        text.snippets, name=name, kind=source.kind, split=source.split, license=source.license, archive=text.archive
    )


def _write(folder: Path, profile: str, corpus: Corpus, counts: dict[str, int]) -> None:
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for (split, kind), snippets in corpus.texts.items():
        if snippets:
            file = partial / split / f"{kind}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join(snippets) + "\n", encoding="utf-8")
    described = {"profile": profile, "sources": [asdict(report) for report in corpus.reports], "counts": counts}
    (partial / CORPUS_LIST).write_text(json.dumps(described, ensure_ascii=False, indent=1), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    put(partial, folder)


def _print_table(reports: list[SourceReport], counts: dict[str, int]) -> None:
    print(f"{'source':20} {'kind':11} {'split':5} {'lines':>9} {'characters':>11}  license")
    totals: Counter[tuple[str, str]] = Counter()
    for r in reports:
        print(f"{r.name:20} {r.kind:11} {r.split:5} {r.lines:9,} {r.characters:11,}  {r.license}")
        totals[r.split, r.kind] += r.characters
    for (split, kind), characters in sorted(totals.items()):
        print(f"{'total':20} {kind:11} {split:5} {'':9} {characters:11,}")
    rare = sum(count < 20 for count in counts.values())
    print(f"{rare} of {len(counts)} characters of the charsets occur fewer than 20 times in the train text")


@stage("corpus", CorpusConfig)
def main(config: CorpusConfig) -> None:
    build(config)


if __name__ == "__main__":
    main()
