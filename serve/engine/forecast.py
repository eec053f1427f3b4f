"""Whether requests will be read in time: from what the lines of all cost, and how long lines have taken."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from serve.base.errors import BUSY, TooBusy, TooLarge
from serve.engine.patience import Patience

# Lines take longer than they did while the pictures of other requests are decoded and searched.
MARGIN = 1.3
REMEMBERED = 15  # batches whose median says how long lines take: one that was held up does not count
LEAST_KNOWN = 5  # batches before anything is refused: the first ones after the start take longer
# What was measured longer ago is forgotten. A server that was once held up would else refuse all, and so never measure
# again.
FORGOTTEN_SECONDS = 30.0


@dataclass(eq=False)
class Waiting:
    """Lines that came together, and what those of them that wait still cost."""

    patience: Patience
    cost: float


class Forecast:
    """Knows how long lines take. Not for several threads at once: the queue's lock guards it."""

    def __init__(self) -> None:
        # Of each batch, when it was read and the seconds that a line of cost 1 took.
        self._speeds: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def learn(self, seconds: float, cost: float) -> None:
        """A batch of lines took so long."""
        self._speeds.append((time.monotonic(), seconds / cost))

    def check(self, new: Waiting, waiting: Collection[Waiting]) -> None:
        """Refuse a request that would not end in time, or would keep one of the others from it.

        Those that would be late without it do not count: they must not keep all others out.

        Raises:
            TooLarge: it would not even by itself.
            TooBusy: it would not beside the others; says when those will have been read.
        """
        others = [request for request in waiting if request.patience.left()]
        left = new.patience.left()
        since = time.monotonic() - FORGOTTEN_SECONDS
        known = [speed for measured, speed in self._speeds if measured > since]
        if len(known) < LEAST_KNOWN or not left:
            return
        seconds = MARGIN * statistics.median(known)
        if seconds * new.cost > left:
            raise TooLarge(
                f"reading all of this would take about {seconds * new.cost:.1f} seconds, and {left:.1f} are left: "
                "send it in parts, or as a document to be read in the background",
                code="too_much_text",
            )
        with_new = [*others, new]
        if seconds * sum(request.cost for request in with_new) <= min(each.patience.left() for each in with_new):
            return  # all will have been read before the first must be: so it is nearly always
        late_anyway = [request for request in others if _is_late(request, others, seconds)]
        if any(_is_late(request, with_new, seconds) for request in with_new if request not in late_anyway):
            wait = seconds * sum(request.cost for request in others)
            raise TooBusy(BUSY, retry_after=max(1, math.ceil(wait)))


def _is_late(request: Waiting, among: Collection[Waiting], seconds: float) -> bool:
    """Whether it will not be read in time if a line of cost 1 takes `seconds`. Since requests take turns, each of the
    others delays it by no more than its own cost.
    """
    return seconds * sum(min(request.cost, other.cost) for other in among) > request.patience.left()
