"""Imports labeled lines of other programs into a dataset of ours: checked, labels folded, nothing invented.

    python -m data.converters.convert source=PATH name=NAME [holdout=0.1] \
        [format=auto|paddle|tsv|gt_txt|trdg|lmdb|jsonl]

Writes artifacts/lines/NAME (and NAME-test); rejects.tsv beside the database names every line left out, sources.tsv
counts those of each group and license.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omegaconf import MISSING
from tqdm import tqdm

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.files import REJECTS
from crnn.core.model_info import ArtifactInfo
from crnn.core.stage import stage
from crnn.datasets.holdout import is_held_out
from crnn.datasets.lmdb_store import PARTIAL_SUFFIX, LineWriter, StoredLine
from crnn.datasets.validation import (
    Reason,
    Reject,
    RejectedLine,
    count_reasons,
    line_width,
    require_share,
    write_rejects,
)
from crnn.network.checkpoint import DEFAULT_CHECKPOINT, read_info
from data.converters.detect import locate
from data.converters.labeled_line import LabeledLine
from data.converters.weights import WeightConfig, weigher

GENERATOR = "data.converters"  # of the sets made here
SPACES = ("kept", "free")


@dataclass
class ImportConfig:
    """See configs/import.yaml for the values that are not given here.

    Attributes:
        images: folder the paths in a list start from; by default the list's folder or the nearest one above that fits.
        category: of lines that bring none.
        start_model: the checkpoint that will be trained on, or an exported model: lines are checked against its charset
            and canvas; pictures are stored as they are.
        charset: file of another charset, e.g. for a model of more characters; by default the start model's.
        spaces: free: the labels' spaces are not to be trusted; training then leaves open where they stand.
    """

    source: str = MISSING
    name: str = MISSING
    format: str = MISSING
    images: str | None = None
    encoding: str = MISSING
    category: str = ""
    start_model: str = str(DEFAULT_CHECKPOINT)
    charset: str | None = None
    max_reject_share: float = MISSING
    holdout: float = MISSING
    spaces: str = SPACES[0]
    weights: WeightConfig = field(default_factory=WeightConfig)
    seed: int = MISSING
    output: str = MISSING


@dataclass(frozen=True)
class Imported:
    """What an import wrote: the dataset, the held-out one (None without `holdout`), what was left out, and how many
    lines are under each license."""

    path: Path
    test_path: Path | None
    lines: int
    test_lines: int
    rejects: tuple[Reject, ...]
    licenses: dict[str, int] = field(default_factory=dict)


def import_lines(cfg: ImportConfig, start: ArtifactInfo | None = None) -> Imported:
    """Import every usable line of `cfg.source`.

    Args:
        start: what the start model says of itself, where a caller has read it already.

    Raises:
        UserError: no source or an ambiguous one, a dataset of that name exists, or more
            than `max_reject_share` of the lines cannot be used (`rejects.tsv` is written all the same).
    """
    if cfg.spaces not in SPACES:
        raise UserError(f"spaces={cfg.spaces}: choose one of {', '.join(SPACES)}")
    if not 0 <= cfg.holdout < 1:
        raise UserError(f"holdout={cfg.holdout} is not a share: give 0 to hold nothing out, or e.g. 0.1")
    if not cfg.source:
        raise UserError("source is empty: give the list, folder or LMDB to import")
    start = start or read_info(cfg.start_model)
    charset = Charset.load(cfg.charset) if cfg.charset else start.charset
    source = locate(Path(cfg.source), cfg.format, Path(cfg.images) if cfg.images else None, cfg.encoding)
    lines = source.lines()
    print(source.describe())
    path = Path(cfg.output)
    test_path = path.with_name(path.name + "-test") if cfg.holdout else None
    info = {
        "generator": GENERATOR,
        "source": source.path.name,
        "format": source.form,
        "charset_sha256": charset.sha256,
        "seed": cfg.seed,
        **({"spaces": cfg.spaces} if cfg.spaces != SPACES[0] else {}),
    }
    weigh = weigher(lines, cfg.weights)
    sources: Counter[tuple[str, str, str]] = Counter()
    rejects: list[Reject] = []
    with ExitStack() as stack:
        train = stack.enter_context(_fresh_writer(path, {**info, "split": "train"}))
        test = stack.enter_context(_fresh_writer(test_path, {**info, "split": "test"})) if test_path else None
        for line in tqdm(lines, desc=f"importing {source.form}", unit=" lines"):
            checked = _checked(line, charset, start, cfg.category)
            if isinstance(line, Reject) or isinstance(checked, Reject):
                rejects.append(checked if isinstance(checked, Reject) else line)
                continue
            group = line.origin.group
            held_out = test is not None and (
                is_held_out(group, cfg.holdout) if group else _draw(checked.image, cfg.seed) < cfg.holdout
            )
            sources["test" if held_out else "train", line.origin.group, line.origin.license] += 1
            if test is not None and held_out:
                test.append(checked)
            else:
                train.append(replace(checked, weight=weigh(line)))
        _report(path, rejects)  # it stands even if the import stops here
        require_share(rejects, len(lines), cfg.max_reject_share, str(source.path))
        counts = len(train), len(test) if test is not None else 0
        if test is not None and not all(counts):
            raise UserError(f"holdout={cfg.holdout} splits {sum(counts)} lines into {counts}: give more lines or 0")
    _report(path, rejects)  # the finished dataset has taken the folder's place
    rows = ["split\tgroup\tlicense\tlines", *("\t".join([*key, str(count)]) for key, count in sorted(sources.items()))]
    (path / "sources.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    licenses: Counter[str] = Counter()
    for (_, _, license), count in sources.items():
        licenses[license] += count
    return Imported(path, test_path, *counts, tuple(rejects), dict(licenses.most_common()))


@contextmanager
def _fresh_writer(path: Path, info: dict[str, Any]) -> Iterator[LineWriter]:
    """A writer that never takes up an earlier import: its source may have changed since."""
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with LineWriter(path, info) as writer:
            yield writer
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _checked(line: LabeledLine | Reject, charset: Charset, start: ArtifactInfo, category: str) -> StoredLine | Reject:
    """The line as it will be stored, or why it will not; `category` is that of lines which bring none."""
    if isinstance(line, Reject):
        return line
    label = charset.fold(line.text)
    try:
        image = _read(line.image)
        line_width(image, label, charset, start.canvas, start.frame_stride)
    except RejectedLine as rejected:
        return Reject(line.source, label, rejected.reason, rejected.detail, line.row)
    # centers belong to the characters as they were written: folding may have moved them
    centers = line.centers if label == line.text else None
    return StoredLine(image, label, centers, line.category or category)


def _read(image: bytes | Path) -> bytes:
    if isinstance(image, bytes):
        return image
    try:
        return image.read_bytes()
    except OSError as error:
        raise RejectedLine(Reason.IMAGE, (error.strerror or str(error)).lower()) from None
    except ValueError as error:
        raise RejectedLine(Reason.IMAGE, f"not the name of a file: {error}") from None


def _draw(picture: bytes, seed: int) -> float:
    """Number in [0, 1) that depends on a picture and the seed: it never changes sides."""
    return int.from_bytes(hashlib.sha256(f"{seed} ".encode() + picture).digest()[:8]) / 2**64


def _report(path: Path, rejects: list[Reject]) -> None:
    path.mkdir(parents=True, exist_ok=True)
    write_rejects(path / REJECTS, rejects)


def _print_summary(imported: Imported) -> None:
    print(f"imported {imported.lines:,} lines into {imported.path}, rejected {len(imported.rejects):,}")
    if imported.test_path:
        print(f"  {imported.test_lines:7,}  more are held out in {imported.test_path}")
    for reason, count in count_reasons(imported.rejects).most_common():
        print(f"  {count:7,}  {reason}")
    foreign = Counter(c for reject in imported.rejects if reject.reason is Reason.FOREIGN for c in reject.detail)
    if foreign:
        commonest = "  ".join(f"{character} {count:,}" for character, count in foreign.most_common(15))
        print(f"  outside the charset, by the lines they cost: {commonest}")
    if set(imported.licenses) - {""}:
        print("  licenses: " + ", ".join(f"{name or 'unknown'} {n:,}" for name, n in imported.licenses.items()))
    if imported.rejects:
        print(f"  each with its reason: {imported.path / REJECTS}")


@stage("import", ImportConfig)
def main(config: ImportConfig) -> None:
    _print_summary(import_lines(config))


if __name__ == "__main__":
    main()
