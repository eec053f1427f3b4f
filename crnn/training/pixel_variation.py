"""Varies how a line looks at training time: blur, noise, tones and the marks of JPEG."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from crnn.training.variation_config import CHANCES, VariationConfig

LEAST_BLUR = 0.25  # pixels: less changes nothing
_LEVELS = np.arange(256) / 255


def vary_pixels(strip: np.ndarray, size: float, chance: np.ndarray, config: VariationConfig) -> np.ndarray:
    """`strip` as another lens, light and file would show it.

    Args:
        strip: uint8 (H, W).
        size: pixels that the letters are high.
        chance: float (len(CHANCES),), from 0 to 1.
    """
    strength = config.strength

    def happens(name: str, share: float) -> bool:
        return bool(chance[CHANCES[name]] < share * strength)

    if happens("blurred", config.blurred) and not happens("reduced", config.reduced):  # both leave nothing to read
        sigma = chance[CHANCES["blur"]] * strength * config.blur * size / 100
        across = sigma * (0.5 + chance[CHANCES["across"]])  # a moving hand blurs one way more
        if min(sigma, across) > LEAST_BLUR:
            strip = cv2.GaussianBlur(strip, (0, 0), sigmaX=sigma, sigmaY=across, borderType=cv2.BORDER_REPLICATE)
    if happens("noisy", config.noisy):
        noise = _noise()
        begin = int(chance[CHANCES["where"]] * (len(noise) - strip.size))
        grains = noise[begin : begin + strip.size].reshape(strip.shape)
        sigma = strength * config.noise * chance[CHANCES["noise"]]
        strip = cv2.add(strip, np.float32(sigma) * grains, dtype=cv2.CV_8U)
    inverted = happens("inverted", config.inverted)
    toned = happens("toned", config.toned)
    if toned or inverted:
        levels = _LEVELS
        if toned:
            gamma = 2 ** (strength * config.gamma * (2 * chance[CHANCES["gamma"]] - 1))
            contrast = 1 - strength * (1 - config.contrast) * chance[CHANCES["contrast"]]
            offset = strength * config.brightness * (2 * chance[CHANCES["brightness"]] - 1)
            levels = np.clip((_LEVELS**gamma - 0.5) * contrast + 0.5 + offset / 255, 0, 1)
        if inverted:
            levels = 1 - levels
        strip = cv2.LUT(strip, np.round(255 * levels).astype(np.uint8))
    if happens("compressed", config.compressed):
        least, most = config.quality
        quality = round(most - strength * chance[CHANCES["quality"]] * (most - least))
        encoded = cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        strip = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))
    return strip


@cache
def _noise() -> np.ndarray:
    """Normal numbers to take pieces of, float32 (n,): drawing them anew would take as long as all the rest."""
    return np.random.default_rng(0).standard_normal(1 << 20, np.float32)
