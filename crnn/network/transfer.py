"""Carries a trained network over to new lines: a longer charset, a higher canvas, convolutions split in two, which
layers may change.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.network.checkpoint import Checkpoint, State
from crnn.network.crnn import CRNN, ModelConfig

# Layers that go on learning, by mode; the others keep their weights and their batch statistics.
ADDED = "added"  # of the head the new characters' rows alone
TRAINED_LAYERS = {
    "full": ("cnn", "lstm", "neck", "head", "shortcut"),
    "body": ("cnn", "lstm", "neck", "shortcut"),
    "cnn": ("cnn",),
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


def factors(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """A 3×1 convolution into `rank` channels and a 1×3 one from there that together come nearest to a 3×3 one.

    Args:
        weight: float32 (O, C, 3, 3).

    Returns:
        float32 (rank, C, 3, 1) and (O, rank, 1, 3), from the singular value decomposition.
    """
    outputs, inputs = weight.shape[:2]
    left, scale, right = torch.linalg.svd(weight.permute(1, 2, 0, 3).reshape(inputs * 3, outputs * 3))
    root = scale[:rank].sqrt()
    columns = (left[:, :rank] * root).T.reshape(rank, inputs, 3, 1)
    rows = (root[:, None] * right[:rank]).reshape(rank, outputs, 1, 3).transpose(0, 1)
    return columns.contiguous(), rows.contiguous()


def factorize(start: Checkpoint, ranks: Sequence[int]) -> Checkpoint:
    """`start` with the 3×3 convolutions of its stages split in two, see `ModelConfig.ranks`.

    It reads nearly as before, the nearer the higher the ranks, and regains the rest in training.

    Raises:
        UserError: `ranks` has not one number for each stage, or a negative one, or splits what is split.
    """
    config = ModelConfig(**start.info.model)
    if len(ranks) != len(config.channels) or min(ranks) < 0:
        raise UserError(
            f"lowered_ranks={list(ranks)}: give a number of at least 0 for each of the start model's "
            f"{len(config.channels)} stages"
        )
    if any(had not in (0, wanted) for had, wanted in zip(config.ranks, ranks, strict=True)):
        raise UserError(f"lowered_ranks={list(ranks)}: the start model's {config.ranks} cannot be changed")
    smaller = dataclasses.replace(config, ranks=list(ranks))
    weights = dict(start.weights)
    for name, tensor in CRNN(smaller, len(start.info.charset)).state_dict().items():
        if name.endswith(".0.0.weight") and name not in weights:
            whole = weights.pop(name.replace(".0.0.", ".0."))
            weights[name], weights[name.replace(".0.0.", ".0.1.")] = factors(whole, len(tensor))
    return Checkpoint(dataclasses.replace(start.info, model=dataclasses.asdict(smaller)), weights)


def resize_canvas(start: Checkpoint, height: int) -> Checkpoint:
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
        UserError: unknown mode, or the new characters are to be learned and there are none.
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
    """Parameters that the optimizer may change."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]
