"""Stage: prepare a fine-tune. Fonts, text or labeled lines of a domain in, everything that training needs out.

python -m data.finetuning.prepare name=receipts start_model=models/crnn-zh-en.fp16.pt fonts=~/fonts text=prices.txt \
    data=corrections

Writes, under artifacts/, lines/NAME-domain to train on, lines/NAME-domain-test held out from it, lines/NAME-replay
(general lines that keep the network from forgetting), lines/NAME-gate (held-out lines of both kinds for the INT8 gate),
lines/general-… (the general set that every round is judged by) and NAME/charset.txt: the start model's characters,
then new ones. NAME/domain.json says what was done; the same command finds it and does nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig
from tqdm import tqdm

from crnn.core.charset import Charset
from crnn.core.errors import UserError, exit_cleanly
from crnn.core.model_info import ArtifactInfo
from crnn.core.stage import run_stage, typed
from crnn.datasets.lmdb_store import PARTIAL_SUFFIX, LineStore, LineWriter, StoredLine
from crnn.finetuning.before_after_report import FEW_TEXTS
from crnn.network.checkpoint import load
from crnn.network.transfer import extend
from data.converters.convert import GENERATOR as CONVERTED
from data.converters.convert import ImportConfig, import_lines
from data.converters.detect import locate
from data.finetuning.faces import drawable, general_faces, own_faces
from data.finetuning.text import EVEN, OWN, gather, read_own_text, share_held_out
from data.fonts.manifest import save_faces
from data.synthesis.build import DataConfig, draw_lines, load_settings
from data.synthesis.sample import Synthesizer
from data.synthesis.settings import Span
from data.synthesis.text import CODES, UNIFORM

GENERATOR = "data.finetuning"
NOTE = "domain.json"


@dataclass
class DomainConfig:
    """See configs/domain.yaml for meanings and values."""

    name: str = MISSING
    start_model: str = MISSING
    fonts: str = ""
    text: str = ""
    data: str = ""
    replay: str = ""
    general: str = ""
    profile: str = ""
    lines: int = 30000
    test_lines: int = 400
    replay_lines: int = 15000
    general_lines: int = 4000
    gate_lines: int = 1200
    held_out: float = 0.15
    real_share: float = 0.5
    most_repeats: int = 20
    max_new_characters: int = 500
    planted: int = 40
    shares: dict[str, float] = field(default_factory=dict)
    strength: Span = field(default_factory=Span)
    test_strength: Span = field(default_factory=Span)
    left_out: list[str] = field(default_factory=list)
    general_groups: dict[str, list[str]] = field(default_factory=dict)
    general_recipes: list[str] = field(default_factory=list)
    recipes: str = ""
    seed: int = 101
    processes: int = 0
    cache: str = "artifacts/cache"
    artifacts: str = "artifacts"

    def lines_at(self, part: str) -> Path:
        """Folder of the set NAME-`part`."""
        return Path(self.artifacts, "lines", f"{self.name}-{part}")

    @property
    def run(self) -> Path:
        """Folder of the run that will be trained."""
        return Path(self.artifacts, self.name)


@dataclass(frozen=True)
class Domain:
    """What was prepared.

    Attributes:
        added: new characters, in the order of their ids.
        lines, test_lines: drawn and imported.
        held_out: whether test lines are other lines than those trained on (there may be too few labeled ones).
        general: path of the general set.
        own_looks: of the lines to train on, so many of the first are in faces of the domain's own.
        replay: path of the general lines to mix in.
    """

    added: str
    lines: int
    test_lines: int
    held_out: bool
    general: str
    own_looks: int = 0
    replay: str = ""


def prepare(cfg: DomainConfig) -> Domain:
    """Make the sets and the charset of a fine-tune, or find them made.

    Raises:
        UserError: nothing to tune to, unusable inputs, or the name was prepared from others.
    """
    if not (cfg.fonts or cfg.text or cfg.data):
        raise UserError("nothing to fine-tune to: give fonts=FOLDER, text=FILE or data=PATH")
    start = load(cfg.start_model)
    made_from = _describe(cfg, start.sha256)
    note = cfg.run / NOTE
    if note.is_file():
        found = json.loads(note.read_text(encoding="utf-8"))
        if found.pop("made_from") != made_from:
            raise UserError(f"{cfg.run} was prepared from other inputs: give another name, or delete it")
        return Domain(**found)

    if (cfg.run / "checkpoint.pt").exists():
        raise UserError(f"{cfg.run} holds another training run: give another name")
    cfg.run.mkdir(parents=True, exist_ok=True)
    for part in ("domain", "domain-test", "replay", "gate", "data"):
        _clear(cfg.lines_at(part))
    own = read_own_text(Path(cfg.text).expanduser()) if cfg.text else []
    charset = _extended(start.info.charset, own, cfg)
    charset.save(cfg.run / "charset.txt")
    added = charset.characters[len(start.info.characters) :]

    train: list[StoredLine] = []
    test: list[StoredLine] = []
    apart = True
    if cfg.fonts or cfg.text:
        train, test, apart = _draw(cfg, charset, own, added)
    own_looks = len(train) if cfg.fonts else 0
    real, real_test, real_apart = _import(cfg, charset) if cfg.data else ([], [], True)
    apart = apart and real_apart
    repeats = min(cfg.most_repeats, max(1, round(cfg.real_share * len(train) / len(real)))) if real else 0
    train += real * repeats
    test += real_test
    if (texts := len({line.label for line in test})) < FEW_TEXTS:
        print(
            f"warning: only {texts} different texts are there to judge by; below {FEW_TEXTS} nobody can tell what was "
            "gained: give more lines of text= or data="
        )
    _write(cfg.lines_at("domain"), train)
    _write(cfg.lines_at("domain-test"), test)

    base = _base_charset(start.info)
    general = Path(cfg.general) if cfg.general else _general_set(cfg, base)
    replay = Path(cfg.replay) if cfg.replay else cfg.lines_at("replay")
    if not cfg.replay:
        synthesizer = _general_synthesizer(cfg, base, "train", [])
        _write(replay, _drawn(synthesizer, cfg.seed + 2, cfg.replay_lines, cfg, "replay"))
    half = cfg.gate_lines // 2
    store = LineStore(general)
    _write(cfg.lines_at("gate"), test[:half] + [store[i] for i in range(min(half, len(store)))])

    domain = Domain(added, len(train), len(test), apart, str(general), own_looks, str(replay))
    content = {**asdict(domain), "made_from": made_from}
    note.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    return domain


def _describe(cfg: DomainConfig, start_sha256: str) -> dict[str, Any]:
    """What makes two preparations the same: settings, start model, and the files of each input."""
    digest = hashlib.sha256()
    for path in (Path(given).expanduser() for given in (cfg.fonts, cfg.text, cfg.data) if given):
        if not path.exists():
            raise UserError(f"there is no {path}")
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.name != "lock.mdb":
                digest.update(f"{file.name} {file.stat().st_size} ".encode())
                if file.suffix in (".txt", ".tsv", ".csv", ".yaml"):  # the ones that are edited
                    digest.update(file.read_bytes())
    settings = {key: value for key, value in asdict(cfg).items() if key not in ("processes", "cache")}
    return {**settings, "start_sha256": start_sha256, "inputs_sha256": digest.hexdigest()}


def _clear(path: Path) -> None:
    """Remove what an interrupted preparation left at `path`.

    Raises:
        UserError: something else stands there.
    """
    if (path / "data.mdb").is_file() and LineStore(path).info.get("generator") not in (GENERATOR, CONVERTED):
        raise UserError(f"{path} is a dataset of another origin: choose another name")
    shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(path.with_name(path.name + PARTIAL_SUFFIX), ignore_errors=True)


def _extended(known: Charset, own: Sequence[str], cfg: DomainConfig) -> Charset:
    """The start model's charset and the new characters of text and labels."""
    texts = list(own)
    if cfg.data:
        lines = locate(Path(cfg.data).expanduser()).lines()
        texts += [line.text for line in lines if hasattr(line, "text")]
    folded = "".join(known.fold(text) for text in texts)
    charset = extend(known, "".join(c for c in folded if c.isprintable()))
    added = len(charset) - len(known)
    if added > cfg.max_new_characters:
        raise UserError(
            f"text and labels hold {added} characters outside the charset, more than max_new_characters="
            f"{cfg.max_new_characters}: is their encoding right?"
        )
    return charset


