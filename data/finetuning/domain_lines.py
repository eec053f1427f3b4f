"""Lines of the domain: synthesized with its fonts and texts, or labeled ones of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.files import CHARSET, FONT_LIST, REJECTS
from crnn.core.model_info import ArtifactInfo
from crnn.datasets.lmdb_store import LineStore, StoredLine
from crnn.network.transfer import extend
from data.converters.convert import ImportConfig, import_lines
from data.converters.detect import locate
from data.finetuning.config import DomainConfig
from data.finetuning.faces import drawable, general_faces, own_faces
from data.finetuning.general import general_profile, recipes_of
from data.finetuning.sets import drawn
from data.finetuning.text import EVEN, OWN, gather, share_held_out
from data.fonts.manifest import save_faces
from data.synthesis.build import DataConfig, load_settings
from data.synthesis.sample import Synthesizer
from data.synthesis.settings import Span
from data.synthesis.text import CODES, UNIFORM


def extended_charset(known: Charset, own: Sequence[str], cfg: DomainConfig) -> Charset:
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


def draw_domain(
    cfg: DomainConfig, charset: Charset, own: Sequence[str], added: str
) -> tuple[list[StoredLine], list[StoredLine], bool]:
    """Lines synthesized with the domain's fonts and text: to train on, held out, and whether their texts are apart."""
    profile = general_profile(cfg)
    faces = (
        own_faces(Path(cfg.fonts).expanduser(), charset, Path(cfg.cache))
        if cfg.fonts
        else general_faces(Path(cfg.artifacts, "fonts", profile, FONT_LIST), added)
    )
    possible = drawable(faces, charset)
    if undrawn := "".join(sorted(set(added) - set(possible.characters))):
        print(f"warning: no font draws {undrawn}: only labeled lines can teach them")
    fonts = Path(cfg.artifacts, "fonts", f"{cfg.name}-domain", FONT_LIST)
    save_faces(faces, fonts, f"{cfg.name}-domain", charset.sha256)
    corpus = Path(cfg.artifacts, "corpus", f"{cfg.name}-domain")
    general = Path(cfg.artifacts, "corpus", profile)
    texts = gather(own, general, possible, added, cfg.planted, cfg.held_out, cfg.seed)
    texts.save(corpus)
    sets = []
    for number, (split, lines) in enumerate((("train", cfg.lines), ("test", cfg.test_lines))):
        settings = load_settings(DataConfig(recipes=recipes_of(cfg, profile)))
        settings.strength = cfg.strength if split == "train" else cfg.test_strength
        settings.recipes = {name: recipe for name, recipe in settings.recipes.items() if name not in cfg.left_out}
        settings.text.kinds = _kinds(cfg, texts.kinds(split), split)
        variation = settings.faces  # the user's fonts are learned as they are
        settings.faces = replace(variation, across=Span(), pull=Span(), sway=Span(), substitutes=False)
        settings.text.whole, settings.text.join = 1.0, 0.0  # a line of the text is a line: no half ids, no two prices
        synthesizer = Synthesizer(settings, possible, fonts, corpus, split)
        sets.append(list(drawn(synthesizer, cfg.seed + number, lines, cfg, f"{cfg.name} {split}")))
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


def import_domain(
    cfg: DomainConfig, charset: Charset, start: ArtifactInfo
) -> tuple[list[StoredLine], list[StoredLine], bool]:
    """Labeled lines: to train on, held out, and whether the two are apart."""
    imported = import_lines(
        ImportConfig(
            source=cfg.data, name=f"{cfg.name}-data", format="auto", encoding="utf-8",
            start_model=cfg.start_model, charset=str(cfg.run / CHARSET), max_reject_share=0.2, holdout=0.0,
            seed=cfg.seed,
            output=str(cfg.lines_at("data")),
        ),
        start,
    )  # fmt: skip
    if imported.rejects:
        print(f"warning: {len(imported.rejects)} labeled lines are left out: see {imported.path / REJECTS}")
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
