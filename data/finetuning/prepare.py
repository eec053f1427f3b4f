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
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.files import CHARSET, CHECKPOINT, DOMAIN
from crnn.core.model_info import ArtifactInfo
from crnn.core.stage import stage
from crnn.datasets.lmdb_store import LineStore, StoredLine
from crnn.finetuning.before_after_report import FEW_TEXTS
from crnn.network.checkpoint import load
from data.finetuning.config import Domain, DomainConfig
from data.finetuning.domain_lines import draw_domain, extended_charset, import_domain
from data.finetuning.general import base_charset, general_set, general_synthesizer
from data.finetuning.sets import clear, drawn, write
from data.finetuning.text import read_own_text


def prepare(cfg: DomainConfig) -> Domain:
    """Make the sets and the charset of a fine-tune, or find them made.

    Raises:
        UserError: nothing to tune to, unusable inputs, or the name was prepared from others.
    """
    if not (cfg.fonts or cfg.text or cfg.data):
        raise UserError("nothing to fine-tune to: give fonts=FOLDER, text=FILE or data=PATH")
    start = load(cfg.start_model)
    made_from = _describe(cfg, start.sha256)
    note = cfg.run / DOMAIN
    if note.is_file():
        found = json.loads(note.read_text(encoding="utf-8"))
        if found.pop("made_from") != made_from:
            raise UserError(f"{cfg.run} was prepared from other inputs: give another name, or delete it")
        return Domain(**found)

    if (cfg.run / CHECKPOINT).exists():
        raise UserError(f"{cfg.run} holds another training run: give another name")
    cfg.run.mkdir(parents=True, exist_ok=True)
    for part in ("domain", "domain-test", "replay", "gate", "data"):
        clear(cfg.lines_at(part))
    own = read_own_text(Path(cfg.text).expanduser()) if cfg.text else []
    charset = extended_charset(start.info.charset, own, cfg)
    charset.save(cfg.run / CHARSET)
    added = charset.characters[len(start.info.characters) :]

    train, test, apart, own_looks = _domain_lines(cfg, start.info, charset, own)
    if (texts := len({line.label for line in test})) < FEW_TEXTS:
        print(
            f"warning: only {texts} different texts are there to judge by; below {FEW_TEXTS} nobody can tell what was "
            "gained: give more lines of text= or data="
        )
    write(cfg.lines_at("domain"), train)
    write(cfg.lines_at("domain-test"), test)

    base = base_charset(start.info)
    general = Path(cfg.general) if cfg.general else general_set(cfg, base)
    replay = Path(cfg.replay) if cfg.replay else cfg.lines_at("replay")
    if not cfg.replay:
        synthesizer = general_synthesizer(cfg, base, "train", [])
        write(replay, drawn(synthesizer, cfg.seed + 2, cfg.replay_lines, cfg, "replay"))
    half = cfg.gate_lines // 2
    store = LineStore(general)
    write(cfg.lines_at("gate"), test[:half] + [store[i] for i in range(min(half, len(store)))])

    domain = Domain(added, len(train), len(test), apart, str(general), own_looks, str(replay))
    content = {**asdict(domain), "made_from": made_from}
    note.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    return domain


def _domain_lines(
    cfg: DomainConfig, start: ArtifactInfo, charset: Charset, own: Sequence[str]
) -> tuple[list[StoredLine], list[StoredLine], bool, int]:
    """Drawn and labeled lines: to train on, held out, whether the two are apart, and how many of the first are in faces
    of the domain's own."""
    train: list[StoredLine] = []
    test: list[StoredLine] = []
    apart = True
    if cfg.fonts or cfg.text:
        train, test, apart = draw_domain(cfg, charset, own, charset.characters[len(start.characters) :])
    own_looks = len(train) if cfg.fonts else 0
    real, real_test, real_apart = import_domain(cfg, charset, start) if cfg.data else ([], [], True)
    repeats = min(cfg.most_repeats, max(1, round(cfg.real_share * len(train) / len(real)))) if real else 0
    return train + real * repeats, test + real_test, apart and real_apart, own_looks


def _describe(cfg: DomainConfig, start_sha256: str) -> dict[str, Any]:
    """What makes two preparations the same: settings, start model, and the files of each input."""
    digest = hashlib.sha256()
    for path in (Path(given).expanduser() for given in (cfg.fonts, cfg.text, cfg.data) if given):
        if not path.exists():
            raise UserError(f"there is no {path}")
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.name != "lock.mdb":
                digest.update(f"{file.name} {file.stat().st_size} ".encode())
                if file.suffix.lower() in (".txt", ".tsv", ".csv", ".jsonl", ".yaml"):  # the ones that are edited
                    digest.update(file.read_bytes())
    settings = {key: value for key, value in asdict(cfg).items() if key not in ("processes", "cache")}
    return {**settings, "start_sha256": start_sha256, "inputs_sha256": digest.hexdigest()}


@stage("domain", DomainConfig)
def main(config: DomainConfig) -> None:
    domain = prepare(config)
    print(
        f"{config.name}: {domain.lines:,} lines of the domain, {domain.test_lines:,} to judge by"
        + (f"; new characters: {domain.added}" if domain.added else "")
    )


if __name__ == "__main__":
    main()
