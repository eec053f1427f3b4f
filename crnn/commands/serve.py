"""`crnn serve`: starts the server, as `python -m serve` does."""

from __future__ import annotations

import argparse
import os
from importlib import import_module


def add_serve_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to those of a parser."""
    parser = commands.add_parser(
        "serve", help="page and HTTP API", epilog="All other settings are environment variables OCR_…: docs/server.md."
    )
    add = parser.add_argument
    add("--host", metavar="ADDRESS", help="address to listen at (OCR_HOST, else this machine alone)")
    add("--port", type=int, metavar="N", help="port to listen at (OCR_PORT, else 5000)")
    parser.set_defaults(run=run_serve)
    return parser


def run_serve(options: argparse.Namespace) -> int:
    """Put the server in this process's place; returns only if it cannot start."""
    for name, value in (("OCR_HOST", options.host), ("OCR_PORT", options.port)):
        if value is not None:
            os.environ[name] = str(value)
    # By name: reading must not need what serving needs.
    import_module("serve.__main__").main()
    return 0
