"""Errors a user can mend, and how a command ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED, PIPE_CLOSED = 130, 141  # what shells report of SIGINT and SIGPIPE: 128 and their numbers


class UserError(ValueError):
    """Bad input, configuration or environment; the message says what is wrong and what to do."""


@contextmanager
def exit_cleanly() -> Iterator[None]:
    """End a command as its user expects, without a traceback where there is no fault in the program.

    A `UserError` becomes one line on stderr and exit code 2. Ctrl-C ends with 130, and a reader that has gone, such as
    `head`, with 141. Every other error shows its traceback.
    """
    try:
        yield
        sys.stdout.flush()  # here, where a broken pipe is still caught
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # Python flushes standard output once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(PIPE_CLOSED) from None
