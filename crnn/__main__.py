"""The command `crnn` (or `python -m crnn`): reads pictures of lines or pages and prints what they say."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from crnn import __version__
from crnn.core.errors import UserError, exit_cleanly
from crnn.core.reading import UNSURE, Reading
from crnn.core.shipped import DEFAULT_FINDER, DEFAULT_MODEL
from crnn.decoding.beam import BeamSettings
from crnn.decoding.decoder import METHODS, DecodeOptions, Decoder, make_decoder
from crnn.documents.kinds import PEEK, kind_of
from crnn.finder.finder import Finder
from crnn.image.decode import decode_image
from crnn.image.frames import count_frames
from crnn.page import LAYOUTS, MIN_CONFIDENCE, LineReading, PageReader
from crnn.recognizer import Recognizer

COMMANDS = ("read", "bulk", "serve", "info")  # a picture of such a name is read as ./read
FORCED = 0.5  # confidence below which characters that --allow names were forced on others


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (the command line's by default) begin with, or read the pictures they name.

    Returns:
        0, or 2 if something could not be read; the others are read all the same.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] and arguments[0] in COMMANDS:
        return _run(arguments)
    options = _parser().parse_args(arguments)
    # What the terminal cannot show is escaped: a file name need not be text, nor a terminal be of Unicode.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # OpenCV would print its own account of each damaged picture beside ours.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    with exit_cleanly():
        recognizer = Recognizer(options.model, threads=options.threads, unsure=options.unsure)
        reader = PageReader(recognizer, Finder(options.finder, threads=options.threads))
        decode = make_decoder(recognizer.info.charset, _decode_options(options))
        return max([_print_reading(name, reader, decode, options) for name in options.images])


def _run(arguments: Sequence[str]) -> int:
    """Run one of `COMMANDS`; what a command needs is imported by it alone."""
    parser = argparse.ArgumentParser(prog="crnn", description="Read pictures and documents of text.")
    commands = parser.add_subparsers(dest="command", required=True)
    if arguments[0] == "read":
        from crnn.commands.read import add_read_parser

        add_read_parser(commands)
    elif arguments[0] == "bulk":
        from crnn.commands.bulk import add_bulk_parser

        add_bulk_parser(commands)
    elif arguments[0] == "info":
        from crnn.commands.info import add_info_parser

        add_info_parser(commands)
    else:
        from crnn.commands.serve import add_serve_parser

        add_serve_parser(commands)
    options = parser.parse_args(arguments)
    return int(options.run(options))


def _print_reading(name: str, reader: PageReader, decode: Decoder, options: argparse.Namespace) -> int:
    """Read one picture and print what it says; whatever goes wrong is its own matter. Returns 0, or 2 if it failed."""
    try:
        data = _bytes_of(name)
        started = time.perf_counter()
        fields = _read(reader, data, decode, options)
        milliseconds = round((time.perf_counter() - started) * 1000, 3)
    except UserError as error:
        _complain("error", name, str(error))
        return 2
    except Exception as error:
        hint = "" if options.debug else "; --debug shows where"
        _complain("error", name, f"could not be read ({type(error).__name__}: {error}){hint}")
        if options.debug:
            traceback.print_exc()
        return 2
    fields |= {"pages": count_frames(data), "image": name, "elapsed_ms": milliseconds}
    print(json.dumps(fields, ensure_ascii=False) if options.json else fields["text"], flush=True)
    if fields["pages"] > 1:
        _complain("warning", name, f"only the first of {fields['pages']} pages was read")
    lines = fields.get("lines", [fields])
    if options.allow and any(line["text"] and line["confidence"] < FORCED for line in lines):
        _complain("warning", name, f"it seems to hold other characters than the allowed {options.allow!r}")
    failures = [line["error"] for line in lines if line.get("error")]
    for failure in failures:
        _complain("error", name, f"a line could not be read ({failure})")
    return 2 if failures else 0


def _complain(kind: str, name: str, message: str) -> None:
    print(f"{kind}: {name}: {message}", file=sys.stderr)


def _read(reader: PageReader, data: bytes, decode: Decoder, options: argparse.Namespace) -> dict[str, Any]:
    page = reader.read(decode_image(data), decode, options.layout, options.min_confidence)
    if page.is_line:
        return _fields(page.lines[0]) if page.lines else _fields(Reading.of(()))
    lines = []
    for line in page.lines:
        fields = _fields(line) | {"box": line.box.quad.tolist()}
        lines.append(fields | ({"error": line.error} if line.error else {}))
    return {"text": page.text, "turned": page.turned, "lines": lines}


def _fields(line: Reading | LineReading) -> dict[str, Any]:
    return {
        "text": line.text,
        "confidence": line.confidence,
        "line_confidence": line.line_confidence,
        "chars": [dataclasses.asdict(char) for char in line.chars],
    }


def _decode_options(options: argparse.Namespace) -> DecodeOptions:
    settings = BeamSettings(lm_weight=options.lm_weight)
    return DecodeOptions(options.decode, options.lm or "shipped", options.hot_words, options.allow, settings)


def _bytes_of(name: str) -> bytes:
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except IsADirectoryError:
        raise UserError("this is a folder: crnn read reads it") from None
    except OSError as error:
        raise UserError(f"cannot be opened: {error.strerror}") from None
    if kind_of(data[:PEEK]) == "pdf":
        raise UserError("this is a PDF: crnn read reads it")
    return data


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="crnn",
        description="Read pictures of text, Chinese and English, and print what they say.",
        epilog="crnn read --help: documents, folders and more formats; crnn bulk --help: millions of documents; "
        "crnn serve: the server; crnn info: the models",
    )
    add = parser.add_argument
    add("--version", action="version", version=f"crnn-ocr {__version__}")
    add("images", nargs="+", metavar="IMAGE", help="picture of a page or of one line of text; - is standard input")
    add(
        "--layout", choices=LAYOUTS, default="auto",
        help="what pictures show: pages, single lines, or lines where nothing else is to be seen (%(default)s)",
    )  # fmt: skip
    add("--page", dest="layout", action="store_const", const="page", help="the same as --layout page")
    add("--line", dest="layout", action="store_const", const="line", help="the same as --layout line")
    add(
        "--min-confidence", type=float, default=MIN_CONFIDENCE, metavar="P",
        help="leave out lines of pages read with less: they are texture more often than text (%(default)s)",
    )  # fmt: skip
    add("--model", type=Path, default=DEFAULT_MODEL, metavar="FILE", help="exported .onnx model that reads lines")
    add("--finder", type=Path, default=DEFAULT_FINDER, metavar="FILE", help="exported .onnx model that finds them")
    add("--json", action="store_true", help="one JSON object a picture: text, confidence, chars, pages, elapsed_ms")
    add("--threads", type=int, default=1, metavar="N", help="processors for one reading (default: 1)")
    add(
        "--unsure", type=float, default=UNSURE, metavar="P",
        help="read lines with a character less probable again, twice at most; 0 for never (%(default)s)",
    )  # fmt: skip
    add("--debug", action="store_true", help="show where in the program an unexpected error arose")
    add = parser.add_argument_group("decoding").add_argument
    add(
        "--decode", choices=METHODS, default=METHODS[0],
        help="a beam that settles doubtful letters by their context, or the best of each frame (%(default)s)",
    )  # fmt: skip
    add("--lm", type=Path, metavar="FILE", help="beam: language model (make lm; default: the shipped one)")
    add("--lm-weight", type=float, default=BeamSettings.lm_weight, metavar="X", help="beam: its weight (%(default)s)")
    add("--hot-words", type=Path, metavar="FILE", help="beam: likely words, one a line, optionally a tab and a boost")
    add("--allow", default="", metavar="CHARACTERS", help="read these characters alone, e.g. 0123456789")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