def _draw(
    cfg: DomainConfig, charset: Charset, own: Sequence[str], added: str
) -> tuple[list[StoredLine], list[StoredLine], bool]:
    """Lines synthesized with the domain's fonts and text: to train on, held out, and whether their texts are apart."""
    profile = _profile(cfg)
    faces = (
        own_faces(Path(cfg.fonts).expanduser(), charset, Path(cfg.cache))
        if cfg.fonts
        else general_faces(Path(cfg.artifacts, "fonts", profile, "fonts.json"), added)
    )
    possible = drawable(faces, charset)
    if undrawn := "".join(sorted(set(added) - set(possible.characters))):
        print(f"warning: no font draws {undrawn}: only labeled lines can teach them")
    fonts = Path(cfg.artifacts, "fonts", f"{cfg.name}-domain", "fonts.json")
    save_faces(faces, fonts, f"{cfg.name}-domain", charset.sha256)
    corpus = Path(cfg.artifacts, "corpus", f"{cfg.name}-domain")
    general = Path(cfg.artifacts, "corpus", profile)
    texts = gather(own, general, possible, added, cfg.planted, cfg.held_out, cfg.seed)
    texts.save(corpus)
    sets = []
    for number, (split, lines) in enumerate((("train", cfg.lines), ("test", cfg.test_lines))):
        settings = load_settings(DataConfig(recipes=_recipes(cfg, profile)))
        settings.strength = cfg.strength if split == "train" else cfg.test_strength
        settings.recipes = {name: recipe for name, recipe in settings.recipes.items() if name not in cfg.left_out}
        settings.text.kinds = _kinds(cfg, texts.kinds(split), split)
        variation = settings.faces  # the user's fonts are learned as they are
        settings.faces = replace(variation, across=Span(), pull=Span(), sway=Span(), substitutes=False)
        settings.text.whole, settings.text.join = 1.0, 0.0  # a line of the text is a line: no half ids, no two prices
        synthesizer = Synthesizer(settings, possible, fonts, corpus, split)
        sets.append(list(_drawn(synthesizer, cfg.seed + number, lines, cfg, f"{cfg.name} {split}")))
    return sets[0], sets[1], texts.apart


