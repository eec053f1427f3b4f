"""The checkpoint that a run goes on from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from crnn.core.charset import Charset
from crnn.core.errors import UserError
from crnn.network.checkpoint import Checkpoint, load_newest
from crnn.network.crnn import ModelConfig


def own_checkpoint(path: Path, charset: Charset, network: ModelConfig) -> Checkpoint | None:
    """The newest intact checkpoint at `path`, or None where the run begins.

    Raises:
        UserError: it cannot be gone on from with this charset and network.
    """
    own = load_newest(path)
    if own is None:
        return None
    if not own.trained:
        raise UserError(f"{path} holds deployed weights only: name it as start_model of another run")
    had = asdict(ModelConfig(**own.info.model))  # older runs do not name what has been added to the network since
    if own.info.characters != charset.characters or had != asdict(network):
        raise UserError(f"{path} was trained with another charset or network: choose another name, or delete it")
    return own
