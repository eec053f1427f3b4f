"""Pictures that nobody would send in good faith, and some that people do: made at random, the same ones for a seed.

Each kind asks much of another part: dense pages and text of the reader, strokes, bands and noise of the finder, thin
and huge ones of whatever holds pixels, broken files of the decoders.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator

import cv2
import numpy as np
from PIL import Image

LETTERS = np.array(list("abcdefghij klmnop 0123456789"))
FILES = ("png", "jpeg", "webp", "bmp", "tiff", "gif")
HUGE = (4000, 6000)  # height and width, pixels: nearly as many as the server takes


def pictures(count: int, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """`count` files and the kinds they are of, all kinds in turn."""
    rng = np.random.default_rng(seed)
    for number, (name, draw) in enumerate(itertools.islice(itertools.cycle(KINDS.items()), count)):
        image = draw(rng)
        # The numbers of kinds and of files have no common divisor: each kind comes in every file.
        file = io.BytesIO()
        Image.fromarray(image).save(file, FILES[number % len(FILES)])
        data = file.getvalue()
        yield name, _broken(rng, data) if name == "broken" else data


def _size(rng: np.random.Generator, least: int, most: int) -> tuple[int, int]:
    height, width = rng.integers(least, most, 2)
    return int(height), int(width)


def _text(rng: np.random.Generator, spaced: bool) -> np.ndarray:
    """A page full of random letters; unless they are `spaced`, without a white row between them."""
    height, width = _size(rng, 500, 2400)
    page, scale = np.full((height, width, 3), 255, np.uint8), rng.uniform(0.3, 1)
    for y in range(20, height, max(10, round((50 if spaced else 32) * scale))):
        cv2.putText(page, "".join(rng.choice(LETTERS, 200)), (5, y), 0, scale, (0, 0, 0), max(1, int(2 * scale)))
    return page


def _zigzag(rng: np.random.Generator) -> np.ndarray:
    """Two columns of bars, each beside the gap of the other's: no cut parts them."""
    page, pitch = np.full((2000, 400), 255, np.uint8), int(rng.integers(3, 12))
    for number in range(2000 // pitch):
        x, y = 92 * (number % 2) + int(rng.integers(5)), pitch * number
        cv2.rectangle(page, (x, y), (x + 60, y + pitch - 2), 0, -1)
    return page


def _bands(rng: np.random.Generator) -> np.ndarray:
    page = np.full((2000, 300), 255, np.uint8)
    page[:: int(rng.integers(2, 40))] = 0
    return page


def _noise(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (*_size(rng, 1, 2000), 3), np.uint8)


def _smooth(rng: np.random.Generator) -> np.ndarray:
    """Blots of any size, which look more like text than noise does."""
    return cv2.normalize(cv2.GaussianBlur(_noise(rng), (0, 0), rng.uniform(1, 8)), None, 0, 255, cv2.NORM_MINMAX)


def _strokes(rng: np.random.Generator) -> np.ndarray:
    page = np.full((1500, 1500), 255, np.uint8)
    for start, end in rng.integers(0, 1500, (300, 2, 2)).tolist():
        cv2.line(page, start, end, 0, 2)
    return page


def _thin(rng: np.random.Generator) -> np.ndarray:
    """As long as may be and few pixels high, or wide."""
    band = rng.integers(0, 256, (int(rng.choice([1, 2, 8, 30])), 10_000), np.uint8)
    return band if rng.random() < 0.5 else band.T.copy()


def _tiny(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, _size(rng, 1, 12), np.uint8)


def _huge(rng: np.random.Generator) -> np.ndarray:
    """A photo's worth of pixels with lines of text here and there."""
    page = np.full((*HUGE, 3), int(rng.integers(150, 256)), np.uint8)
    for _ in range(30):
        x, y = int(rng.integers(0, 4000)), int(rng.integers(100, HUGE[0]))
        cv2.putText(page, "".join(rng.choice(LETTERS, 20)), (x, y), 0, rng.uniform(1, 6), (40, 20, 0), 6)
    return page


def _broken(rng: np.random.Generator, data: bytes) -> bytes:
    """Cut short, or with some bits turned."""
    if rng.random() < 0.5:
        return data[: int(rng.integers(len(data)))]
    changed = np.frombuffer(data, np.uint8).copy()
    changed[rng.integers(0, len(changed), 20)] ^= np.uint8(1 << int(rng.integers(8)))
    return changed.tobytes()


KINDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "dense": lambda rng: _text(rng, spaced=False),
    "text": lambda rng: _text(rng, spaced=True),
    "zigzag": _zigzag,
    "bands": _bands,
    "noise": _noise,
    "smooth": _smooth,
    "strokes": _strokes,
    "thin": _thin,
    "tiny": _tiny,
    "broken": lambda rng: _text(rng, spaced=True),
    "huge": _huge,
}
