"""How far a command has got: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any


class ProgressBar:
    """Pages read of those found so far, with pages a second and the time left; uses tqdm where it is installed."""

    def __init__(self, quiet: bool = False) -> None:
        self._shown = sys.stderr.isatty() and not quiet
        self._pages = self._found = self._documents = 0
        self._started = self._drawn = time.perf_counter()
        self._bar: Any = None

    def __enter__(self) -> ProgressBar:
        if self._shown:
            try:
                from tqdm import tqdm
            except ImportError:
                pass
            else:
                self._bar = tqdm(total=0, unit=" pages", leave=False, dynamic_ncols=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._shown:
            sys.stderr.write("\r\x1b[K")

    def advance(self, read: int, found: int) -> None:
        """So many more pages were read, and found."""
        self._pages += read
        self._found += found
        if not self._shown or self._found < 2:
            return
        if self._bar is not None:
            self._bar.total = self._found
            self._bar.update(read)
        elif time.perf_counter() - self._drawn > 0.2:
            self._drawn = time.perf_counter()
            rate = self._pages / max(self._drawn - self._started, 1e-3)
            left = (self._found - self._pages) / rate if rate else 0
            sys.stderr.write(f"\r\x1b[K{self._pages}/{self._found} pages, {rate:.1f} a second, {left:.0f} s left")
            sys.stderr.flush()

    def document_done(self) -> None:
        """One more document is read."""
        self._documents += 1
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self._documents} documents", refresh=False)

    def complain(self, message: str) -> None:
        """Print a message to standard error, above the bar."""
        if self._bar is not None:
            self._bar.write(message, file=sys.stderr)
        else:
            print(f"\r\x1b[K{message}" if self._shown else message, file=sys.stderr)
