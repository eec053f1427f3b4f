"""Describes a dataset of lines: lengths, widths, characters, categories, how tight for CTC. Changes nothing.

    python -m data.stats.describe dataset=PATH        (any LMDB: ours, deep-text-recognition-benchmark's, PARSeq's)

Writes stats.json and stats.png into the dataset's folder (or output=FOLDER) and prints the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import MISSING
from tqdm import tqdm

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.stage import stage
from crnn.datasets.lmdb_store import LineStore
from crnn.datasets.validation import Reason, count_reasons, validate
from crnn.decoding.ctc import frames_needed
from crnn.network.checkpoint import DEFAULT_CHECKPOINT, read_info
from data.stats.report import as_text, plot

# Upper ends of the groups that characters fall into by their count.
COUNT_GROUPS = (0, 4, 19, 99, 999)


@dataclass
class StatsConfig:
    dataset: str = MISSING
    output: str = MISSING
    start_model: str = str(DEFAULT_CHECKPOINT)
    charset: str | None = None
    verify: bool = MISSING
    rare: int = MISSING
    tight: float = MISSING


@dataclass(frozen=True)
class Histogram:
    """Lines by a whole number: `counts[i]` of them have `values[i]`; 95 % have at most `p95`."""

    values: list[int]
    counts: list[int]
    mean: float
    median: int
    p95: int


@dataclass(frozen=True)
class Category:
    """Lines and characters of one category."""

    lines: int
    characters: int


@dataclass(frozen=True)
class DatasetStats:
    """What the stage writes as stats.json.

    Attributes:
        lines: entries of the database.
        rejects: those that cannot be trained on, by reason; everything below is of the others.
        label_lengths: characters a line.
        canvas_widths: pixels a line takes on the canvas, by bucket.
        frame_use: percent of the model's frames that the shortest CTC path of the label takes, in steps of 5.
        tight_share: share of the lines whose use is above `tight`: hard to learn, as hardly a blank fits in.
        rare: a character is rare when it occurs fewer times.
        rare_characters: those of the charset, unseen ones among them.
        unseen: how many of the charset never occur.
        character_groups: characters of the charset by how often they occur.
        commonest: the commonest characters with their counts.
        foreign: characters outside the charset, with the number of lines each costs.
    """

    dataset: str
    lines: int
    usable: int
    rejects: dict[str, int]
    characters: int
    label_lengths: Histogram
    canvas_widths: Histogram
    frame_use: Histogram
    tight: float
    tight_share: float
    categories: dict[str, Category]
    charset_size: int
    rare: int
    rare_characters: str
    unseen: int
    character_groups: dict[str, int]
    commonest: dict[str, int]
    foreign: dict[str, int]


def describe(cfg: StatsConfig) -> DatasetStats:
    """Read the whole of `cfg.dataset` and count.

    Raises:
        UserError: no dataset there, or none of its lines can be used.
    """
    store, start = LineStore(cfg.dataset), read_info(cfg.start_model)
    charset, spec = Charset.load(cfg.charset) if cfg.charset else start.charset, start.canvas
    validated = validate(store, charset, spec, start.frame_stride, cfg.verify, _progress("checking"))
    if not len(validated.kept):
        reasons = ", ".join(f"{count} {reason}" for reason, count in count_reasons(validated.rejects).items())
        raise UserError(f"{cfg.dataset}: none of its {len(store)} lines can be used ({reasons or 'it is empty'})")
    counts: Counter[str] = Counter()
    categories: dict[str, list[int]] = {}
    lengths, needed = [], []
    for index in _progress("counting")(validated.kept):
        line = store[int(index)]
        label = charset.fold(line.label)
        counts.update(label)
        categories.setdefault(line.category or "none", []).append(len(label))
        lengths.append(len(label))
        needed.append(frames_needed(charset.encode(label)))
    widths = np.array([spec.bucket_width(int(width)) for width in validated.widths])
    use = np.array(needed) / (widths // start.frame_stride)
    foreign = Counter(c for reject in validated.rejects if reject.reason is Reason.FOREIGN for c in reject.detail)
    return DatasetStats(
        dataset=str(cfg.dataset),
        lines=len(store),
        usable=len(validated.kept),
        rejects=dict(count_reasons(validated.rejects).most_common()),
        characters=sum(lengths),
        label_lengths=_histogram(np.array(lengths)),
        canvas_widths=_histogram(widths),
        frame_use=_histogram((np.ceil(use * 20) * 5).astype(int)),
        tight=cfg.tight,
        tight_share=float((use > cfg.tight).mean()),
        categories={name: Category(len(sizes), sum(sizes)) for name, sizes in sorted(categories.items())},
        charset_size=len(charset.characters),
        rare=cfg.rare,
        rare_characters="".join(c for c in charset.characters if counts[c] < cfg.rare),
        unseen=sum(counts[c] == 0 for c in charset.characters),
        character_groups=_groups([counts[c] for c in charset.characters]),
        commonest=dict(counts.most_common(30)),
        foreign=dict(foreign.most_common(50)),
    )


def write(cfg: StatsConfig) -> DatasetStats:
    """Write stats.json and stats.png into `cfg.output` (a folder that is made if need be)."""
    stats, folder = describe(cfg), Path(cfg.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "stats.json").write_text(json.dumps(asdict(stats), ensure_ascii=False, indent=1), encoding="utf-8")
        plot(stats, folder / "stats.png")
    except OSError as error:
        raise UserError(f"cannot write into {folder} ({error.strerror}): say output=FOLDER") from None
    return stats


def _histogram(values: np.ndarray) -> Histogram:
    present, counts = np.unique(values, return_counts=True)
    median, p95 = np.percentile(values, [50, 95], method="inverted_cdf").tolist()
    return Histogram(present.tolist(), counts.tolist(), float(values.mean()), int(median), int(p95))


def _groups(counts: list[int]) -> dict[str, int]:
    """Number of characters in each of `COUNT_GROUPS`, named by its ends ("0", "1-4", …, "1000+")."""
    starts = [0, *(end + 1 for end in COUNT_GROUPS)]
    names = [f"{start}-{end}" if start < end else f"{end}" for start, end in zip(starts, COUNT_GROUPS, strict=False)]
    sizes = np.histogram(counts, bins=[*starts, np.inf])[0]
    return dict(zip([*names, f"{starts[-1]}+"], sizes.tolist(), strict=True))


def _progress(what: str) -> Callable[[Any], Any]:
    return partial(tqdm, desc=what, unit=" lines")


@stage("stats", StatsConfig)
def main(config: StatsConfig) -> None:
    print(as_text(write(config)))
    print(f"\n{Path(config.output) / 'stats.png'}, stats.json")


if __name__ == "__main__":
    main()