def _kinds(cfg: DomainConfig, there: Sequence[str], split: str) -> dict[str, float]:
    """Shares of the kinds of text; test lines say what the user's text says, if there is any."""
    if OWN in there and split == "test":
        return {OWN: 1.0}
    general = [kind for kind in there if kind not in (OWN, EVEN)]
    shares = {kind: cfg.shares["general"] / len(general) for kind in general}
    shares |= {kind: cfg.shares[share] for kind, share in ((OWN, "text"), (EVEN, "characters")) if kind in there}
    if split == "train":
        shares |= {UNIFORM: cfg.shares["uniform"], CODES: cfg.shares["codes"]}
    return shares or {UNIFORM: 1.0}


def _import(cfg: DomainConfig, charset: Charset) -> tuple[list[StoredLine], list[StoredLine], bool]:
    """Labeled lines: to train on, held out, and whether the two are apart."""
    imported = import_lines(
        ImportConfig(
            source=cfg.data, name=f"{cfg.name}-data", format="auto", encoding="utf-8",
            start_model=cfg.start_model, charset=str(cfg.run / "charset.txt"), max_reject_share=0.2, holdout=0.0,
            seed=cfg.seed,
            output=str(cfg.lines_at("data")),
        )
    )  # fmt: skip
    if imported.rejects:
        print(f"warning: {len(imported.rejects)} labeled lines are left out: see {imported.path / 'rejects.tsv'}")
    store = LineStore(imported.path)
    lines = [store[i] for i in range(len(store))]
    # The picture decides, so that it never changes sides from round to round.
    digests = [int(hashlib.sha256(line.image).hexdigest()[:8], 16) / 2**32 for line in lines]
    share = share_held_out(cfg.held_out, digests)
    sides = [digest < share for digest in digests]
    train = [line for line, held in zip(lines, sides, strict=True) if not held]
    test = [line for line, held in zip(lines, sides, strict=True) if held]
    if train and test:
        return train, test, True
    print(f"warning: {len(lines)} labeled lines are too few to hold any out: the report judges lines trained on")
    return lines, lines, False


