"""What the training of a finder is configured by, and its learning rate."""

from __future__ import annotations

from dataclasses import dataclass, field

from crnn.core.errors import UserError
from crnn.datasets.page_crops import CropConfig
from crnn.finder.info import MULTIPLE
from crnn.network.finder import FinderNetworkConfig
from crnn.training.loop import cosine_rate


@dataclass
class PagesConfig:
    """Attributes:
    train: folders of page sets.
    shares: how often a crop is taken of each; by default alike.
    held_out: share of the sources of each set that is judged by and never trained on.
    validation_pages: held-out pages judged at most.
    validation_side: pixels that the longer side of a page gets there.
    """

    train: list[str] = field(default_factory=list)
    shares: list[float] | None = None
    held_out: float = 0.1
    validation_pages: int = 120
    validation_side: int = 1280


@dataclass
class FinderTrainConfig:
    """See configs/train_finder.yaml for values and their reasons.

    Attributes:
        name: the run's folder under `artifacts`.
        start_model: checkpoint to begin from; a run that has a checkpoint of its own resumes instead.
        steps: optimizer steps in all.
        batch: crops of a step.
        learning_rate: at its highest.
        warmup_steps: over which it rises from 0.
        decay_share: last share of the steps, over which it falls to 0 along a cosine. More steps may be given to a
            run that has not come so far: what was done until then is the same.
        weight_decay: of kernels.
        clip_norm: gradients are scaled down to this norm.
        ema: decay a step of the averaged weights that are validated and deployed.
        negatives: cells of background that are learned from for each cell of text, the worst ones.
        doubtful: share of these that is left out on pages labeled by a program, the very worst: text it missed. Only
            cells away from its lines are left out; the gaps between rows and cells have to be learned.
        height_weight: of the error of log-heights beside that of the text map.
        precision: float32 or bfloat16.
        threads: of torch.
        seed: of weights and crops.
        validate_every, log_every: steps.
        checkpoint_every: seconds.
    """

    name: str = "finder"
    artifacts: str = "artifacts"
    network: FinderNetworkConfig = field(default_factory=FinderNetworkConfig)
    pages: PagesConfig = field(default_factory=PagesConfig)
    crops: CropConfig = field(default_factory=CropConfig)
    start_model: str | None = None
    steps: int = 20000
    batch: int = 8
    learning_rate: float = 3e-3
    warmup_steps: int = 300
    decay_share: float = 0.4
    weight_decay: float = 1e-2
    clip_norm: float = 5.0
    ema: float = 0.998
    negatives: float = 3.0
    doubtful: float = 0.1
    height_weight: float = 0.5
    precision: str = "bfloat16"
    threads: int = 1
    seed: int = 1
    validate_every: int = 1000
    log_every: int = 20
    checkpoint_every: float = 300.0

    def check(self) -> None:
        """Raises UserError for values no run can use."""
        if not self.pages.train:
            raise UserError("pages.train is empty: name at least one folder of pages")
        if self.pages.shares is not None and len(self.pages.shares) != len(self.pages.train):
            raise UserError(f"pages.shares has {len(self.pages.shares)} entries for {len(self.pages.train)} sets")
        if self.precision not in ("float32", "bfloat16"):
            raise UserError(f"precision {self.precision!r}: choose float32 or bfloat16")
        if self.crops.side % MULTIPLE:
            raise UserError(f"crops.side={self.crops.side}: choose a multiple of {MULTIPLE}")


def learning_rate(step: int, config: FinderTrainConfig) -> float:
    """Learning rate of `step`, see `cosine_rate`."""
    return cosine_rate(step, config.steps, config.learning_rate, config.warmup_steps, config.decay_share)
