"""The geometry of what the network reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from crnn.core.errors import UserError

Width = TypeVar("Width", int, np.ndarray)

MODES = ("plain", "background", "article")


@dataclass(frozen=True)
class CanvasSpec:
    """Geometry of the model's input, carried by every artifact.

    Attributes:
        height: pixels; every line is scaled to it.
        bucket: widths are rounded up to a multiple of this, so a runtime sees few shapes and a line's reading
            never depends on the lines it is batched with.
        max_width: pixels; wider lines are cut before.
        mode: enhancement before scaling, one of `MODES`.
    """

    height: int = 32
    bucket: int = 32
    max_width: int = 800
    mode: str = "plain"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UserError(f"unknown preprocessing mode {self.mode!r}: choose one of {', '.join(MODES)}")
        if self.height < 8 or self.bucket < 4 or self.max_width % self.bucket:
            raise UserError(
                f"canvas of height {self.height}, bucket {self.bucket}, max_width {self.max_width}: the "
                "height must be at least 8, the bucket at least 4, and max_width a multiple of the bucket"
            )

    def bucket_width(self, content_width: Width) -> Width:
        """Width of the canvas for content of `content_width` pixels; of an array, of each."""
        return -(-content_width // self.bucket) * self.bucket
