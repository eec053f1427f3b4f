"""Lines of several LMDBs, put on their canvases and stacked to batches.

Letters: N lines, H and W pixels, T = W / frame stride, S characters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from crnn.core.canvas import CanvasSpec
from crnn.core.charset import BLANK, Charset
from crnn.datasets.lmdb_store import LineStore
from crnn.datasets.validation import Reject, require_share, validate, write_rejects
from crnn.image.preprocess import Canvas, decode_image, to_canvas
from crnn.training.aligned_loss import IGNORED
from crnn.training.batches import Batch, Line
from crnn.training.frame_targets import align

Vary = Callable[[np.ndarray, np.ndarray | None], tuple[Canvas, np.ndarray | None]]


class LineDataset:
    """The lines of several LMDBs that can be trained on; the others are in `rejects`.

    Raises:
        UserError: a dataset is missing, or more than `max_reject_share` of it is unusable.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        charset: Charset,
        spec: CanvasSpec,
        frame_stride: int,
        max_reject_share: float = 0.1,
        limit: int | None = None,
    ) -> None:
        """Args:
        limit: keep this many lines of each dataset at most, evenly spread.
        """
        self.charset, self.spec, self.frame_stride = charset, spec, frame_stride
        self.stores = [LineStore(path) for path in paths]
        self.rejects: dict[str, tuple[Reject, ...]] = {}
        self.free_spaces = [store.info.get("spaces") == "free" for store in self.stores]
        origins, widths, frames, weights = [], [], [], []
        for number, store in enumerate(self.stores):
            validated = validate(store, charset, spec, frame_stride)
            require_share(validated.rejects, len(store), max_reject_share, str(store.path))
            self.rejects[str(store.path)] = validated.rejects
            chosen = slice(None)
            if limit is not None and len(validated.kept) > limit:
                chosen = np.linspace(0, len(validated.kept) - 1, limit).astype(np.int64)  # type: ignore[assignment]
            kept = validated.kept[chosen]
            origins.append(np.stack([np.full(len(kept), number), kept], axis=1))
            widths.append(validated.widths[chosen])
            frames.append(validated.frames[chosen])
            weights.append(validated.weights[chosen])
        self.origins = np.concatenate(origins)  # (lines, 2): which store, which of its lines
        self.widths, self.frames = np.concatenate(widths), np.concatenate(frames)
        self.weights = np.concatenate(weights)
        self.buckets = spec.bucket_width(self.widths)

    def __len__(self) -> int:
        return len(self.origins)

    def report_rejects(self, path: Path) -> None:
        """Write the lines that are left out to a table at `path`, and say so; nothing where all are kept."""
        rejects = [reject for of_one in self.rejects.values() for reject in of_one]
        if rejects:
            write_rejects(path, rejects)
            print(f"warning: {len(rejects)} training lines cannot be used and are left out: see {path}")

    def __getitem__(self, index: int) -> Line:
        return self.load(index)

    def load(self, index: int, vary: Vary | None = None) -> Line:
        """Line `index`, put on its canvas by `vary`, or as a reader does."""
        number, position = self.origins[index]
        stored = self.stores[number][int(position)]
        label, centers = self.charset.fold(stored.label), stored.centers
        if self.free_spaces[number]:
            label = label.replace(" ", "")
        if centers is not None and len(centers) != len(label):
            centers = None  # a label that folding shortened no longer matches its centers
        image = decode_image(stored.image)
        if vary is not None:
            canvas, centers = vary(image, centers)
        else:
            canvas = to_canvas(image, self.spec)
            centers = None if centers is None else centers * canvas.scale
        return Line(canvas, label, centers, stored.category, self.free_spaces[number])

    def collate(self, lines: Sequence[Line], rngs: Sequence[np.random.Generator], sources: np.ndarray) -> Batch:
        """Stack lines of one bucket; each line's generator chooses its frames taught to be blank."""
        targets = np.full((len(lines), max(len(line.label) for line in lines)), BLANK, np.int64)
        frames = lines[0].canvas.pixels.shape[1] // self.frame_stride
        frame_targets = np.full((len(lines), frames), IGNORED, np.int64)
        for row, (line, rng) in enumerate(zip(lines, rngs, strict=True)):
            ids = self.charset.encode(line.label)
            targets[row, : len(ids)] = ids
            if line.centers is not None:
                frame_targets[row] = align(np.array(ids), line.centers / self.frame_stride, frames, rng)
        return Batch(
            images=torch.from_numpy(np.stack([line.canvas.pixels for line in lines])[:, None]),
            targets=torch.from_numpy(targets),
            target_lengths=torch.tensor([len(line.label) for line in lines]),
            frame_targets=torch.from_numpy(frame_targets),
            labels=tuple(line.label for line in lines),
            sources=torch.from_numpy(sources),
            free_spaces=torch.tensor([line.free_spaces for line in lines]),
        )
