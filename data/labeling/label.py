"""Makes training lines of pictures that nobody has labeled.

python -m data.labeling.label source=scans/ name=scans            (or: make label SOURCE=scans/ NAME=scans)

The finder finds the lines of every picture and page, several readers read each, and what enough of them read alike
becomes its label. Writes artifacts/labeled/NAME: `lines.jsonl` with the pictures in `lines/`, which `make import`
takes, and `review.html` with what they dispute. An interrupted run goes on where it was when it is started again.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from omegaconf import MISSING
from tqdm import tqdm

from crnn.core.errors import UserError
from crnn.core.shipped import DEFAULT_LANGUAGE_MODEL, DEFAULT_MODEL
from crnn.core.stage import stage
from crnn.datasets.label_table import read_text
from crnn.documents.pages import BadPage, SourceOptions
from crnn.documents.sources import each_source, name_of, open_document
from crnn.evaluation.engines.peers import PaddlePeer, open_peers
from crnn.evaluation.engines.readers import LineReader, ModelReader
from crnn.finder.finder import Finder
from crnn.page import PageReader
from crnn.recognizer import Recognizer
from data.labeling.agreement import AGREE, ALONE, BLANK, DISPUTED, MAJORITY, Vote, same_letters, settle
from data.labeling.duplicates import Duplicates, fingerprint
from data.labeling.review import write_review
from data.packages import fetch

OURS = "ours"
TRAINED_ON = (AGREE, MAJORITY, ALONE)


@dataclass
class LabelConfig:
    """See configs/label.yaml for values and their reasons.

    Attributes:
        source: a picture, a PDF, a folder or a glob of these.
        name: the result is written to <artifacts>/labeled/<name>.
        peers: readers beside ours, names in `paddle`.
        enough: readers that must read the same for a line to be labeled.
        certain: how confident these must be on average where another reads something else.
        alone: peers whose reading of a disputed line is its label if they are at least so confident.
        least_height: pixels; lower lines are left out.
        exclude: a file of texts, one a line, that must not be trained on, such as those of a test set.
        most_repeats: lines of the same text that are kept.
        max_megabytes: of pictures of lines; the run stops there, with what it has.
        cache: where the packages of peers are unpacked.
        paddle: see configs/evaluate.yaml.
    """

    source: str = MISSING
    name: str = MISSING
    peers: list[str] = MISSING
    enough: int = MISSING
    certain: float = MISSING
    alone: dict[str, float] = MISSING
    least_height: int = MISSING
    exclude: str | None = MISSING
    most_repeats: int = MISSING
    max_megabytes: float = MISSING
    cache: str = MISSING
    artifacts: str = MISSING
    paddle: dict[str, PaddlePeer] = field(default_factory=dict)


def label(config: LabelConfig, note: Callable[[str], None] = print) -> Counter[str]:
    """Label what can be labeled; returns how many lines came of which kind.

    Raises:
        UserError: nothing to read, too few readers, or a peer that cannot be had.
    """
    readers = open_readers(config)
    if not 1 < config.enough <= len(readers):
        raise UserError(f"enough={config.enough} of {len(readers)} readers: at least two must agree, add peers")
    names = [reader.name for reader in readers]
    if unknown := sorted(set(config.alone) - set(names)):
        raise UserError(f"alone names {', '.join(unknown)}, which is none of the readers: {', '.join(names)}")
    folder = Path(config.artifacts) / "labeled" / config.name
    (folder / "lines").mkdir(parents=True, exist_ok=True)
    settings = {"peers": [*config.peers], "enough": config.enough, "certain": config.certain}
    journal = Journal(folder / "pages.jsonl", {**settings, **({"alone": {**config.alone}} if config.alone else {})})
    duplicates = Duplicates(most_repeats=config.most_repeats)
    excluded = {same_letters(row) for row in read_text(Path(config.exclude)).split("\n")} if config.exclude else set()
    counts: Counter[str] = Counter()
    for row in journal.rows():
        counts[row["tier"]] += 1
        duplicates.add(same_letters(row["text"]), int(row["fingerprint"], 16))
    finder = PageReader(Recognizer(DEFAULT_MODEL), Finder())
    megabytes = sum(file.stat().st_size for file in (folder / "lines").iterdir()) / 1e6
    for source in tqdm(list(each_source(config.source)), desc="labeling", unit=" files", file=sys.stderr):
        digest = hashlib.sha256(Path(source).read_bytes()).hexdigest()[:16]
        if digest in journal.done:
            continue
        if megabytes >= config.max_megabytes:
            note(f"stopped at {megabytes:.0f} MB of lines: raise max_megabytes to go on")
            break
        rows = []
        for number, crop in enumerate(_crops(source, finder, counts, note)):
            if crop.shape[0] < config.least_height:
                counts["too low"] += 1
                continue
            votes = [Vote(reader.name, (guess := reader.read(crop)).text, guess.confidence) for reader in readers]
            settled = settle(votes, config.enough, config.certain, config.alone)
            letters, print_ = same_letters(settled.text), fingerprint(crop)
            if settled.tier == BLANK:
                counts[BLANK] += 1
            elif letters in excluded:
                counts["excluded"] += 1
            elif not duplicates.add(letters, print_):
                counts["repeated"] += 1
            else:
                file = f"lines/{digest}-{number:04}.png"
                picture = cv2.imencode(".png", crop)[1].tobytes()
                (folder / file).write_bytes(picture)
                megabytes += len(picture) / 1e6
                counts[settled.tier] += 1
                read = {vote.reader: vote.text for vote in votes}
                rows.append({
                    "file": file, "text": settled.text, "tier": settled.tier, "c": round(settled.certainty, 4),
                    "right": same_letters(read[OURS]) == letters, "group": digest, "votes": read,
                    "fingerprint": f"{print_:064x}",
                })  # fmt: skip
        journal.append(digest, name_of(source), rows)
    _write(folder, journal)
    return counts


def open_readers(config: LabelConfig) -> list[LineReader]:
    """Ours with the language model, and the peers asked for.

    Raises:
        UserError: one of these cannot be had; what agrees would mean something else without it.
    """
    peers = open_peers(config.peers, config.paddle, "", Path(config.cache), 1, fetch)
    for missing in peers.missing:
        raise UserError(f"the reader {missing.name} cannot be had: {missing.reason}; name others: peers=[…]")
    return [ModelReader(DEFAULT_MODEL, OURS, 1, DEFAULT_LANGUAGE_MODEL), *peers.readers]


def _crops(source: Any, finder: PageReader, counts: Counter[str], note: Callable[[str], None]) -> Iterator[np.ndarray]:
    """The lines of all pages of a file, upright, uint8 (h, w); what cannot be read is counted and said."""
    try:
        with open_document(source, SourceOptions()) as document:
            for page in document.pages():
                if isinstance(page, BadPage):
                    raise UserError(f"page {page.number}: {page.error}")
                for line in finder.find(page.image).lines:
                    yield line.crop
    except UserError as error:
        counts["unreadable files"] += 1
        note(f"{name_of(source)}: {error}")


class Journal:
    """What was done, file by file: a line is written when a file is finished, so that a run can go on.

    Raises:
        UserError: the journal was begun with other settings.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path = path
        self.done: dict[str, list[dict[str, Any]]] = {}
        if not path.exists():
            path.write_text(json.dumps(settings), encoding="utf-8")
        first, *rest = path.read_text(encoding="utf-8").split("\n")
        if json.loads(first) != settings:
            raise UserError(f"{path.parent} was begun with {first}: give the same settings, or another name")
        for row in rest:
            try:
                entry = json.loads(row)
            except ValueError:
                continue  # the last one, cut off when the run was interrupted
            self.done[entry["digest"]] = entry["lines"]

    def append(self, digest: str, name: str, lines: list[dict[str, Any]]) -> None:
        """Note a finished file."""
        self.done[digest] = lines
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("\n" + json.dumps({"digest": digest, "name": name, "lines": lines}, ensure_ascii=False))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The lines of all files."""
        for lines in self.done.values():
            yield from lines


def _write(folder: Path, journal: Journal) -> None:
    """The list to import and the page to review, from the journal."""
    hidden = ("votes", "fingerprint")
    labeled = [
        {key: value for key, value in row.items() if key not in hidden}
        for row in journal.rows()
        if row["tier"] in TRAINED_ON
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in labeled)
    (folder / "lines.jsonl").write_text(text, encoding="utf-8")
    write_review((row for row in journal.rows() if row["tier"] == DISPUTED), folder / "review.html")


@stage("label", LabelConfig)
def main(config: LabelConfig) -> None:
    counts = label(config)
    folder = Path(config.artifacts) / "labeled" / config.name
    print(", ".join(f"{kind} {count:,}" for kind, count in counts.most_common()) or "no lines were found")
    print(f"to train on them: make import SOURCE={folder}/lines.jsonl NAME={config.name} ARGS='spaces=free'")
    if counts[DISPUTED]:
        print(f"{folder}/review.html shows the {counts[DISPUTED]:,} lines that the readers dispute")


if __name__ == "__main__":
    main()
