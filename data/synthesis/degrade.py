"""What happens to a picture between the page and the file: light, optics, sensor, processing. Size never changes.

Each damage takes float32 luma (height, width), its value and the rand, and returns float32 luma. Lengths are in
pixels of a line 32 high.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import cv2
import numpy as np

from data.synthesis.paper import cut, noise
from data.synthesis.rand import Rand
from data.synthesis.settings import Degradation

LEGIBLE = 0.78  # correlation of a binarized line with its original, below which strokes are lost or merge into blots

Damage = Callable[[np.ndarray, float, Rand], np.ndarray]


def _unit(image: np.ndarray) -> float:
    return image.shape[0] / 32


def fade(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """Let the contrast sink by up to `value` from one end to the other: worn ribbon, thermal paper, glare."""
    middle = float(image.mean()) if rand.chance(0.5) else float(image.max())
    ramp = np.linspace(0, value, image.shape[1], dtype=np.float32)
    keep = 1 - (ramp if rand.chance(0.5) else ramp[::-1])
    return middle + (image - middle) * keep


def shadow(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """Darken one side of a soft or sharp edge by the share `value`."""
    height, width = image.shape
    slope, softness = rand.uniform(-2, 2), rand.uniform(0.5, 40) * _unit(image)
    columns = np.arange(width, dtype=np.float32) - rand.uniform(0, width)
    rows = np.arange(height, dtype=np.float32)[:, None] - height / 2
    side = -1 if rand.chance(0.5) else 1
    dark = 1 / (1 + np.exp(np.clip(side * (columns + slope * rows) / softness, -20, 20)))
    return image * (1 - np.float32(value) * dark)


def motion(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """Smear over `value` pixels in one direction."""
    length = value * _unit(image)
    angle = rand.uniform(0, np.pi) if rand.chance(0.5) else 0.0
    size = int(length) // 2 * 2 + 3
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    dx, dy = np.cos(angle) * length / 2, np.sin(angle) * length / 2
    for t in np.linspace(-1, 1, 2 * size):
        kernel[round(middle + t * dy), round(middle + t * dx)] += 1
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def blur(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """Gaussian (out of register) or disk-like (out of focus) blur with standard deviation `value`."""
    sigma = value * _unit(image)
    if rand.chance(0.7):
        return cv2.GaussianBlur(image, (0, 0), max(sigma, 0.1), borderType=cv2.BORDER_REPLICATE)
    size = max(3, round(sigma * 3.46) | 1)  # a box of this width has that deviation
    return cv2.blur(image, (size, size), borderType=cv2.BORDER_REPLICATE)


def low_resolution(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """Pass through a picture whose lines are `value` pixels high."""
    height, width = image.shape
    if value >= height:
        return image
    small = (max(1, round(width * value / height)), max(1, round(value)))
    down = rand.choice((cv2.INTER_AREA, cv2.INTER_AREA, cv2.INTER_LINEAR))
    up = rand.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_NEAREST))
    return cv2.resize(cv2.resize(image, small, interpolation=down), (width, height), interpolation=up)


def add_noise(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """White sensor noise of deviation `value`."""
    return image + cut(noise(), image.shape[:2], rand) * np.float32(value)


def grain(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """Coarse noise of deviation `value`, stronger in the dark: high ISO after the camera's own smoothing."""
    coarse = cv2.GaussianBlur(cut(noise(), image.shape[:2], rand), (0, 0), 0.9) * 3  # the blur divides it by about 3
    return image + coarse * (np.float32(value) * (1.3 - image / 255))


