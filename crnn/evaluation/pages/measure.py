"""Scores what was found and read on labeled pages, one by one or grouped by kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from crnn.core.metrics import edit_distance, normalize
from crnn.datasets.page_crops import line_heights, shrunk
from crnn.datasets.pages import LabeledPage
from crnn.finder.matching import match_quads, overlaps, quad_areas

LEAST_HEIGHT = 7.0  # px; lower lines in the page's own pixels are not asked for
COVERED = 0.5  # of a line that a box covers, from which the box shows it
SLACKS = (
    0.0,
    -0.15,
    -0.35,
)  # of the height: a truth counts as it is or wider, for labels differ in the slack they leave


@dataclass(frozen=True)
class Found:
    """A line that an engine found.

    Attributes:
        quad: float32 (4, 2), corners in page pixels, clockwise.
        text: what it read there; None if it only finds.
    """

    quad: np.ndarray
    text: str | None


@dataclass(frozen=True)
class PageScore:
    """Counts of one page, or of several added up.

    Attributes:
        lines: lines that stand there.
        found: boxes given.
        matched: pairs of them that overlap by one half of their union, each in one pair at most.
        spurious: boxes that touch no labeled line.
        merged: boxes that cover more than one line.
        split: lines that more than one box covers parts of.
        texts: lines whose text is known.
        exact: of these, lines read exactly, ignoring spaces; a truth inside a longer reading at its place counts.
        characters, errors: of the lines whose text is known, at their places, ignoring spaces.
    """

    lines: int = 0
    found: int = 0
    matched: int = 0
    spurious: int = 0
    merged: int = 0
    split: int = 0
    texts: int = 0
    exact: int = 0
    characters: int = 0
    errors: int = 0

    def __add__(self, other: PageScore) -> PageScore:
        return PageScore(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def recall(self) -> float:
        return self.matched / max(1, self.lines)

    @property
    def precision(self) -> float:
        return self.matched / max(1, self.found)

    @property
    def exact_share(self) -> float:
        return self.exact / max(1, self.texts)

    @property
    def cer(self) -> float:
        return self.errors / max(1, self.characters)


def measure(pages: Sequence[LabeledPage], found: Sequence[Sequence[Found]]) -> dict[str, PageScore]:
    """Scores of all pages, under "all", and of each kind."""
    scores: dict[str, PageScore] = {"all": PageScore()}
    for page, lines in zip(pages, found, strict=True):
        score = score_page(page, lines)
        for name in ("all", page.kind):
            scores[name] = scores.get(name, PageScore()) + score
    return scores


def score_page(page: LabeledPage, found: Sequence[Found]) -> PageScore:
    """Compare what was found with what stands there."""
    boxes = np.array([line.quad for line in found], np.float32).reshape(-1, 4, 2)
    asked = line_heights(page.quads) >= LEAST_HEIGHT if len(page.quads) else np.zeros(0, bool)
    truths = page.quads[asked]
    texts = [text for text, wanted in zip(page.texts, asked, strict=True) if wanted]
    best: dict[int, tuple[int, float]] = {}
    for slack in SLACKS:
        wide = shrunk(truths, line_heights(truths), slack) if len(truths) else truths
        for i, j in match_quads(wide, boxes):
            best.setdefault(i, (j, slack))
    pairs: dict[int, int] = {}
    for i, (j, _) in best.items():
        if j not in pairs.values():
            pairs[i] = j
    rows, columns, shares = overlaps(truths, boxes)
    touched = np.unique(columns[shares > 0.02])
    small = ~asked
    if small.any() and len(boxes):  # a box on a line too small to be asked for is no mistake
        touched = np.union1d(touched, overlaps(page.quads[small], boxes)[1])
    covers = _covers(truths, boxes, rows, columns, shares)
    merged = np.bincount(columns[covers], minlength=len(boxes)) if len(boxes) else np.zeros(0, int)
    parts = np.bincount(rows[shares > 0.1], minlength=len(truths)) if len(truths) else np.zeros(0, int)
    return PageScore(
        lines=len(truths), found=len(boxes), matched=len(pairs), spurious=len(boxes) - len(touched),
        merged=int((merged > 1).sum()), split=int((parts > 1).sum()),
        **_read(texts, found, rows, columns, shares, covers),
    )  # fmt: skip


def _covers(
    truths: np.ndarray, boxes: np.ndarray, rows: np.ndarray, columns: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """Whether the box of each overlapping pair covers its line: bool (k,)."""
    if not len(rows):
        return np.zeros(0, bool)
    areas = quad_areas(truths)[rows]
    common = shares * (areas + quad_areas(boxes)[columns]) / (1 + shares)
    return np.asarray(common >= COVERED * areas)


def _read(
    texts: Sequence[str | None], found: Sequence[Found], rows: np.ndarray, columns: np.ndarray, shares: np.ndarray,
    covers: np.ndarray,
) -> dict[str, int]:  # fmt: skip
    """Of the lines whose text is known: how many, how many exact, characters and errors."""
    counts = {"texts": 0, "exact": 0, "characters": 0, "errors": 0}
    for i, text in enumerate(texts):
        if text is None or any(line.text is None for line in found):
            continue
        truth = _bare(text)
        counts["texts"] += 1
        counts["characters"] += len(truth)
        at_place = np.flatnonzero((rows == i) & covers)
        if not len(at_place):
            at_place = np.flatnonzero(rows == i)
        readings = [_bare(found[int(columns[k])].text or "") for k in at_place]
        if not truth or any(truth in reading for reading in readings):
            counts["exact"] += 1
            continue
        counts["errors"] += min([len(truth), *(edit_distance(truth, reading) for reading in readings)])
    return counts


def _bare(text: str) -> str:
    return normalize(text).replace(" ", "")
