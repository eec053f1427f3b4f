"""Trains the finder on crops of pages: the loop, visible from top to bottom."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from crnn.core.errors import UserError
from crnn.core.files import CHECKPOINT, HISTORY
from crnn.datasets.page_crops import choose_page, line_heights, make_crop
from crnn.datasets.pages import read_pages, split_by_source
from crnn.finder.finder import fit
from crnn.finder.info import MULTIPLE, STRIDE, FinderInfo
from crnn.finder.matching import match_quads
from crnn.finder.postprocess import BoxSettings, boxes_from_maps
from crnn.network.checkpoint import Checkpoint, State, load, load_newest, save
from crnn.network.finder import FinderNetwork, FinderNetworkConfig
from crnn.training.finder_config import FinderTrainConfig, learning_rate
from crnn.training.finder_loss import Batch, finder_loss
from crnn.training.loop import Interrupted, Prefetcher, on_stop_signals, update_average, with_weights

BATCHES_AHEAD = 2  # made while the network computes


class FinderTrainer:
    """One run: its network, averaged weights, optimizer and place in the data."""

    def __init__(self, config: FinderTrainConfig) -> None:
        config.check()
        start = load(config.start_model) if config.start_model else None
        if start is not None:
            config = dataclasses.replace(config, network=FinderNetworkConfig(**start.info.network))
        self.config = config
        if config.threads:
            torch.set_num_threads(config.threads)
        self.folder = Path(config.artifacts) / config.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / CHECKPOINT
        split = [split_by_source(read_pages(folder), config.pages.held_out) for folder in config.pages.train]
        self.train_pages = [kept for kept, _ in split]
        held = [page for _, held in split for page in held if len(page.quads)]
        self.validation_pages = held[:: max(1, -(-len(held) // config.pages.validation_pages))]
        torch.manual_seed(config.seed)
        self.network = FinderNetwork(config.network)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        kernels = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        groups: list[dict[str, Any]] = [{"params": kernels, "weight_decay": config.weight_decay}]
        self.optimizer = torch.optim.AdamW([*groups, {"params": others, "weight_decay": 0.0}], lr=config.learning_rate)
        self.step, self.seconds = 0, 0.0
        self.validation: dict[str, float] = {}
        if start is not None:
            self.network.load_state_dict(start.weights)
        self.average: State = {k: v.clone() for k, v in self.network.state_dict().items()}
        own = load_newest(self.path)
        if own is not None:
            self._resume(own)
        self.stopping = False

    def _resume(self, own: Checkpoint) -> None:
        if own.info.network != asdict(self.config.network) or not own.trained:
            raise UserError(f"{self.path} is of another network, or holds deployed weights only: choose another name")
        self.network.load_state_dict(own.trained["weights"])
        self.optimizer.load_state_dict(own.trained["optimizer"])
        self.average, self.step, self.seconds = own.weights, own.trained["step"], own.trained["seconds"]
        print(f"resuming {self.path} at step {self.step}")

    def save(self) -> None:
        """Write the run's checkpoint."""
        training = {"name": self.config.name, "step": self.step, "crops_seen": self.step * self.config.batch,
                    "seconds": round(self.seconds), "start_model": self.config.start_model,
                    "pages": [len(pages) for pages in self.train_pages]}  # fmt: skip
        info = FinderInfo(STRIDE, MULTIPLE, asdict(self.config.network), training, self.validation)
        trained = {"weights": self.network.state_dict(), "optimizer": self.optimizer.state_dict(),
                   "step": self.step, "seconds": self.seconds}  # fmt: skip
        save(Checkpoint(info, self.average, trained), self.path)

    def batch(self, step: int) -> Batch:
        """The crops of a step."""
        config = self.config
        shares = config.pages.shares or [1.0] * len(self.train_pages)
        crops = []
        for number in range(config.batch):
            rng = np.random.default_rng([config.seed, step, number])
            page = choose_page(self.train_pages, shares, rng)
            crops.append(make_crop(page, as_color(page.image()), config.crops, rng))
        return Batch(
            torch.from_numpy(np.stack([crop.image for crop in crops])),
            torch.from_numpy(np.stack([crop.kernel for crop in crops])).float() / 255,
            torch.from_numpy(np.stack([crop.height for crop in crops])),
            torch.from_numpy(np.stack([crop.known for crop in crops])),
            torch.tensor([crop.labeled for crop in crops]),
        )

    def loss(self, batch: Batch) -> Tensor:
        """Mean loss of a batch."""
        return finder_loss(self.network, batch, self.config)

    def train_step(self, batch: Batch) -> tuple[float, float]:
        """One optimizer step; returns loss and gradient norm."""
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.config)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(batch)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm).item()
        if math.isfinite(norm):
            self.optimizer.step()
            update_average(self.average, self.network, self.config.ema, self.step)
        self.step += 1
        return loss.item(), norm

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        """Recall and precision at an overlap of one half on the held-out pages, with the weights to deploy."""
        counts: dict[str, list[int]] = {}
        with with_weights(self.network, self.average):
            for page in self.validation_pages:
                image = as_color(page.image())
                scale = min(2.0, self.config.pages.validation_side / max(image.shape[:2]))
                small, _ = fit(image, scale, MULTIPLE)
                tensor = torch.from_numpy(small.transpose(2, 0, 1)[None]).contiguous(memory_format=torch.channels_last)
                with torch.autocast("cpu", torch.bfloat16, enabled=self.config.precision == "bfloat16"):
                    maps = self.network(tensor)[0].numpy()
                found = boxes_from_maps(maps, STRIDE, BoxSettings())
                truth = page.quads * scale
                truth = truth[line_heights(truth) >= 8]
                matched = len(match_quads(truth, found.quads))
                for kind in ("all", page.kind):
                    of_kind = counts.setdefault(kind, [0, 0, 0])
                    for i, number in enumerate((len(truth), len(found), matched)):
                        of_kind[i] += number
        self.validation = {}
        for kind, (lines, found_lines, matched) in sorted(counts.items()):
            self.validation[f"recall/{kind}"] = round(matched / max(1, lines), 4)
            self.validation[f"precision/{kind}"] = round(matched / max(1, found_lines), 4)
        return self.validation

    def run(self) -> Path:
        """Train to the last step.

        Returns:
            The checkpoint's path.

        Raises:
            Interrupted: SIGINT or SIGTERM came; the checkpoint is saved.
        """
        config = self.config
        saved = time.monotonic()
        board = SummaryWriter(str(self.folder / "tensorboard"))
        with (
            on_stop_signals(self._ask_to_stop),
            Prefetcher(self.batch, BATCHES_AHEAD) as batches,
            tqdm(total=config.steps, initial=self.step, unit="step", file=sys.stdout,
                 mininterval=1.0 if sys.stdout.isatty() else 30.0) as bar,
        ):  # fmt: skip
            while self.step < config.steps:
                begin = time.monotonic()
                loss, norm = self.train_step(batches(self.step))
                self.seconds += time.monotonic() - begin
                bar.update()
                if self.step % config.log_every == 0:
                    figures = {"loss": loss, "gradient_norm": norm, "learning_rate": learning_rate(self.step, config)}
                    for name, value in figures.items():
                        board.add_scalar(f"train/{name}", value, self.step)
                    bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                if self.step % config.validate_every == 0 or self.step == config.steps:
                    self._log_validation(board)
                if time.monotonic() - saved > config.checkpoint_every or self.stopping or self.step == config.steps:
                    self.save()
                    saved = time.monotonic()
                if self.stopping and self.step < config.steps:
                    raise Interrupted(f"stopped at step {self.step}; run the same command to go on")
        board.close()
        return self.path

    def _log_validation(self, board: SummaryWriter) -> None:
        figures = self.validate()
        for name, value in figures.items():
            board.add_scalar(f"validation/{name}", value, self.step)
        record = {"step": self.step, "crops": self.step * self.config.batch, "hours": self.seconds / 3600, **figures}
        with open(self.folder / HISTORY, "a", encoding="utf-8") as history:
            history.write(json.dumps(record) + "\n")
        kinds = "  ".join(f"{k.removeprefix('recall/')} {v:.3f}" for k, v in figures.items() if k.startswith("recall"))
        tqdm.write(
            f"step {self.step}  {self.seconds / 3600:.2f} h  found: {kinds}  precision {figures['precision/all']:.3f}"
        )

    def _ask_to_stop(self) -> None:
        self.stopping = True


def as_color(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) of a gray or color image."""
    return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image
