"""Carries a trained network over to new lines: a longer charset, and which layers may change. Knows no data."""

from __future__ import annotations

from torch import nn

from crnn.charset import Charset
from crnn.checkpoint import State
from crnn.errors import UserError
from crnn.model import CRNN

# Layers that go on learning, by mode; the others keep their weights and their batch statistics.
TRAINED_LAYERS = {
    "full": ("cnn", "lstm", "neck", "head"),
    "head+rnn": ("lstm", "neck", "head"),
    "head": ("neck", "head"),
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


class Freezer:
    """Keeps the layers outside `mode` as they are.

    Args:
        mode: of `TRAINED_LAYERS`.
        statistics: whether batch norms of the other layers go by each batch and follow its statistics; if not, they
            keep the start model's: those of a mixture of domain and general lines would be neither's.

    Raises:
        UserError: unknown mode.
    """

    def __init__(self, model: CRNN, mode: str, statistics: bool = True) -> None:
        if mode not in TRAINED_LAYERS:
            raise UserError(f"trained_layers={mode!r}: choose one of {', '.join(TRAINED_LAYERS)}")
        self._frozen = [child for name, child in model.named_children() if name not in TRAINED_LAYERS[mode]]
        for child in self._frozen:
            child.requires_grad_(False)
        self._held: list[nn.Module] = list(self._frozen)
        if not statistics:
            self._held += [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]

    def hold(self) -> None:
        """After `model.train()`: held batch norms go on using their statistics instead of the batch's."""
        for module in self._held:
            module.eval()


def trainable(model: nn.Module) -> list[nn.Parameter]:
    """Parameters that the optimiser may change."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]
