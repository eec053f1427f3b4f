"""Decides which lines a model can be trained on, and says why not of the others. Repairs nothing.

Import and training start-up ask the same questions here, so that what is imported is what can be trained on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from crnn.core.canvas import CanvasSpec
from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.datasets.lmdb_store import LineStore
from crnn.decoding.ctc import frames_needed
from crnn.image.decode import MAX_IMAGE_PIXELS, ImageError, decode_image
from crnn.image.header import ImageSize, intact_size
from crnn.image.preprocess import scaled_width


class Reason(StrEnum):
    """Why a line cannot be trained on."""

    ENTRY = "damaged entry"
    IMAGE = "unreadable image"
    EMPTY = "empty label"
    FOREIGN = "characters outside the charset"
    TOO_WIDE = "line too wide"
    TOO_LONG = "label too long for its picture"


# What a person can do about each, for the message that stops a run.
REMEDIES = {
    Reason.ENTRY: "The database is damaged: make it again from its source",
    Reason.IMAGE: "Look at some of them: were the files copied whole, and are the paths right",
    Reason.EMPTY: "Check that the text stands in the column that is read",
    Reason.FOREIGN: "Choose a charset that holds them (charset=FILE) or a start model that reads them",
    Reason.TOO_WIDE: "Cut the lines, or name a start model of a wider canvas",
    Reason.TOO_LONG: "Check that pictures and texts belong together",
}


class RejectedLine(Exception):
    """A line that cannot be trained on."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Reject:
    """A line that was left out: where it stands (file or number of the entry, from 1), its text and why.

    `row` is the line of the list that names it, from 1, if it stands in a list.
    """

    source: str
    label: str
    reason: Reason
    detail: str
    row: int | None = None


@dataclass(frozen=True)
class Validation:
    """Outcome for a dataset of which K lines are kept.

    Attributes:
        kept: int64 (K,), indices into the store, rising.
        widths: int32 (K,), pixels the content of each takes on the canvas (before the padding to its bucket).
        frames: int32 (K,), frames of the model that each label needs.
        weights: float64 (K,), see `StoredLine`.
        rejects: the others.
    """

    kept: np.ndarray
    widths: np.ndarray
    frames: np.ndarray
    weights: np.ndarray
    rejects: tuple[Reject, ...]


def line_width(
    image: bytes, label: str, charset: Charset, spec: CanvasSpec, frame_stride: int, verify: bool = True
) -> int:
    """Content width on the canvas of a line that can be trained on.

    Args:
        image: encoded picture.
        label: its text, folded (`Charset.fold`).
        frame_stride: canvas pixels a frame of the model covers.
        verify: decode the picture; otherwise a PNG or JPEG whose container is whole is taken on trust.

    Raises:
        RejectedLine: it cannot.
    """
    if not label:
        raise RejectedLine(Reason.EMPTY, "no text")
    if missing := charset.missing(label):
        raise RejectedLine(Reason.FOREIGN, "".join(sorted(missing)))
    size = None if verify else intact_size(image)
    if size is None or not 0 < size.width * size.height <= MAX_IMAGE_PIXELS:
        try:
            height, width = decode_image(image).shape[:2]
        except ImageError as error:
            raise RejectedLine(Reason.IMAGE, str(error)) from None
        size = ImageSize(width, height)
    # scaled_width asks for a picture but only for its shape: a broadcast scalar has one and no pixels.
    content_width = scaled_width(np.broadcast_to(np.uint8(0), (size.height, size.width)), spec)
    if content_width > spec.max_width:
        raise RejectedLine(Reason.TOO_WIDE, f"{content_width} px at height {spec.height}, over {spec.max_width}")
    frames, needed = spec.bucket_width(content_width) // frame_stride, frames_needed(charset.encode(label))
    if needed > frames:
        raise RejectedLine(Reason.TOO_LONG, f"{needed} frames needed, {frames} there")
    return content_width


def validate(
    store: LineStore,
    charset: Charset,
    spec: CanvasSpec,
    frame_stride: int,
    verify: bool | None = None,
    progress: Callable[[range], Iterable[int]] = iter,
) -> Validation:
    """Screen every line of `store`.

    Args:
        frame_stride: canvas pixels a frame of the model covers.
        verify: decode every picture (about 0.3 ms a line); by default only for databases of other
            programs, as ours (they have an `info`) were checked when they were built.
        progress: wraps the loop, e.g. `tqdm`.
    """
    if verify is None:
        verify = not store.info
    kept, widths, frames, weights, rejects = [], [], [], [], []
    for index in progress(range(len(store))):
        label = ""
        try:
            line = store[index]
            label = charset.fold(line.label)
            width = line_width(line.image, label, charset, spec, frame_stride, verify)
            kept.append(index)
            widths.append(width)
            frames.append(frames_needed(charset.encode(label)))
            weights.append(line.weight)
        except RejectedLine as rejected:
            rejects.append(Reject(str(index + 1), label, rejected.reason, rejected.detail))
        except UserError as error:
            rejects.append(Reject(str(index + 1), label, Reason.ENTRY, str(error)))
    return Validation(
        kept=np.array(kept, np.int64),
        widths=np.array(widths, np.int32),
        frames=np.array(frames, np.int32),
        weights=np.array(weights, np.float64),
        rejects=tuple(rejects),
    )


def count_reasons(rejects: Iterable[Reject]) -> Counter[str]:
    """How many lines were rejected for each reason."""
    return Counter(reject.reason.value for reject in rejects)


def require_share(rejects: Sequence[Reject], total: int, max_share: float, where: str) -> None:
    """Stop when more than `max_share` of `total` lines were rejected, or all of them.

    Args:
        where: what was screened, for the message.

    Raises:
        UserError: says which reason is commonest and how to go on.
    """
    if not rejects or (len(rejects) <= max_share * total and len(rejects) < total):
        return
    reason, count = Counter(reject.reason for reject in rejects).most_common(1)[0]
    example = next(reject for reject in rejects if reject.reason is reason)
    raise UserError(
        f"{where}: {len(rejects)} of {total} lines cannot be used ({len(rejects) / total:.1%}, allowed are "
        f"{max_share:.1%}). Commonest: {reason} ({count}, e.g. {example.source}: {example.detail}). "
        f"{REMEDIES[reason]}. "
        "To go on without these lines, raise max_reject_share"
    )


def write_rejects(path: str | Path, rejects: Iterable[Reject]) -> None:
    """Write `source<TAB>text<TAB>reason<TAB>detail<TAB>row`, one rejected line each, with a header."""
    rows = [("source", "text", "reason", "detail", "row")]
    for reject in rejects:
        rows.append((reject.source, reject.label, reject.reason.value, reject.detail, str(reject.row or "")))
    lines = ("\t".join(" ".join(field.split()) for field in row) for row in rows)
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
