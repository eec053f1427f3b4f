"""The command `crnn` (or `python -m crnn`): reads pictures and documents and prints what they say."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from crnn import __version__

COMMANDS = ("read", "bulk", "serve", "info")  # a picture of such a name is read as ./read


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (the command line's by default) begin with, or read the files they name.

    Returns:
        0, or 2 if something could not be read; the others are read all the same.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    is_command = arguments[:1] and arguments[0] in COMMANDS
    options = (_command_parser(arguments[0]) if is_command else _plain_parser()).parse_args(arguments)
    return int(options.run(options))


def _command_parser(command: str) -> argparse.ArgumentParser:
    """The parser of one of `COMMANDS`; what a command needs is imported by it alone."""
    parser = argparse.ArgumentParser(prog="crnn", description="Read pictures and documents of text.")
    commands = parser.add_subparsers(dest="command", required=True)
    if command == "read":
        from crnn.commands.read import add_read_parser

        add_read_parser(commands)
    elif command == "bulk":
        from crnn.commands.bulk import add_bulk_parser

        add_bulk_parser(commands)
    elif command == "info":
        from crnn.commands.info import add_info_parser

        add_info_parser(commands)
    else:
        from crnn.commands.serve import add_serve_parser

        add_serve_parser(commands)
    return parser


def _plain_parser() -> argparse.ArgumentParser:
    """`crnn FILE…`: as `crnn read`, but for what it prints, which other programs have long read."""
    from crnn.commands.read import add_read_arguments, run_read

    parser = argparse.ArgumentParser(
        prog="crnn",
        description="Read pictures and documents of text, Chinese and English, and print what they say.",
        epilog="crnn read --help: the same with names between files' texts, and on all cores; crnn bulk --help: "
        "millions of documents; crnn serve: the server; crnn info: the models",
    )
    parser.add_argument("--version", action="version", version=f"crnn-ocr {__version__}")
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a file: text, confidence, chars, pages, elapsed_ms"
    )
    add_read_arguments(parser)
    parser.set_defaults(run=run_read, plain=True)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
