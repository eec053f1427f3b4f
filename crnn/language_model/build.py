"""Builds a character language model: `python -m crnn.language_model.build text=[my.txt]` (`make lm TEXT=my.txt`).

Corpus and own text -> n-grams (ngram.py) -> trie (trie.py) -> artifacts/lm/<name>/lm.npz, and lm.json, which says what
is in it as the file itself does. Sources are taken or left as a whole, by name.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import MISSING

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.files import CORPUS_LIST
from crnn.core.stage import stage
from crnn.language_model.model import SPACE_TOKEN, LanguageModel, token
from crnn.language_model.ngram import BEGIN, END, SPECIAL, UNKNOWN, Grams, estimate, to_levels, write_arpa
from crnn.language_model.trie import Trie


@dataclass
class LmConfig:
    """What the model is built from, and how; see configs/lm.yaml."""

    name: str = MISSING
    text: list[str] = MISSING
    text_weight: int = MISSING
    corpus: str | None = MISSING
    charset: str = MISSING
    kinds: dict[str, int] = MISSING
    exclude_sources: list[str] = MISSING
    order: int = MISSING
    prune: list[int] = MISSING
    bits: int = MISSING
    arpa: bool = MISSING
    held_out_lines: int = MISSING
    artifacts: str = MISSING


@dataclass(frozen=True)
class TextSource:
    """A part of the text: `lines` not folded yet."""

    name: str
    kind: str
    license: str
    lines: list[str]


def read_corpus(folder: Path, split: str) -> list[TextSource]:
    """The corpus by source. A kind's file holds its sources one after the other, as corpus.json lists them.

    Raises:
        UserError: no corpus there, or its list and its files do not agree.
    """
    try:
        described = json.loads((folder / CORPUS_LIST).read_text(encoding="utf-8"))["sources"]
    except FileNotFoundError:
        raise UserError(
            f"no corpus at {folder}: build it with `make corpus`, or give corpus=null and text=[FILE]"
        ) from None
    sources = []
    for kind in dict.fromkeys(entry["kind"] for entry in described if entry["split"] == split):
        lines = (folder / split / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
        entries = [entry for entry in described if (entry["kind"], entry["split"]) == (kind, split)]
        if sum(entry["lines"] for entry in entries) != len(lines):
            raise UserError(f"{folder}: {CORPUS_LIST} does not fit {split}/{kind}.txt: build the corpus again")
        for entry in entries:
            part, lines = lines[: entry["lines"]], lines[entry["lines"] :]
            sources.append(TextSource(entry["name"], kind, entry["license"], part))
    return sources


def read_texts(paths: Sequence[str]) -> TextSource:
    """The user's own files, and the *.txt of folders.

    Raises:
        UserError: a path leads nowhere, or a file is not UTF-8.
    """
    lines: list[str] = []
    for name in paths:
        path = Path(name).expanduser()
        if not path.exists():
            raise UserError(f"there is no text at {path}")
        for file in sorted(path.rglob("*.txt")) if path.is_dir() else [path]:
            try:
                lines += file.read_text(encoding="utf-8-sig").splitlines()
            except UnicodeDecodeError:
                raise UserError(f"{file} is not UTF-8: convert it first") from None
    return TextSource("own text", "own", "the user's", lines)


def select(sources: Iterable[TextSource], exclude: Sequence[str], kinds: dict[str, int]) -> list[TextSource]:
    """The sources that are allowed, each cut so that its kind keeps to its number of characters."""
    allowed = [source for source in sources if source.name not in exclude and kinds.get(source.kind, 0)]
    totals: dict[str, int] = {}
    for source in allowed:
        totals[source.kind] = totals.get(source.kind, 0) + sum(map(len, source.lines))
    chosen = []
    for source in allowed:
        share = min(1.0, kinds[source.kind] / max(1, totals[source.kind]))
        rand = random.Random(source.name)
        lines = source.lines if share == 1 else [line for line in source.lines if rand.random() < share]
        chosen.append(TextSource(source.name, source.kind, source.license, lines))
    return chosen


def to_tokens(lines: Iterable[str], charset: Charset) -> np.ndarray:
    """int32 tokens of folded lines for `estimate`; characters outside the charset become UNKNOWN."""
    offset = len(SPECIAL) - 1  # the charset counts from 1
    numbers = {character: id + offset for id, character in enumerate(charset.characters, start=1)}
    tokens: list[int] = []
    for line in lines:
        folded = charset.fold(line)
        if folded:
            tokens += [BEGIN, *(numbers.get(character, UNKNOWN) for character in folded), END]
    return np.array(tokens, np.int32)


def build(cfg: LmConfig) -> Path:
    """Build the model `cfg` describes; returns its file, complete or not at all.

    Raises:
        UserError: no text, a wrong configuration, or a tool that is missing.
    """
    started = time.monotonic()
    charset = Charset.load(cfg.charset)
    if SPACE_TOKEN in charset:
        raise UserError(f"the charset holds {SPACE_TOKEN!r}, which names the space in language models")
    sources = select(read_corpus(Path(cfg.corpus), "train"), cfg.exclude_sources, cfg.kinds) if cfg.corpus else []
    if cfg.text:
        if cfg.text_weight < 1:
            raise UserError("text_weight must be at least 1")
        sources += [read_texts(cfg.text)] * cfg.text_weight
    parts = [to_tokens(source.lines, charset) for source in sources]
    tokens = np.concatenate([*parts, np.empty(0, np.int32)])
    grams = estimate(tokens, len(SPECIAL) + len(charset.characters), cfg.order, cfg.prune)
    folder = Path(cfg.artifacts) / "lm" / cfg.name
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / "lm.npz"
    info = {**describe(cfg, sources, parts, grams), "characters": "".join(charset.characters)}
    Trie(to_levels(grams, cfg.bits), info).save(model)
    if cfg.arpa:
        write_arpa(grams, [*SPECIAL, *map(token, charset.characters)], folder / "lm.arpa")
    report = {**info, "size_mb": model.stat().st_size / 1e6, "perplexity": _perplexity(cfg, model, charset)}
    (folder / "lm.json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    perplexity = report["perplexity"]
    print(
        f"{model}: text of {report['text_characters']:,} characters, n-grams "
        f"{' '.join(f'{n:,}' for n in report['ngrams'])}, {report['size_mb']:.1f} MB"
        + (f", perplexity on held-out text {perplexity:.1f}" if perplexity else "")
        + f", {time.monotonic() - started:.0f} s"
    )
    return model


def describe(cfg: LmConfig, sources: list[TextSource], parts: list[np.ndarray], grams: list[Grams]) -> dict[str, Any]:
    """What the model says of itself."""
    return {
        "name": cfg.name,
        "order": cfg.order,
        "prune": list(cfg.prune),
        "bits": cfg.bits,
        "text_characters": int(sum(np.count_nonzero(part > END) for part in parts)),
        "ngrams": [int(entry.kept.sum()) for entry in grams],
        "sources": [
            {"name": s.name, "kind": s.kind, "license": s.license, "characters": int(np.count_nonzero(part > END))}
            for s, part in zip(sources, parts, strict=True)
        ],
    }


def _perplexity(cfg: LmConfig, model: Path, charset: Charset) -> float | None:
    """A character's perplexity on the corpus's test split; None without one."""
    if not (cfg.corpus and cfg.held_out_lines):
        return None
    lines = [charset.fold(line) for source in read_corpus(Path(cfg.corpus), "test") for line in source.lines]
    known = [line for line in lines if line and not charset.missing(line)]
    chosen = random.Random(0).sample(known, min(cfg.held_out_lines, len(known)))
    return LanguageModel(model, charset).perplexity([charset.encode(line) for line in chosen]) if chosen else None


@stage("lm", LmConfig)
def main(config: LmConfig) -> None:
    build(config)


if __name__ == "__main__":
    main()
