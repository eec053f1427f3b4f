"""Records a run: TensorBoard, and one JSON line a validation for plots."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from crnn.core.files import HISTORY
from crnn.core.metrics import Accuracy
from crnn.training.torchvision_cpu import make_grid

GRID_WIDTH = 320  # pixels; wider lines are cut in the grid of samples


class RunLog:
    """Writes `tensorboard/` and `history.jsonl` in a run's folder; silent in all processes but the first."""

    def __init__(self, folder: Path, enabled: bool) -> None:
        self.enabled = enabled
        if enabled:
            self.board = SummaryWriter(str(folder / "tensorboard"))
            self.history = open(folder / HISTORY, "a", encoding="utf-8")  # noqa: SIM115 (closed in __exit__)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.enabled:
            self.board.close()
            self.history.close()

    def step(self, step: int, lines: int, loss: float, rate: float, norm: float, speed: float, skipped: int) -> None:
        """Figures of a training step."""
        if not self.enabled:
            return
        scalars = {
            "loss": loss,
            "learning_rate": rate,
            "gradient_norm": norm,
            "lines_per_s": speed,
            "skipped": skipped,
        }
        for name, value in scalars.items():
            self.board.add_scalar(f"train/{name}", value, step)

    def validation(
        self,
        step: int,
        lines: int,
        seconds: float,
        accuracy: Accuracy,
        samples: Sequence[tuple[str, str, Tensor]],
    ) -> None:
        """Figures and some readings of a validation; `samples` are (truth, reading, uint8 (1, H, W))."""
        if not self.enabled:
            return
        self.board.add_scalar("validation/exact", accuracy.exact, step)
        self.board.add_scalar("validation/cer", accuracy.cer, step)
        self.board.add_image("validation/lines", _grid([image for _, _, image in samples]), step)
        table = "\n".join(f"| {truth} | {reading} |" for truth, reading, _ in samples)
        self.board.add_text("validation/readings", f"| truth | reading |\n| --- | --- |\n{table}", step)
        record = {"step": step, "lines": lines, "hours": seconds / 3600, "accuracy": asdict(accuracy)}
        self.history.write(json.dumps(record, ensure_ascii=False) + "\n")
        self.history.flush()
        tqdm.write(
            f"step {step}  {lines} lines  {seconds / 3600:.2f} h  exact {accuracy.exact:.4f}  "
            f"without spaces {accuracy.exact_nospace:.4f}  CER {accuracy.cer:.4f}"
        )


def _grid(images: Sequence[Tensor]) -> Tensor:
    tiles = []
    for image in images:
        pixels = image[0].numpy()[:, :GRID_WIDTH]
        padding = GRID_WIDTH - pixels.shape[1]
        tile = cv2.copyMakeBorder(pixels, 0, 0, 0, padding, cv2.BORDER_CONSTANT, value=[255])
        tiles.append(torch.from_numpy(np.ascontiguousarray(tile))[None])
    return make_grid(torch.stack(tiles), nrow=3, padding=4, pad_value=128)
