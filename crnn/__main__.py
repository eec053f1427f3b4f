"""The command `crnn` (or `python -m crnn`): reads line images and prints their text."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2

from crnn.errors import UserError, exit_cleanly
from crnn.recognizer import DEFAULT_MODEL, Reading, Recognizer


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the images named by `arguments` (the command line's by default) and print one line each.

    Returns:
        0, or 2 if an image could not be read; the others are read all the same.
    """
    options = _parser().parse_args(arguments)
    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_SILENT
    )  # OpenCV would print its own account of each damaged picture beside ours
    with exit_cleanly():
        recognizer = Recognizer(options.model, threads=options.threads)
    failed = False
    for name in options.images:
        try:
            data = _bytes_of(name)
            started = time.perf_counter()
            reading = recognizer.read(data)
        except UserError as error:
            print(f"error: {name}: {error}", file=sys.stderr)
            failed = True
            continue
        elapsed_ms = (time.perf_counter() - started) * 1000
        print(_as_json(name, reading, elapsed_ms) if options.json else reading.text, flush=True)
    return 2 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="crnn", description="Read images of text lines (Chinese and English)."
    )
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="picture of one line of text; - reads standard input"
    )
    parser.add_argument(
        "--model", type=Path, default=DEFAULT_MODEL, metavar="FILE", help="exported .onnx model"
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line: text, confidence, chars, elapsed_ms"
    )
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="processors for one reading (default: 1)"
    )
    return parser


def _bytes_of(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UserError(f"cannot be opened: {error.strerror}") from None


def _as_json(name: str, reading: Reading, elapsed_ms: float) -> str:
    fields = {"image": name, **dataclasses.asdict(reading), "elapsed_ms": round(elapsed_ms, 3)}
    return json.dumps(fields, ensure_ascii=False)


if __name__ == "__main__":
    raise SystemExit(main())
