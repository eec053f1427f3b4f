"""Pages of digits drawn by OpenCV, with the places of their lines."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np


def draw_page(seed: int, size: tuple[int, int] = (192, 256)) -> tuple[np.ndarray, np.ndarray]:
    """A page, uint8 (H, W, 3), with lines of digits, and their quads, float32 (n, 4, 2)."""
    rng = np.random.default_rng(seed)
    height, width = size
    image = np.full((height, width, 3), rng.integers(190, 256), np.uint8)
    quads = []
    y = 12
    while y < height - 30:
        text = "".join(rng.choice(list("0123456789"), rng.integers(3, 9)))
        scale = rng.uniform(0.5, 0.9)
        (wide, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
        x = int(rng.integers(4, max(5, width - wide - 4)))
        cv2.putText(image, text, (x, y + tall), cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 20, 20), 2)
        quads.append([[x, y - 2], [x + wide, y - 2], [x + wide, y + tall + 2], [x, y + tall + 2]])
        y += tall + int(rng.integers(14, 30))
    return image, np.array(quads, np.float32)


def write_pages(folder: Path, count: int) -> Path:
    """A set of drawn pages and two without text."""
    folder.mkdir(parents=True)
    rows = []
    for seed in range(count):
        image, quads = draw_page(seed)
        cv2.imwrite(str(folder / f"{seed}.png"), image)
        rows.append({"file": f"{seed}.png", "boxes": quads.tolist(), "kind": "rendered", "source": str(seed)})
    for number in range(2):
        blank = np.random.default_rng(number).integers(0, 255, (128, 128, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"blank{number}.png"), cv2.GaussianBlur(blank, (0, 0), 2))
        rows.append({"file": f"blank{number}.png", "boxes": [], "kind": "textless", "source": f"blank{number}"})
    (folder / "pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def maps_of(quads: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What a network that makes no mistake says of lines `quads` on a page of `size`: float32 (2, H / 4, W / 4)."""
    from crnn.datasets.page_crops import target_maps

    side = -(-max(size) // 32) * 32
    kernel, height, _ = target_maps(quads, side)
    share = np.clip(kernel / 255.0, 0.01, 0.99)
    return np.stack([np.log(share / (1 - share)), height]).astype(np.float32)
