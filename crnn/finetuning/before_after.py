"""Stage: what a fine-tune gained and lost, and whether to promote it.

python -m crnn.finetuning.before_after name=receipts

Pairs the tuned network with the general one of the served model (`crnn.recognition.ensemble`) and reads the domain's
held-out lines and the general set with the served model, with the pair, and with the tuned network alone. Writes
pair.onnx, before_after.json, before_after.md and plots/before_after.png to artifacts/NAME/.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from omegaconf import MISSING
from tqdm import tqdm

from crnn.core.cpus import available_cpus
from crnn.core.errors import UserError
from crnn.core.files import BEFORE_AFTER, DOMAIN, FONT_LIST, INT8_MODEL, MODEL
from crnn.core.metrics import Accuracy
from crnn.core.shipped import DEFAULT_MODEL
from crnn.core.stage import stage
from crnn.datasets.labeled import LabeledLine, read_lines
from crnn.datasets.lmdb_store import LineStore
from crnn.evaluation.measures.characters import CharacterChange, changes, recall
from crnn.evaluation.measures.scoring import Comparison, compare, score_lines
from crnn.finetuning.before_after_report import FEW_TEXTS, to_markdown, write_plot
from crnn.finetuning.ensemble_writer import write_ensemble
from crnn.image.preprocess import decode_image
from crnn.recognizer import Recognizer

PAIR = "pair.onnx"
CHUNK = 64  # lines decoded at a time
LOOKS = 1000  # lines of either kind that tell what a domain looks like


@dataclass
class Criteria:
    """What a model must show to be promoted."""

    min_domain_gain: float = 0.005  # 2 lines of 400: a model that gains nothing is not worth a change
    max_general_loss: float = 0.003  # 12 lines of 4,000 net
    min_new_recall: float = 0.9  # of new characters: a user asked for them by name
    needs_int8: bool = True  # the server's speed rests on it; false where the gate refuses this processor


@dataclass
class BeforeAfterConfig:
    """Attributes:
    name: of the run.
    served: the model before; its general network is the pair's.
    alone: judge and promote the tuned network by itself, which reads once and forgets.
    samples: lines of each set, drawn by seed 0; by default all.
    criteria: of `make promote`.
    """

    name: str = MISSING
    artifacts: str = "artifacts"
    served: str = str(DEFAULT_MODEL)
    alone: bool = False
    samples: int | None = None
    criteria: Criteria = field(default_factory=Criteria)


@dataclass(frozen=True)
class Side:
    """One set of lines.

    Attributes:
        dataset: its path.
        before, after, alone: scores of the served model, of what would be served, and of the tuned network by itself.
        change: after against before, line by line, with bounds.
        characters: what each character gained and lost.
        texts: how many different texts the lines say.
    """

    dataset: str
    before: Accuracy
    after: Accuracy
    alone: Accuracy
    change: Comparison
    characters: tuple[CharacterChange, ...]
    texts: int


@dataclass(frozen=True)
class BeforeAfter:
    """The report.

    Attributes:
        name: of the run.
        added: new characters.
        new_recall: share of their occurrences in the domain that is read right; None without new characters.
        held_out: whether the domain's lines were kept out of training.
        model: file of the run that was judged.
        model_sha256: its digest.
        objections: reasons against promoting; empty if it may be promoted.
    """

    name: str
    added: str
    new_recall: float | None
    held_out: bool
    domain: Side
    general: Side
    model: str
    model_sha256: str
    objections: tuple[str, ...]


def before_after(cfg: BeforeAfterConfig) -> BeforeAfter:
    """Judge artifacts/NAME by its own sets and write the report.

    Raises:
        UserError: the run was not prepared, trained and exported yet.
    """
    run = Path(cfg.artifacts, cfg.name)
    note = run / DOMAIN
    if not note.is_file():
        raise UserError(f"{run} is no fine-tune: run `make finetune NAME={cfg.name}` first")
    domain = json.loads(note.read_text(encoding="utf-8"))
    int8 = run / INT8_MODEL
    tuned = int8 if int8.is_file() else run / MODEL
    if int8.is_file() and Recognizer(int8).info.source_sha256 != Recognizer(run / MODEL).info.source_sha256:
        raise UserError(f"{int8} was made of other weights than {run / MODEL}: quantize again")
    judged = tuned if cfg.alone else run / PAIR
    if not cfg.alone:
        looks = _looks(Path(cfg.artifacts, "lines", f"{cfg.name}-domain"), domain.get("own_looks", 0))
        write_ensemble(Path(cfg.served), tuned, judged, looks, _looks(Path(domain["replay"])) if looks else ())
    models = [Recognizer(path) for path in (cfg.served, judged, tuned)]
    paths = [Path(cfg.artifacts, "lines", f"{cfg.name}-domain-test"), Path(domain["general"])]
    sides = [_side(path, read_lines(path, cfg.samples), models) for path in paths]
    new_recall = recall(sides[0].characters, domain["added"]) if domain["added"] else None
    report = BeforeAfter(
        name=cfg.name,
        added=domain["added"],
        new_recall=new_recall,
        held_out=domain["held_out"],
        domain=sides[0],
        general=sides[1],
        model=judged.name,
        model_sha256=hashlib.sha256(judged.read_bytes()).hexdigest(),
        objections=tuple(objections(sides[0], sides[1], new_recall, int8.is_file(), cfg.criteria)),
    )
    (run / "plots").mkdir(exist_ok=True)
    write_plot(run / "plots" / "before_after.png", report, _fonts(Path(cfg.artifacts, "fonts")))
    (run / "before_after.md").write_text(to_markdown(report), encoding="utf-8")
    (run / BEFORE_AFTER).write_text(
        json.dumps(dataclasses.asdict(report), ensure_ascii=False, indent=1), encoding="utf-8"
    )
    return report


def objections(domain: Side, general: Side, new_recall: float | None, has_int8: bool, criteria: Criteria) -> list[str]:
    """Why the model must not be promoted: it has to gain on its domain and to keep what it knew."""
    found = []
    gain, loss = domain.change.exact.mean, -general.change.exact.mean
    if gain < criteria.min_domain_gain:
        message = f"the domain gains {gain:+.1%} of its lines (needed: {criteria.min_domain_gain:+.1%})"
        if domain.texts < FEW_TEXTS:
            message = f"it cannot be judged: the domain's lines say {domain.texts} different texts ({message})"
        found.append(message)
    if loss > criteria.max_general_loss:
        found.append(f"the general set loses {loss:.1%} of its lines (allowed: {criteria.max_general_loss:.1%})")
    if new_recall is not None and new_recall < criteria.min_new_recall:
        found.append(f"{new_recall:.0%} of the new characters are read right (needed: {criteria.min_new_recall:.0%})")
    if criteria.needs_int8 and not has_int8:
        found.append("there is no INT8 model: the gate has refused it, or quantize.py has not run")
    return found


def _fonts(folder: Path) -> list[Path]:
    """Font files of the profiles that are there: one of each lineage, Chinese ones, those for training."""
    found: dict[str, Path] = {}
    for profile in ("quick", "full"):
        manifest = folder / profile / FONT_LIST
        faces = json.loads(manifest.read_text(encoding="utf-8"))["faces"] if manifest.is_file() else []
        for face in faces:
            if face["script"] == "zh" and face["index"] == 0:
                found.setdefault(face["lineage"], manifest.parent / face["path"])
    return [path for path in found.values() if path.is_file()]


def _looks(path: Path, first: int | None = None) -> list[bytes]:
    """Pictures of `LOOKS` lines of a set, evenly spread over all or over the `first`."""
    store = LineStore(path)
    lines = len(store) if first is None else min(first, len(store))
    return [store[int(i)].image for i in np.linspace(0, lines - 1, min(LOOKS, lines)).astype(int)]


def _side(path: Path, lines: Sequence[LabeledLine], models: Sequence[Recognizer]) -> Side:
    truths = [line.text for line in lines]
    chunks = [lines[begin : begin + CHUNK] for begin in range(0, len(lines), CHUNK)]

    def read(chunk: Sequence[LabeledLine]) -> list[list[str]]:
        images = [decode_image(line.image) for line in chunk]
        return [[reading.text for reading in model.read_many(images, "greedy")] for model in models]

    with ThreadPoolExecutor(available_cpus()) as pool:
        bar = tqdm(pool.map(read, chunks), desc=path.name, total=len(chunks), unit=f"{CHUNK} lines", mininterval=1)
        parts = list(bar)
    texts = [[text for part in parts for text in part[which]] for which in range(len(models))]
    scores = [score_lines(lines, readings) for readings in texts]
    return Side(
        dataset=str(path),
        before=scores[0],
        after=scores[1],
        alone=scores[2],
        change=compare(lines, texts[0], texts[1]),
        characters=tuple(changes(truths, texts[0], texts[1])),
        texts=len(set(truths)),
    )


@stage("before_after", BeforeAfterConfig)
def main(config: BeforeAfterConfig) -> None:
    report = before_after(config)
    print(to_markdown(report))
    print(f"{Path(config.artifacts, config.name)}/: {BEFORE_AFTER} before_after.md plots/before_after.png")


if __name__ == "__main__":
    main()
