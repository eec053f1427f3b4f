"""A picture of a line and its text, as another program wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Origin:
    """What is known of where a line comes from, as far as it is.

    Attributes:
        group: lines of one group (a repository, a book, a scanner) are never divided between training and test.
        license: under which its picture may be used; "none" if its owner states none.
        tier: how its label was come by.
        certainty: of the label, 0 to 1.
        missed: whether a reader of the day got it wrong.
    """

    group: str = ""
    license: str = ""
    tier: str = ""
    certainty: float = 1.0
    missed: bool = False


@dataclass(frozen=True)
class LabeledLine:
    """A picture of a line and its text, not yet read or checked.

    Attributes:
        source: how the source names it (a file, or the number of an entry from 1).
        image: the encoded picture, or the file that holds it.
        text: as written there.
        category: "" if none is given.
        centers: x of each character in pixels, float32 (len(text),), if known.
        row: line of the list that names it, from 1, if it stands in a list.
        origin: see there.
    """

    source: str
    image: bytes | Path
    text: str
    category: str = ""
    centers: np.ndarray | None = None
    row: int | None = None
    origin: Origin = Origin()
