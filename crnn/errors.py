"""Errors a user can mend, and how a command reports them. Knows nothing of what went wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """Bad input, configuration or environment; the message says what is wrong and what to do."""


@contextmanager
def exit_cleanly() -> Iterator[None]:
    """Turn a `UserError` into one line on stderr and exit code 2; let every other error show its traceback."""
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
