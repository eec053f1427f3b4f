"""How much of a page may be read more than once."""

from __future__ import annotations

MOST_AGAIN = 32.0  # lines as wide as the canvas that are read again on one page: a third of a second


class Allowance:
    """How much of a page may still be read again. Without a limit a page of hundreds of unclear lines takes three times
    as long and reads little better. The first lines get the allowance.

    Args:
        lines: as wide as the canvas, each pass over one counted.
    """

    def __init__(self, lines: float = MOST_AGAIN) -> None:
        self._left = lines

    def take(self, lines: float) -> bool:
        """Whether so much may be read again; if so, so much less is left."""
        enough = self._left >= lines
        self._left -= lines * enough
        return enough
