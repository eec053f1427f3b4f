"""Carries a trained network over to new lines: a longer charset, a higher canvas, further convolutions, which layers
may change.

Knows no data.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from crnn.charset import Charset
from crnn.checkpoint import Checkpoint, State
from crnn.errors import UserError
from crnn.model import CRNN, ModelConfig, convolution_block

# Layers that go on learning, by mode; the others keep their weights and their batch statistics.
ADDED = "added"  # of the head the new characters' rows alone
TRAINED_LAYERS = {
    "full": ("cnn", "lstm", "neck", "head"),
    "head+rnn": ("lstm", "neck", "head"),
    "head": ("neck", "head"),
    ADDED: ("head",),
}


def extend(charset: Charset, text: str) -> Charset:
    """`charset` followed by the characters of `text` that it lacks, in order of code point: old ids stay."""
    return Charset(charset.characters + "".join(sorted(charset.missing(text))))


def grow_head(weights: State, known: Charset, wanted: Charset) -> State:
    """Weights for `wanted`, a longer charset that begins with `known`; old characters keep their rows.

    A new row starts as the mean of all characters' rows with the mean bias: as likely as an average character, and
    no nearer to one than to another.

    Raises:
        UserError: `wanted` does not begin with `known`.
    """
    if not wanted.characters.startswith(known.characters):
        raise UserError(
            "the start model's charset is not the beginning of this one: keep its characters in order, and add new "
            "ones at the end"
        )
    added = len(wanted) - len(known)
    if not added:
        return weights
    grown = dict(weights)
    for name in ("head.weight", "head.bias"):
        rows = weights[name]
        mean = rows[1:].mean(0, keepdim=True)  # row 0 is the blank
        grown[name] = rows.new_empty(len(rows) + added, *rows.shape[1:])
        grown[name][: len(rows)], grown[name][len(rows) :] = rows, mean
    return grown


def _rectified_moments(mean: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of max(0, x) for normal x."""
    ratio = mean / spread.clamp(min=1e-12)
    density = torch.exp(-ratio.square() / 2) / math.sqrt(2 * math.pi)
    above = torch.special.ndtr(ratio)
    first = mean * above + spread * density
    second = (mean.square() + spread.square()) * above + mean * spread * density
    return first, (second - first.square()).clamp(min=0)


def _identity_after(norm: nn.BatchNorm2d) -> nn.Sequential:
    """A block that passes on what comes from the block whose batch norm is `norm`.

    Its batch norm starts with the moments that its input has if what `norm` gives is normal: with these statistics it
    is exactly the identity, with those of a batch nearly.
    """
    block = convolution_block(norm.num_features, norm.num_features)
    convolution, own = block[0], block[1]
    assert isinstance(convolution, nn.Conv2d) and isinstance(own, nn.BatchNorm2d)
    assert own.running_mean is not None and own.running_var is not None
    with torch.no_grad():
        nn.init.dirac_(convolution.weight)
        mean, variance = _rectified_moments(norm.bias, norm.weight.abs())
        own.weight.copy_((variance + own.eps).sqrt())
        own.bias.copy_(mean)
        own.running_mean.copy_(mean)
        own.running_var.copy_(variance)
    return block


def deepen(start: Checkpoint, added: Sequence[int]) -> Checkpoint:
    """`start` with `added` 3×3 convolutions more at the end of each stage, which read the same as before.

    Net2DeeperNet (Chen et al. 2016, arXiv:1511.05641): a new layer begins as identity, which ReLU allows.

    Raises:
        UserError: `added` has not one number for each stage, or a negative one.
    """
    config = ModelConfig(**start.info.model)
    if len(added) != len(config.convolutions) or min(added) < 0:
        raise UserError(
            f"added_convolutions={list(added)}: give a number of at least 0 for each of the start model's "
            f"{len(config.convolutions)} stages"
        )
    model = CRNN(config, len(start.info.charset))
    model.load_state_dict(start.weights)
    at = 0  # of the stage's last convolution: block 0 is the stem, and every stage but the first begins with a pool
    for stage, (had, more) in enumerate(zip(config.convolutions, added, strict=True)):
        at += had + (stage > 0)
        for _ in range(more):
            block = cast(nn.Sequential, model.cnn[at])
            at += 1
            model.cnn.insert(at, _identity_after(cast(nn.BatchNorm2d, block[1])))
    convolutions = [had + more for had, more in zip(config.convolutions, added, strict=True)]
    deeper = dataclasses.asdict(dataclasses.replace(config, convolutions=convolutions))
    return Checkpoint(dataclasses.replace(start.info, model=deeper), model.state_dict())


def heighten(start: Checkpoint, height: int) -> Checkpoint:
    """`start` for a canvas `height` pixels high, on which letters are larger; its weights stay as they are.

    The network must end in as many rows as before, so that every weight keeps its place (32, 36, 40 and 46 all end in
    two). Canvases may be wider in proportion.

    Raises:
        UserError: the height cannot be halved, or ends in another number of rows.
    """
    before, canvas = ModelConfig(**start.info.model), start.info.canvas
    halvings = len(before.channels)
    if height % 2 or height >> halvings != before.height >> halvings:
        low = before.height >> halvings << halvings
        raise UserError(
            f"height={height}: the start model's weights fit even heights from {low} to {low + (1 << halvings) - 2}"
        )
    max_width = canvas.bucket * math.ceil(canvas.max_width * height / canvas.height / canvas.bucket)
    info = dataclasses.replace(
        start.info,
        model=dataclasses.asdict(dataclasses.replace(before, height=height)),
        canvas=dataclasses.replace(canvas, height=height, max_width=max_width),
    )
    return Checkpoint(info, start.weights)


class Freezer:
    """Keeps the layers outside `mode` as they are.

    Args:
        mode: of `TRAINED_LAYERS`.
        statistics: whether batch norms of the other layers go by each batch and follow its statistics; if not, they
            keep the start model's: those of a mixture of domain and general lines would be neither's.
        known: classes of the start model; those beyond are new.

    Raises:
        UserError: unknown mode, or the new characters are to be learnt and there are none.
    """

    def __init__(self, model: CRNN, mode: str, statistics: bool = True, known: int = 0) -> None:
        if mode not in TRAINED_LAYERS:
            raise UserError(f"trained_layers={mode!r}: choose one of {', '.join(TRAINED_LAYERS)}")
        self._frozen = [child for name, child in model.named_children() if name not in TRAINED_LAYERS[mode]]
        for child in self._frozen:
            child.requires_grad_(False)
        if mode == ADDED:
            if known >= model.head.out_features:
                raise UserError(f"trained_layers={ADDED}: the charset has no character that the start model lacks")
            for parameter in model.head.parameters():
                parameter.register_hook(lambda gradient: _without_first(gradient, known))
        self._held: list[nn.Module] = list(self._frozen)
        if not statistics:
            self._held += [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]

    def hold(self) -> None:
        """After `model.train()`: held batch norms go on using their statistics instead of the batch's."""
        for module in self._held:
            module.eval()


def _without_first(gradient: Tensor, rows: int) -> Tensor:
    masked = gradient.clone()
    masked[:rows] = 0
    return masked


def trainable(model: nn.Module) -> list[nn.Parameter]:
    """Parameters that the optimiser may change."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]
