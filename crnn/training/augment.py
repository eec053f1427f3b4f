"""Light variation of lines at training time, for imported lines that come without a synthesizer's variety.

Geometry stays untouched, so that character centers keep their place.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from crnn.training.batches import Line
from crnn.training.torchvision_cpu import transforms


class LightAugmentation:
    """Brightness, contrast, blur and sharpness within what a scanner or camera adds by itself."""

    def __init__(self, strength: float) -> None:
        """Args:
        strength: 0 (nothing) to 1; scales every range below.
        """
        self.transform = transforms.Compose(
            [
                transforms.ColorJitter(brightness=0.3 * strength, contrast=0.4 * strength),
                transforms.RandomApply([transforms.GaussianBlur(3, sigma=(0.1, 0.1 + 0.9 * strength))], p=0.2),
                transforms.RandomAdjustSharpness(1 + strength, p=0.2),
                transforms.RandomInvert(p=0.1 * strength),
            ]
        )

    def __call__(self, line: Line, rng: np.random.Generator) -> Line:
        """A varied copy of `line`; depends on `rng` only."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**63)))  # torchvision draws from torch's global generator
            pixels = self.transform(torch.from_numpy(line.canvas.pixels.copy())[None])[0].numpy()
        return dataclasses.replace(line, canvas=dataclasses.replace(line.canvas, pixels=pixels))
