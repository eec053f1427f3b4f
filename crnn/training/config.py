"""What a training run is configured by, and its learning rate; what configs/train.yaml sets has no default here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from omegaconf import MISSING

from crnn.core.canvas import CanvasSpec
from crnn.core.errors import UserError
from crnn.network.crnn import ModelConfig
from crnn.training.loop import cosine_rate
from crnn.training.variation_config import VariationConfig

LINES_MULTIPLE = 8  # lines in a batch are a multiple of it, so that it falls into equal parts


@dataclass
class DataConfig:
    """Attributes:
    train: LMDB folders.
    validation: LMDB folders.
    charset: charset file, or a name in `crnn.core.charset.CHARSETS`.
    shares: part of each training set in an epoch; by default as many as it has lines. Lines of a set are drawn once
        each, or by the weights that stand in it.
    distilled: of the training sets, so many of the last teach what the start model reads in their lines instead of what
        their labels say: they are there to be remembered.
    max_reject_share: unusable lines a dataset may have before training refuses it.
    validation_lines: lines of each validation set that are read at most.
    augmentation: 0 for synthesized lines, which vary by themselves; about 0.5 for imported ones.
    variation: how far lines differ each time they are seen, geometry and all; none by default.
    """

    train: list[str] = field(default_factory=lambda: ["artifacts/lines/train"])
    validation: list[str] = field(default_factory=lambda: ["artifacts/lines/validation"])
    charset: str = "full"
    shares: list[float] | None = None
    distilled: int = 0
    max_reject_share: float = 0.1
    validation_lines: int = 1000
    augmentation: float = 0.0
    variation: VariationConfig | None = None


@dataclass
class CanvasConfig:
    """The mutable twin of `CanvasSpec`, for Hydra."""

    height: int = CanvasSpec.height
    bucket: int = CanvasSpec.bucket
    max_width: int = CanvasSpec.max_width
    mode: str = CanvasSpec.mode


@dataclass
class TrainConfig:
    """Attributes:
    name: the run's folder under `artifacts/`.
    start_model: checkpoint to begin from, whose network and charset this run takes over; the run's charset may add
        characters at the end. A run that has a checkpoint of its own resumes instead.
    lowered_ranks: of each stage's convolutions, where the start model's are whole (see `ModelConfig.ranks`).
    raised_height: of the canvas, where letters are to be larger than on the start model's.
    trained_layers: full, body (all but the classifier), cnn, head+rnn, head or added (the rows of the charset's new
        characters); the rest keeps the start model's weights.
    batch_statistics: whether batch norms follow the batches; false keeps the start model's statistics.
    steps: optimizer steps in all.
    aligned_steps: steps of aligned cross-entropy before CTC.
    shortcut_weight: of the losses by the network's shortcut, if it has one (`ModelConfig.shortcut`).
    distill_weight: of a distilled line's divergence from the start model, where a labeled line's loss has 1.
    aligned_weight: weight the aligned loss keeps beside CTC afterwards.
    aligned_share: of a batch's lines, that bear it then: it costs as much as CTC does.
    batch_pixels: width of a batch's canvases laid side by side.
    parts: equal parts of a batch, each normalized by its own statistics (ghost batch norm, Hoffer et al. 2017) and
        shared out among the processes, of which there may be any divisor: the result is the same for each.
    learning_rate: at its highest.
    head_rate: of the classifier, as a share of learning_rate: where AdamW moves other layers of a trained network by a
        hundredth, it moves these rows by a fifth of what tells them apart.
    warmup_steps: over which it rises from 0.
    decay_share: last share of the steps over which it falls to 0 along a cosine; 1 is the plain cosine.
    weight_decay: of matrices and kernels, not of biases and norms.
    clip_norm: gradients are scaled down to this norm.
    ema: decay a step of the averaged weights that are validated and deployed.
    device: cpu, cuda, cuda:N or mps; auto takes a graphics card where torch can use one.
    precision: float32, bfloat16, or auto (bfloat16 if it is faster here and finite).
    threads: of torch in each process; 0 leaves torch's choice.
    seed: of initial weights and of the order of lines.
    validate_every: steps.
    checkpoint_every: seconds.
    log_every: steps.
    max_nonfinite: steps in a row without a finite gradient before the run stops.
    profile_steps: instead of training, time so many steps and print where the time goes.
    """

    name: str = "base"
    artifacts: str = "artifacts"
    network: ModelConfig = field(default_factory=ModelConfig)
    canvas: CanvasConfig = field(default_factory=CanvasConfig)
    data: DataConfig = field(default_factory=DataConfig)
    start_model: str | None = None
    lowered_ranks: list[int] | None = None
    raised_height: int | None = None
    trained_layers: str = "full"
    batch_statistics: bool = True
    steps: int = MISSING
    aligned_steps: int = MISSING
    aligned_weight: float = MISSING
    aligned_share: float = 0.25
    shortcut_weight: float = 0.5
    distill_weight: float = 1.0
    batch_pixels: int = MISSING
    parts: int = 2
    learning_rate: float = MISSING
    head_rate: float = 1.0
    warmup_steps: int = MISSING
    decay_share: float = MISSING
    weight_decay: float = 1e-2
    clip_norm: float = 5.0
    ema: float = MISSING
    device: str = "auto"
    precision: str = "auto"
    threads: int = 0
    seed: int = 1
    validate_every: int = MISSING
    checkpoint_every: float = 300.0
    log_every: int = 20
    max_nonfinite: int = 10
    profile_steps: int = 0

    def to_json(self) -> str:
        """For the run's folder."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    def check(self) -> None:
        """Raises UserError for values no run can use."""
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise UserError(f"precision {self.precision!r}: choose auto, float32 or bfloat16")
        if self.steps < 1 or self.batch_pixels < self.canvas.bucket:
            raise UserError("steps must be at least 1 and batch_pixels at least one bucket")
        if not 0 < self.aligned_share <= 1:
            raise UserError(f"aligned_share={self.aligned_share}: choose above 0, and 1 at most")
        if not 0 < self.head_rate <= 1:
            raise UserError(f"head_rate={self.head_rate}: choose above 0, and 1 at most; trained_layers=body is 0")
        if self.parts < 1 or LINES_MULTIPLE % self.parts:
            raise UserError(f"parts={self.parts}: choose a divisor of {LINES_MULTIPLE}")
        if self.data.shares is not None and len(self.data.shares) != len(self.data.train):
            raise UserError(f"data.shares has {len(self.data.shares)} entries for {len(self.data.train)} datasets")
        if self.data.shares is not None and (min(self.data.shares) < 0 or sum(self.data.shares) == 0):
            raise UserError(f"data.shares is {list(self.data.shares)}: give one share above 0, and none below")
        if not 0 <= self.data.distilled <= len(self.data.train) or (self.data.distilled and not self.start_model):
            raise UserError(
                f"data.distilled={self.data.distilled}: needs a start_model, and no more than the training sets"
            )
        if self.lowered_ranks is not None and not self.start_model:
            raise UserError("lowered_ranks needs a start_model: without one, set network.ranks")
        if self.raised_height is not None and not self.start_model:
            raise UserError("raised_height needs a start_model: without one, set network.height and canvas.height")
        if self.network.height != self.canvas.height:
            raise UserError(f"network.height {self.network.height} differs from canvas.height {self.canvas.height}")


def learning_rate(step: int, config: TrainConfig) -> float:
    """Learning rate of `step`, see `cosine_rate`."""
    return cosine_rate(step, config.steps, config.learning_rate, config.warmup_steps, config.decay_share)
