"""Finds the pictures that a list names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path, PurePosixPath
from urllib.parse import unquote


def find_root(listed: Path, names: Iterable[str]) -> Path | None:
    """The folder that the paths of a list start from: the list's own or the nearest above in which one is found.

    PaddleOCR's paths start from its `data_dir`, which is often some way above the list.
    """
    folder, sample = listed.resolve().parent, list(islice(names, 50))
    for root in (folder, *folder.parents):
        if any(os.path.isfile(root / name) for name in sample):  # noqa: PTH113  (Path raises on too long a name)
            return root
    return None


def find_picture(root: Path, name: str) -> Path:
    """The picture `name` below `root`; where the list was written on another machine, by the end of its path.

    `/data/upload/1/a%20b.png` is tried as it is, then as `data/upload/1/a b.png`, ..., `a b.png`.
    """
    if not os.path.isfile(root / name):  # noqa: PTH113
        parts = PurePosixPath(unquote(name).rpartition("?d=")[2]).parts
        for start in range(len(parts)):
            tail = "/".join(parts[start:]).lstrip("/")
            if tail and os.path.isfile(root / tail):  # noqa: PTH113
                return root / tail
    return root / name
