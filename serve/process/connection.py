"""A client's connection: its socket, what has come from it, and what is still to be sent."""

from __future__ import annotations

import time
from enum import Enum, auto
from typing import IO, TYPE_CHECKING, Any

from serve.process.arrival import Arrival

if TYPE_CHECKING:  # gunicorn's own process must not load the application
    import socket

    from serve.middleware.admission import Gate


class State(Enum):
    """What a connection waits for."""

    IDLE = auto()  # the first byte of a request
    ARRIVING = auto()  # the rest of it
    HELD = auto()  # its answer: a thread has it
    SENDING = auto()  # room for the rest of its answer
    LINGERING = auto()  # the end of what it sends, which nobody reads


class Connection:
    """A client's socket and what has come from it.

    Attributes:
        deadline: `time.monotonic()` at which its patience ends.
        begun: when the first byte of its request came.
        answer: what is still to be sent.
        file: what is sent behind it, piece by piece: results of long documents are never whole in memory.
        discarded: bytes that came while it lingered.
    """

    def __init__(self, sock: socket.socket, client: Any, server: Any, gate: Gate, patience: float) -> None:
        self.sock, self.client, self.server = sock, client, server
        self.arrival = Arrival(gate.most_bytes)
        self.state = State.IDLE
        self.begun = time.monotonic()
        self.deadline = self.begun + patience
        self.answer = b""
        self.file: IO[bytes] | None = None
        self.closes = False
        self.counted = 0  # bytes of it that count towards what a worker holds
        self.discarded = 0
