"""A process that applies one function to what it is sent; `crnn.parallel.pool` starts it by `python -m`.

It has pipes for standard input and output; what libraries print goes to standard error.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from contextlib import suppress
from typing import Any

from crnn.core.errors import UserError
from crnn.parallel.pipes import receive, send


def main() -> None:
    """Serve until the pipe of items is closed, as it is when the process at its other end dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the pool's owner ends us
    items, results = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    with suppress(EOFError, OSError):
        path, core, function_data = receive(items)
        sys.path[:] = path
        if core is not None and hasattr(os, "sched_setaffinity"):
            with suppress(OSError):  # it may have been taken from us since
                os.sched_setaffinity(0, {core})
        try:
            function = pickle.loads(function_data)
        except Exception as error:
            send(results, f"{type(error).__name__}: {error}")
            return
        send(results, None)
        while True:
            send(results, _answer(function, receive(items)))


def _answer(function: Any, item: Any) -> tuple[Any, str, str]:
    """The function's value, what was wrong in one sentence, and where in the program."""
    try:
        return function(item), "", ""
    except UserError as error:
        return None, str(error), ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}", traceback.format_exc()


if __name__ == "__main__":
    main()