def salt(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """Specks on a share `value` of the area: dust, dropped ink, bad pixels."""
    field = cut(noise(), image.shape[:2], rand)
    if rand.chance(0.5):  # specks larger than a pixel
        field = cv2.GaussianBlur(field, (0, 0), 0.7) * 2.5
    limit = NormalDist().inv_cdf(1 - value / 2)
    out = image.copy()
    out[field > limit] = rand.uniform(150, 255)
    out[field < -limit] = rand.uniform(0, 90)
    return out


def halftone(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """The dot screen of printed pictures, amplitude `value`, 3 to 6 pixels apart at 45 degrees."""
    height, width = image.shape
    frequency = 2 * np.pi / (rand.uniform(3, 6) * _unit(image))
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    dots = np.sin((x + y) * np.float32(frequency * 0.7)) * np.sin((x - y) * np.float32(frequency * 0.7))
    return image + np.float32(value) * dots


def moire(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """The beat of a screen's pixels with a camera's, amplitude `value`."""
    height, width = image.shape
    angle, frequency = rand.uniform(0, np.pi), rand.uniform(0.15, 1.2) / _unit(image)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    phase = np.float32(frequency * np.cos(angle)) * x + np.float32(frequency * np.sin(angle)) * y
    return image + np.float32(value) * np.sin(phase + np.float32(rand.uniform(-0.02, 0.02)) * y * y / height * 4)


def streaks(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """Rows or columns off by `value`: a dirty scanner, a worn print head."""
    strip = cut(noise(), (1, max(image.shape)), rand)[0]
    strip = np.where(np.abs(strip) > 1.2, strip, 0) * np.float32(value)
    return image + (strip[: image.shape[0], None] if rand.chance(0.5) else strip[: image.shape[1]])


def sharpen(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """Unsharp mask by `value`: phones and scalers leave such halos."""
    soft = cv2.GaussianBlur(image, (0, 0), rand.uniform(0.7, 1.6) * _unit(image))
    return image + np.float32(value) * (image - soft)


def threshold(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """Binarize at `value` pixels of height, thicken or thin, and return to the size: scans, faxes, copies.

    A copy that nobody could read is not made.
    """
    height, width = image.shape
    scale = max(1.0, value / height)
    big = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_CUBIC)
    pixels = np.clip(big, 0, 255).astype(np.uint8)
    if rand.chance(0.6):
        level, _ = cv2.threshold(pixels, 0, 255, cv2.THRESH_OTSU)
        binary: np.ndarray = (pixels > level + rand.uniform(-18, 18)).astype(np.uint8) * 255
    else:
        size = int(pixels.shape[0] * rand.uniform(0.6, 1.4)) | 1
        offset = rand.uniform(6, 20)
        if pixels.mean() < 110:  # light letters: what is darker than its surroundings is not the text
            offset = -offset
        binary = cv2.adaptiveThreshold(pixels, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, max(3, size), offset)
    if scale > 1.5 and rand.chance(0.4):
        kernel = np.ones((2, 2), np.uint8)
        binary = cv2.erode(binary, kernel) if rand.chance(0.5) else cv2.dilate(binary, kernel)
    down = cv2.INTER_AREA if rand.chance(0.75) else cv2.INTER_NEAREST
    copy = cv2.resize(binary, (width, height), interpolation=down).astype(np.float32)
    domain_logit = np.corrcoef(copy.ravel(), image.ravel())[0, 1] if copy.std() > 0 and image.std() > 0 else 0.0
    return copy if domain_logit > LEGIBLE else image


def jpeg(image: np.ndarray, value: float, rand: Rand) -> np.ndarray:
    """Compress at quality `value`."""
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(value)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32)


CHAIN: tuple[tuple[str, Damage], ...] = (
    ("fade", fade),
    ("shadow", shadow),
    ("motion", motion),
    ("blur", blur),
    ("low_resolution", low_resolution),
    ("noise", add_noise),
    ("grain", grain),
    ("salt", salt),
    ("halftone", halftone),
    ("moire", moire),
    ("streaks", streaks),
    ("sharpen", sharpen),
    ("threshold", threshold),
    ("jpeg", jpeg),
)


def degrade(image: np.ndarray, recipe: Degradation, rand: Rand) -> np.ndarray:
    """Apply the recipe's damages in physical order: float32 luma in and out, same shape."""
    for name, damage in CHAIN:
        value = rand.effect(getattr(recipe, name))
        if value is not None:
            image = np.asarray(damage(image, value, rand), np.float32)
    return image