def _base_charset(info: ArtifactInfo) -> Charset:
    """The charset before any fine-tune: general lines keep to it, so that all rounds are judged by one set."""
    added = str(info.training.get("added_characters", ""))
    return Charset(info.characters.removesuffix(added))


def _profile(cfg: DomainConfig) -> str:
    """The profile asked for, else the largest whose fonts and corpus are there."""
    for profile in [cfg.profile] if cfg.profile else ["full", "quick"]:
        if all(Path(cfg.artifacts, kind, profile, f"{kind}.json").is_file() for kind in ("fonts", "corpus")):
            return profile
    raise UserError("no general fonts and texts: run `make fonts corpus PROFILE=quick` (or full) first")


def _recipes(cfg: DomainConfig, profile: str) -> str:
    return cfg.recipes.replace("PROFILE", profile)


def _general_synthesizer(
    cfg: DomainConfig, charset: Charset, split: str, cells: list[tuple[list[str], str]]
) -> Synthesizer:
    profile = _profile(cfg)
    settings = load_settings(DataConfig(recipes=_recipes(cfg, profile)))
    fonts = Path(cfg.artifacts, "fonts", profile, "fonts.json")
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


def _general_set(cfg: DomainConfig, charset: Charset) -> Path:
    """The general test set for models of this charset; drawn at the first fine-tune, then kept."""
    profile = _profile(cfg)
    path = Path(cfg.artifacts, "lines", f"general-{profile}-{charset.sha256[:8]}-{cfg.general_lines}")
    if not (path / "data.mdb").is_file():
        shutil.rmtree(path.with_name(path.name + PARTIAL_SUFFIX), ignore_errors=True)
        cells = [(kinds, recipe) for kinds in cfg.general_groups.values() for recipe in cfg.general_recipes]
        synthesizer = _general_synthesizer(cfg, charset, "test", cells)
        _write(path, _drawn(synthesizer, 0, cfg.general_lines, cfg, "general"))
    return path


def _drawn(synthesizer: Synthesizer, seed: int, lines: int, cfg: DomainConfig, what: str) -> Iterable[StoredLine]:
    processes = cfg.processes or len(os.sched_getaffinity(0))
    drawn = draw_lines(synthesizer, seed, 0, lines, processes, chunk=64)
    return tqdm(drawn, total=lines, unit="line", desc=what, mininterval=1.0)


def _write(path: Path, lines: Iterable[StoredLine]) -> None:
    with LineWriter(path, {"generator": GENERATOR}) as writer:
        for line in lines:
            writer.append(line)


ConfigStore.instance().store(name="domain_schema", node=DomainConfig)


@hydra.main(version_base="1.3", config_path="../../configs", config_name="domain")
@exit_cleanly()
def main(cfg: DictConfig) -> None:
    config = typed(cfg, DomainConfig)
    domain = prepare(config)
    print(
        f"{config.name}: {domain.lines:,} lines of the domain, {domain.test_lines:,} to judge by"
        + (f"; new characters: {domain.added}" if domain.added else "")
    )


if __name__ == "__main__":
    run_stage(main)
