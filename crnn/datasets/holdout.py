"""Which sources are held back to judge by: the same for lines and for pages, so that neither network has seen them."""

from __future__ import annotations

import hashlib


def is_held_out(source: str, share: float) -> bool:
    """Whether all that comes from `source` is held back, as is about a `share` of all sources, in every run and set."""
    digest = int(hashlib.md5(source.encode(), usedforsecurity=False).hexdigest(), 16)
    return digest % 1000 < 1000 * share
