"""Trains the reader: the loop, visible from top to bottom."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from tqdm import tqdm

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.files import CHECKPOINT, REJECTS
from crnn.core.metrics import Accuracy
from crnn.core.model_info import FRAME_STRIDE, ArtifactInfo
from crnn.network.checkpoint import Checkpoint, State, save
from crnn.network.crnn import CRNN
from crnn.network.transfer import Freezer
from crnn.training.augment import LightAugmentation
from crnn.training.batch_plan import BatchPlan
from crnn.training.batches import Batch
from crnn.training.config import LINES_MULTIPLE, TrainConfig, learning_rate
from crnn.training.device import choose_device
from crnn.training.gradients import accumulate
from crnn.training.held_out import Sample, read_held_out
from crnn.training.line_dataset import LineDataset
from crnn.training.loop import Interrupted, Prefetcher, on_stop_signals, update_average, with_weights
from crnn.training.objective import Objective
from crnn.training.optimizer import GroupedAdamW
from crnn.training.precision import choose_precision, set_matmul_precision
from crnn.training.resume import own_checkpoint
from crnn.training.run_log import RunLog
from crnn.training.start import Start, start_of
from crnn.training.variation import Variation

COUNTERS = ("step", "lines_seen", "skipped", "nonfinite_in_a_row", "seconds", "precision")  # kept in the checkpoint


class TrainingDiverged(UserError):
    """Too many steps in a row had no finite gradient."""


class Trainer:
    """One run: its network, averaged weights, optimizer and place in the data; the same in every process."""

    def __init__(self, config: TrainConfig) -> None:
        config.check()
        self.rank, self.world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        if config.parts % self.world:
            raise UserError(f"{self.world} processes cannot share {config.parts} parts of a batch: change parts")
        if config.threads:
            torch.set_num_threads(config.threads)
        self.device = choose_device(config.device, int(os.environ.get("LOCAL_RANK", "0")))
        self.folder = Path(config.artifacts) / config.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / CHECKPOINT
        self.charset = Charset.load(config.data.charset)
        start = start_of(config, self.charset)
        self.config = config = dataclasses.replace(config, network=start.network)
        self.spec, self.added = start.canvas, start.added
        self._load_lines()
        self._build(start)
        self.step = self.lines_seen = self.skipped = self.nonfinite_in_a_row = 0
        self.seconds = 0.0
        self.precision = config.precision
        self.validation_accuracy: Accuracy | None = None
        own = own_checkpoint(self.path, self.charset, config.network)
        if own is not None:
            self._resume(own)
        if self.precision == "auto":
            batch = self.batches(0)[0]
            self.precision = choose_precision(self.model, lambda precision: self.loss(batch, precision))
        set_matmul_precision(self.precision)
        self.asked_to_stop = False  # this process, by a signal at any moment
        self.stopping = False  # all processes, agreed upon with the gradients of a step

    def _load_lines(self) -> None:
        data = self.config.data

        def lines(paths: Sequence[str], limit: int | None = None) -> LineDataset:
            return LineDataset(paths, self.charset, self.spec, FRAME_STRIDE, data.max_reject_share, limit)

        train, self.validation = lines(data.train), lines(data.validation, data.validation_lines)
        if self.rank == 0:
            train.report_rejects(self.folder / REJECTS)
        variation = Variation(data.variation, self.spec, FRAME_STRIDE) if data.variation is not None else None
        self.plan = BatchPlan(train, self.config.batch_pixels, self.config.seed, LINES_MULTIPLE, data.shares, variation)
        self.augment = LightAugmentation(data.augmentation) if data.augmentation else None

    def _build(self, start: Start) -> None:
        config = self.config
        torch.manual_seed(config.seed)
        self.model = CRNN(config.network, len(self.charset))
        teacher = start.teacher(self.charset) if config.data.distilled else None
        for network in (self.model, teacher):
            if network is not None:
                network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if start.weights is not None:
            self.model.load_state_dict(start.weights)
        self.average: State = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.objective = Objective(self.model, teacher, self.charset, config)
        self.freezer = Freezer(self.model, config.trained_layers, config.batch_statistics, start.known)
        self.optimizer = GroupedAdamW(self.model, config)

    def _resume(self, own: Checkpoint) -> None:
        """Go on from the run's own checkpoint."""
        self.model.load_state_dict(own.trained["weights"])
        self.average = {name: value.to(self.device) for name, value in own.weights.items()}
        try:
            self.optimizer.load_state_dict(own.trained["optimizer"])
        except ValueError:
            raise UserError(
                f"{self.path} was trained with another trained_layers or head_rate: choose another name, or delete it"
            ) from None
        for name in COUNTERS:
            setattr(self, name, own.trained[name])
        if self.rank == 0:
            print(f"resuming {self.path} at step {self.step}")

    def checkpoint(self) -> Checkpoint:
        """The run as it stands."""
        accuracy = self.validation_accuracy
        info = ArtifactInfo(
            characters=self.charset.characters,
            canvas=self.spec,
            frame_stride=FRAME_STRIDE,
            model=asdict(self.config.network),
            training={
                "name": self.config.name,
                "step": self.step,
                "lines_seen": self.lines_seen,
                "seconds": round(self.seconds),
                "start_model": self.config.start_model,
                "trained_layers": self.config.trained_layers,
                "added_characters": self.added,
                "data": list(self.config.data.train),
            },
            validation={} if accuracy is None else asdict(accuracy),
        )
        trained = {name: getattr(self, name) for name in COUNTERS}
        trained |= {"weights": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        return Checkpoint(info, {name: value.cpu() for name, value in self.average.items()}, trained)

    def save(self) -> None:
        """Write the run's checkpoint (the first process only)."""
        if self.rank == 0:
            save(self.checkpoint(), self.path)

    def batches(self, step: int) -> list[Batch]:
        """The parts of step's batch that fall to this process."""
        mine = range(self.rank, self.config.parts, self.world)
        batches = (self.plan.batch(step, part, self.config.parts, self.augment) for part in mine)
        return [batch.to(self.device) for batch in batches]

    def loss(self, batch: Batch, precision: str) -> Tensor:
        """Mean loss of one part of a batch."""
        return self.objective(batch, self.step, precision)

    def train_step(self, batches: Sequence[Batch]) -> tuple[float, float]:
        """One optimizer step on this process's parts; returns loss and gradient norm of the whole batch."""
        self.model.train()
        self.freezer.hold()
        self.optimizer.set_rate(learning_rate(self.step, self.config))
        gradients = accumulate(
            self.model, lambda batch: self.loss(batch, self.precision), batches, self.config.parts,
            self.config.clip_norm, self.world, self.asked_to_stop,
        )  # fmt: skip
        loss, norm, self.stopping = gradients.loss, gradients.norm, gradients.stopping
        if math.isfinite(loss) and math.isfinite(norm):
            self.optimizer.step()
            update_average(self.average, self.model, self.config.ema, self.step)
            self.nonfinite_in_a_row = 0
        else:
            self.skipped += 1
            self.nonfinite_in_a_row += 1
            if self.nonfinite_in_a_row >= self.config.max_nonfinite:
                raise TrainingDiverged(
                    f"{self.nonfinite_in_a_row} steps in a row had no finite gradient (step {self.step}): lower "
                    "learning_rate, or set precision=float32"
                )
        self.step += 1
        self.lines_seen += len(self.plan.lines_of(self.step - 1))
        return loss, norm

    def validate(self) -> tuple[Accuracy, list[Sample]]:
        """Read the validation lines with the weights to deploy; see `read_held_out`."""
        with with_weights(self.model, self.average):
            accuracy, samples = read_held_out(self.model, self.validation, self.charset, self.rank, self.world)
        self.validation_accuracy = accuracy
        return accuracy, samples

    def run(self) -> Path:
        """Train to the last step.

        Returns:
            The checkpoint's path.

        Raises:
            Interrupted: SIGINT or SIGTERM came; the checkpoint is saved.
            TrainingDiverged: see `TrainConfig.max_nonfinite`.
        """
        config = self.config
        saved = logged = time.monotonic()
        lines_logged = self.lines_seen
        with (
            on_stop_signals(self._ask_to_stop),
            Prefetcher(self.batches) as load_batches,
            RunLog(self.folder, enabled=self.rank == 0) as run_log,
            tqdm(
                total=config.steps, initial=self.step, unit="step", disable=self.rank > 0, file=sys.stdout,
                mininterval=1.0 if sys.stdout.isatty() else 30.0,
            ) as bar,
        ):  # fmt: skip
            while self.step < config.steps:
                begin = time.monotonic()
                loss, norm = self.train_step(load_batches(self.step))
                self.seconds += time.monotonic() - begin
                bar.update()
                if self.step % config.log_every == 0:
                    now = time.monotonic()
                    speed = (self.lines_seen - lines_logged) / (now - logged)
                    logged, lines_logged = now, self.lines_seen
                    rate = learning_rate(self.step - 1, config)
                    run_log.step(self.step, self.lines_seen, loss, rate, norm, speed, self.skipped)
                    bar.set_postfix(loss=f"{loss:.3f}", lines_per_s=f"{speed:.0f}", refresh=False)
                if self.step % config.validate_every == 0 or self.step == config.steps:
                    accuracy, samples = self.validate()
                    run_log.validation(self.step, self.lines_seen, self.seconds, accuracy, samples)
                    logged, lines_logged = time.monotonic(), self.lines_seen
                if time.monotonic() - saved > config.checkpoint_every or self.stopping or self.step == config.steps:
                    self.save()
                    saved = time.monotonic()
                if self.stopping and self.step < config.steps:
                    raise Interrupted(f"stopped at step {self.step}; run the same command to go on")
        return self.path

    def _ask_to_stop(self) -> None:
        self.asked_to_stop = True
