"""What a run begins from: a network of its own, or a start model made to fit the run."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from crnn.core.canvas import CanvasSpec
from crnn.core.charset import Charset
from crnn.network.checkpoint import Checkpoint, State, load
from crnn.network.crnn import CRNN, ModelConfig
from crnn.network.transfer import factorize, grow_head, resize_canvas
from crnn.training.config import TrainConfig


@dataclass(frozen=True)
class Start:
    """Attributes:
    network, canvas: of the run.
    weights: to begin with, for the run's charset; None where the network begins anew.
    known: classes of the start model, 0 without one.
    added: what this fine-tune and those before it have added to the charset of the base model, in the order of ids.
    taught: the start model before its convolutions were split, to learn from; None without one.
    """

    network: ModelConfig
    canvas: CanvasSpec
    weights: State | None = None
    known: int = 0
    added: str = ""
    taught: Checkpoint | None = None

    def teacher(self, charset: Charset) -> CRNN:
        """The start model as it was, for the lines that are to be read as it reads them."""
        assert self.taught is not None
        teacher = CRNN(ModelConfig(**self.taught.info.model), len(charset))
        teacher.load_state_dict(grow_head(self.taught.weights, self.taught.info.charset, charset))
        return teacher.eval().requires_grad_(False)


def start_of(config: TrainConfig, charset: Charset) -> Start:
    """What the run of `config` begins from.

    Raises:
        UserError: there is no such start model, or it does not fit the run's charset, canvas or ranks.
    """
    if not config.start_model:
        return Start(config.network, CanvasSpec(**asdict(config.canvas)))
    whole = load(config.start_model)
    if config.raised_height is not None:
        whole = resize_canvas(whole, config.raised_height)
    start = whole if config.lowered_ranks is None else factorize(whole, config.lowered_ranks)
    known = start.info.characters
    return Start(
        ModelConfig(**start.info.model),
        start.info.canvas,
        grow_head(start.weights, start.info.charset, charset),
        len(start.info.charset),
        str(start.info.training.get("added_characters", "")) + charset.characters[len(known) :],
        whole,
    )
