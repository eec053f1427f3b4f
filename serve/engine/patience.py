"""How long a request is worth working on: until its deadline, as long as its client waits and the server runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from serve.base.errors import ClientGone, DeadlinePassed, NotReady

LOOK_SECONDS = 0.02  # how often at most the connection is looked at
ASK_SECONDS = 0.25  # how often somebody who waits for a result is asked whether he still does
GRACE_SECONDS = 3.0  # that requests get to end in when the server is told to stop


def _always() -> bool:
    return True


class Draining(threading.Event):
    """Set when the server is told to stop; remembers since when."""

    since = 0.0

    def set(self) -> None:
        """The server stops from now on."""
        self.since = self.since or time.monotonic()
        super().set()


class Patience:
    """The time left for one request.

    Args:
        seconds: from now.
        wanted: False when the client has gone.
        draining: set when the server is about to end, which shortens the time left.
    """

    def __init__(self, seconds: float, wanted: Callable[[], bool] = _always, draining: Draining | None = None) -> None:
        self._end = time.monotonic() + seconds
        self._wanted = wanted
        self._draining = draining
        self._next_look = 0.0

    def left(self) -> float:
        """Seconds left, 0 when there are none."""
        end = self._end
        if self._draining is not None and self._draining.is_set():
            end = min(end, self._draining.since + GRACE_SECONDS)
        return max(0.0, end - time.monotonic())

    def check(self) -> None:
        """End work that nobody waits for any longer; cheap enough to be called between any two steps.

        Raises:
            DeadlinePassed: its time is over.
            NotReady: the server has to end before.
            ClientGone: the client has closed the connection.
        """
        now = time.monotonic()
        if self._end <= now:
            raise DeadlinePassed("the deadline passed before the picture was read")
        if not self.left():
            raise NotReady("the server is shutting down", code="draining")
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            if not self._wanted():
                self._next_look = 0.0
                raise ClientGone("the client has gone")
