"""The command `crnn` (or `python -m crnn`): reads pictures of lines or pages and prints what they say."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from crnn.beam import BeamSettings
from crnn.decoding import METHODS, DecodeOptions, Decoder, make_decoder
from crnn.errors import UserError, exit_cleanly
from crnn.page import read_page
from crnn.picture import decode_image
from crnn.reading import UNSURE
from crnn.recognizer import Recognizer
from crnn.shipped import DEFAULT_LANGUAGE_MODEL, DEFAULT_MODEL


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the pictures named by `arguments` (the command line's by default), one line of output each.

    Returns:
        0, or 2 if a picture could not be read; the others are read all the same.
    """
    options = _parser().parse_args(arguments)
    # OpenCV would print its own account of each damaged picture beside ours.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    with exit_cleanly():
        recognizer = Recognizer(options.model, threads=options.threads, unsure=options.unsure)
        decode = make_decoder(recognizer.info.charset, _decode_options(options))
    read = _read_page if options.page else _read_line
    failed = False
    for name in options.images:
        try:
            data = _bytes_of(name)
            started = time.perf_counter()
            fields = read(recognizer, data, decode)
        except UserError as error:
            print(f"error: {name}: {error}", file=sys.stderr)
            failed = True
            continue
        fields |= {"image": name, "elapsed_ms": round((time.perf_counter() - started) * 1000, 3)}
        print(json.dumps(fields, ensure_ascii=False) if options.json else fields["text"], flush=True)
    return 2 if failed else 0


def _read_line(recognizer: Recognizer, data: bytes, decode: Decoder) -> dict[str, Any]:
    return dataclasses.asdict(recognizer.read(data, decode))


def _read_page(recognizer: Recognizer, data: bytes, decode: Decoder) -> dict[str, Any]:
    page = read_page(recognizer, decode_image(data), decode)
    lines = [
        {
            "text": line.text,
            "confidence": line.confidence,
            "box": line.box.quad.tolist(),
            "chars": [dataclasses.asdict(char) for char in line.chars],
        }
        for line in page.lines
    ]
    return {"text": page.text, "lines": lines}


def _decode_options(options: argparse.Namespace) -> DecodeOptions:
    settings = BeamSettings(lm_weight=options.lm_weight)
    language_model = options.lm or (DEFAULT_LANGUAGE_MODEL if options.decode == "beam" else None)
    return DecodeOptions(options.decode, language_model, options.hot_words, options.allow, settings)


def _bytes_of(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UserError(f"cannot be opened: {error.strerror}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="crnn", description="Read pictures of text, Chinese and English.")
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGE", help="picture of one line of text; - is standard input")
    add("--page", action="store_true", help="pictures of pages: find their lines and read them all")
    add("--model", type=Path, default=DEFAULT_MODEL, metavar="FILE", help="exported .onnx model")
    add("--json", action="store_true", help="one JSON object a picture: text, confidence, chars, elapsed_ms")
    add("--threads", type=int, default=1, metavar="N", help="processors for one reading (default: 1)")
    add(
        "--unsure", type=float, default=UNSURE, metavar="P",
        help="read lines with a character less probable again, twice at most; 0 for never (%(default)s)",
    )  # fmt: skip
    add = parser.add_argument_group("decoding").add_argument
    # What is read at a prompt is wanted right; whoever counts milliseconds, as the server does, leaves the context out.
    add(
        "--decode", choices=METHODS, default="beam" if DEFAULT_LANGUAGE_MODEL.is_file() else "greedy",
        help="each frame's best, or a beam that settles doubtful letters by their context (%(default)s)",
    )  # fmt: skip
    add("--lm", type=Path, metavar="FILE", help="beam: language model (make lm; default: the shipped one)")
    add("--lm-weight", type=float, default=BeamSettings.lm_weight, metavar="X", help="beam: its weight (%(default)s)")
    add("--hot-words", type=Path, metavar="FILE", help="beam: likely words, one a line, optionally a tab and a boost")
    add("--allow", default="", metavar="CHARACTERS", help="read these characters alone, e.g. 0123456789")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
