"""The training loop, visible from top to bottom. Knows nothing of Hydra or of where data comes from."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from tqdm import tqdm

from crnn.core.canvas import CanvasSpec
from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.core.metrics import Accuracy, score
from crnn.core.model_info import FRAME_STRIDE, ArtifactInfo
from crnn.datasets.validation import write_rejects
from crnn.decoding.ctc import collapse
from crnn.network.checkpoint import Checkpoint, State, load, load_newest, save
from crnn.network.crnn import CRNN, ModelConfig
from crnn.network.transfer import ADDED, Freezer, factorize, grow_head, resize_canvas, trainable
from crnn.training.augment import LightAugmentation
from crnn.training.batches import Batch, BatchPlan, LineDataset
from crnn.training.config import LINES_MULTIPLE, TrainConfig, learning_rate
from crnn.training.device import choose_device
from crnn.training.loop import Interrupted, Prefetcher, on_stop_signals, update_average, with_weights
from crnn.training.objective import Objective
from crnn.training.run_log import RunLog
from crnn.training.variation import Variation


def _added_characters(start: Checkpoint | None, charset: Charset) -> str:
    """What this fine-tune and those before it have added to the charset of the base model, in the order of ids."""
    if start is None:
        return ""
    return str(start.info.training.get("added_characters", "")) + charset.characters[len(start.info.characters) :]


class TrainingDiverged(UserError):
    """Too many steps in a row had no finite gradient."""


class Trainer:
    """One run: its network, averaged weights, optimizer and place in the data; the same in every process."""

    def __init__(self, config: TrainConfig) -> None:
        config.check()
        self.config = config = dataclasses.replace(config)  # the caller's stays as it is
        self.rank, self.world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        if config.parts % self.world:
            raise UserError(f"{self.world} processes cannot share {config.parts} parts of a batch: change parts")
        if config.threads:
            torch.set_num_threads(config.threads)
        self.device = choose_device(config.device, int(os.environ.get("LOCAL_RANK", "0")))
        self.folder = Path(config.artifacts) / config.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "checkpoint.pt"
        self.charset = Charset.load(config.data.charset)
        start = load(config.start_model) if config.start_model else None
        if start is not None and config.raised_height is not None:
            start = resize_canvas(start, config.raised_height)
        distilled = start
        if start is not None:
            if config.lowered_ranks is not None:
                start = factorize(start, config.lowered_ranks)
            config.network = ModelConfig(**start.info.model)
        self.added = _added_characters(start, self.charset)
        self.spec = start.info.canvas if start is not None else CanvasSpec(**asdict(config.canvas))
        data = config.data
        train = LineDataset(data.train, self.charset, self.spec, FRAME_STRIDE, data.max_reject_share)
        self.validation = LineDataset(
            data.validation,
            self.charset,
            self.spec,
            FRAME_STRIDE,
            data.max_reject_share,
            data.validation_lines,
        )
        if self.rank == 0:
            self._report_rejects(train)
        variation = Variation(data.variation, self.spec, FRAME_STRIDE) if data.variation is not None else None
        self.plan = BatchPlan(train, config.batch_pixels, config.seed, LINES_MULTIPLE, data.shares, variation)
        self.augment = LightAugmentation(data.augmentation) if data.augmentation else None

        torch.manual_seed(config.seed)
        self.model = CRNN(config.network, len(self.charset))
        self.model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        origin = None if start is None else grow_head(start.weights, start.info.charset, self.charset)
        teacher = self._teacher(distilled) if distilled is not None and config.data.distilled else None
        self.objective = Objective(self.model, teacher, self.charset, config)
        known = 0 if start is None else len(start.info.charset)
        self.freezer = Freezer(self.model, config.trained_layers, config.batch_statistics, known)
        kept = config.trained_layers == ADDED  # the old rows beside the new ones must not decay either
        head = set(self.model.head.parameters())
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for parameter in trainable(self.model):
            share = config.head_rate if parameter in head else 1.0
            decay = 0.0 if parameter.ndim <= 1 or kept else config.weight_decay
            groups.setdefault((share, decay), []).append(parameter)
        self.rate_shares = [share for share, _ in groups]
        self.optimizer = torch.optim.AdamW(
            [{"params": parameters, "weight_decay": decay} for (_, decay), parameters in groups.items()],
            lr=config.learning_rate,
            betas=(0.9, 0.98),
        )
        self.step = self.lines_seen = self.skipped = self.nonfinite_in_a_row = 0
        self.seconds = 0.0
        self.validation_accuracy: Accuracy | None = None
        self.precision = config.precision
        self.average: State = {name: value.clone() for name, value in self.model.state_dict().items()}
        self._restore(origin)
        if self.precision == "auto":
            self.precision = self._probe_precision()
        self._multiply_in(self.precision)
        self.asked_to_stop = False  # this process, by a signal at any moment
        self.stopping = False  # all processes, agreed upon with the gradients of a step

    # ---- beginning, saving, resuming -------------------------------------------------------------------------

    def _restore(self, origin: State | None) -> None:
        """Go on from the run's own checkpoint, else from `origin`, the start model's weights, if there is one."""
        own = load_newest(self.path)
        if own is None:
            if origin is not None:
                self.model.load_state_dict(origin)
                self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
            return
        if not own.trained:
            raise UserError(f"{self.path} holds deployed weights only: name it as start_model of another run")
        known = asdict(ModelConfig(**own.info.model))  # older runs do not name what has been added to the network since
        if own.info.characters != self.charset.characters or known != asdict(self.config.network):
            raise UserError(
                f"{self.path} was trained with another charset or network: choose another name, or delete it"
            )
        trained = own.trained
        self.model.load_state_dict(trained["weights"])
        try:
            self.optimizer.load_state_dict(trained["optimizer"])
        except ValueError:
            raise UserError(
                f"{self.path} was trained with another trained_layers or head_rate: choose another name, or delete it"
            ) from None
        self.average = {name: value.to(self.device) for name, value in own.weights.items()}
        for name in ("step", "lines_seen", "skipped", "nonfinite_in_a_row", "seconds", "precision"):
            setattr(self, name, trained[name])
        if self.rank == 0:
            print(f"resuming {self.path} at step {self.step}")

    def _teacher(self, start: Checkpoint) -> CRNN:
        """The start model as it was, for the lines that are to be read as it reads them."""
        teacher = CRNN(ModelConfig(**start.info.model), len(self.charset))
        teacher.load_state_dict(grow_head(start.weights, start.info.charset, self.charset))
        teacher.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return teacher.eval().requires_grad_(False)

    def _report_rejects(self, dataset: LineDataset) -> None:
        rejects = [reject for of_one in dataset.rejects.values() for reject in of_one]
        if rejects:
            report = self.folder / "rejects.tsv"
            write_rejects(report, rejects)
            print(f"warning: {len(rejects)} training lines cannot be used and are left out: see {report}")

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
        trained = {
            name: getattr(self, name)
            for name in ("step", "lines_seen", "skipped", "nonfinite_in_a_row", "seconds", "precision")
        }
        trained |= {"weights": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        return Checkpoint(info, {name: value.cpu() for name, value in self.average.items()}, trained)

    def save(self) -> None:
        """Write the run's checkpoint (the first process only)."""
        if self.rank == 0:
            save(self.checkpoint(), self.path)

    # ---- one step --------------------------------------------------------------------------------------------

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
        for group, share in zip(self.optimizer.param_groups, self.rate_shares, strict=True):
            group["lr"] = share * learning_rate(self.step, self.config)
        loss, norm = self._accumulate(batches)
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

    def _accumulate(self, batches: Sequence[Batch]) -> tuple[float, float]:
        """Mean gradients and running statistics over all parts, summed over the processes in one message.

        Returns:
            The loss, and the norm of the gradients before they are clipped.
        """
        parts = self.config.parts
        statistics = [buffer for buffer in self.model.buffers() if buffer.is_floating_point()]
        before = [buffer.clone() for buffer in statistics]
        after = torch.zeros(sum(buffer.numel() for buffer in statistics), device=self.device)
        loss_sum = 0.0
        self.optimizer.zero_grad(set_to_none=True)
        for batch in batches:
            for buffer, value in zip(statistics, before, strict=True):
                buffer.copy_(value)  # every part starts from the same statistics, in whichever process
            loss = self.loss(batch, self.precision) / parts
            loss.backward()
            loss_sum += loss.item()
            after += torch.cat([buffer.flatten() for buffer in statistics]) / parts
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        if self.world > 1:
            flags = torch.tensor([loss_sum, float(self.asked_to_stop)], device=self.device)
            message = torch.cat([*(g.flatten() for g in gradients), after, flags])
            dist.all_reduce(message)
            sizes = [*(g.numel() for g in gradients), len(after), 1, 1]
            *sums, after, loss_flag, stop_flag = message.split(sizes)
            for gradient, total in zip(gradients, sums, strict=True):
                gradient.copy_(total.view_as(gradient))
            loss_sum, self.stopping = loss_flag.item(), bool(stop_flag.item())
        else:
            self.stopping = self.asked_to_stop
        if math.isfinite(loss_sum):
            for buffer, value in zip(statistics, after.split([b.numel() for b in statistics]), strict=True):
                buffer.copy_(value.view_as(buffer))
        else:
            for buffer, value in zip(statistics, before, strict=True):
                buffer.copy_(value)
        return loss_sum, torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm).item()

    @staticmethod
    def _multiply_in(precision: str) -> None:
        """Let products of float32 matrices, the classifier's, round their factors to bfloat16 too."""
        torch.set_float32_matmul_precision("medium" if precision == "bfloat16" else "highest")

    def _probe_precision(self) -> str:
        """bfloat16 where it is faster than float32 on this machine and finite; every process decides alike."""
        batch = self.batches(0)[0]
        seconds = {}
        state = {k: v.clone() for k, v in self.model.state_dict().items()}
        for precision in ("float32", "bfloat16"):
            self._multiply_in(precision)
            for _ in range(2):  # the first run also compiles kernels
                begin = time.perf_counter()
                self.model.train()
                loss = self.loss(batch, precision)
                loss.backward()
                loss.item()  # a graphics card may still be at work: this waits for it
                seconds[precision] = time.perf_counter() - begin
            if not loss.isfinite():
                seconds[precision] = math.inf
        self.model.load_state_dict(state)  # the probe moved the running statistics
        self.optimizer.zero_grad(set_to_none=True)
        gain = torch.tensor([seconds["float32"] / seconds["bfloat16"]], device=self.device)
        if self.world > 1:
            dist.all_reduce(gain, dist.ReduceOp.MIN)
        return "bfloat16" if gain.item() > 1.1 else "float32"  # less is within the noise

    # ---- validation ------------------------------------------------------------------------------------------

    @contextmanager
    def deployable(self) -> Iterator[CRNN]:
        """The network with the weights to deploy, in evaluation mode."""
        with with_weights(self.model, self.average):
            yield self.model

    @torch.inference_mode()
    def validate(self) -> tuple[Accuracy, list[tuple[str, str, Tensor]]]:
        """Read the validation lines with the weights to deploy.

        Returns:
            The accuracy, and (truth, reading, uint8 (1, H, W) canvas) of a few lines.
        """
        readings: list[tuple[str, str, str]] = []
        samples: list[tuple[str, str, Tensor]] = []
        order = self.validation.buckets.argsort(kind="stable")[self.rank :: self.world]
        with self.deployable() as model:
            for begin in range(0, len(order), 32):
                group = order[begin : begin + 32]
                for bucket in sorted({int(b) for b in self.validation.buckets[group]}):
                    lines = [self.validation[int(i)] for i in group if self.validation.buckets[i] == bucket]
                    images = torch.stack([torch.from_numpy(line.canvas.pixels)[None] for line in lines])
                    canvases = images.to(self.device).contiguous(memory_format=torch.channels_last)
                    best = model(canvases).argmax(2).T.cpu().numpy()
                    for line, image, path in zip(lines, images, best, strict=True):
                        reading = self.charset.decode_ids(collapse(path)).strip()
                        if line.free_spaces:
                            reading = reading.replace(" ", "")
                        readings.append((line.label, reading, line.category))
                        if len(samples) < 24 and begin % 96 == 0:
                            samples.append((line.label, reading, image))
        if self.world > 1:
            parts: list[Any] = [None] * self.world
            dist.all_gather_object(parts, readings)
            readings = [reading for part in parts for reading in part]
        truths, texts, categories = zip(*readings, strict=True)
        self.validation_accuracy = score(truths, texts, categories)
        return self.validation_accuracy, samples

    # ---- the loop --------------------------------------------------------------------------------------------

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
                due = time.monotonic() - saved > config.checkpoint_every
                if due or self.stopping or self.step == config.steps:
                    self.save()
                    saved = time.monotonic()
                if self.stopping and self.step < config.steps:
                    raise Interrupted(f"stopped at step {self.step}; run the same command to go on")
        return self.path

    def _ask_to_stop(self) -> None:
        self.asked_to_stop = True
