"""`crnn read`: reads files, folders and standard input, and prints or writes what they say."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import cv2

from crnn.commands.destinations import Destination, FileDestination, FolderDestination, check_apart
from crnn.commands.plain import PlainDestination
from crnn.commands.progress import ProgressBar
from crnn.core.cpus import available_cpus
from crnn.core.errors import UserError, exit_cleanly
from crnn.core.reading import RETRY_BELOW
from crnn.decoding.beam_settings import BeamSettings
from crnn.decoding.decoder import METHODS
from crnn.documents.pages import TEXT_LAYERS
from crnn.documents.result import FORMATS, Result, format_of
from crnn.documents.sources import each_source, is_many
from crnn.ocr import OCR
from crnn.page import LAYOUTS, MIN_CONFIDENCE

FAILED = 2  # exit code
FORCED = 0.5  # confidence below which characters that --allow names were forced on others
EXAMPLES = """examples:
  crnn read page.jpg                                  print the text of a picture
  crnn read scan.pdf --format pdf --output out.pdf    make a scanned PDF searchable
  crnn read scans/ --format md --output texts/        a folder, a file of Markdown each, on all cores
  crnn read scans/ --format jsonl --output all.jsonl --resume
                                                      go on where it stopped
  cat line.png | crnn read --line -                   one line from standard input
"""


@dataclass
class _Count:
    """What became of the documents."""

    read: int = 0
    failed: int = 0
    skipped: int = 0
    problems: list[str] = field(default_factory=list)


def add_read_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the command to those of a parser."""
    parser = commands.add_parser(
        "read",
        help="read pictures, PDFs and folders of them",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_read_arguments(parser)
    parser.set_defaults(run=run_read, plain=False)
    return parser


def add_read_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `crnn read`."""
    add = parser.add_argument
    add("sources", nargs="+", metavar="FILE", help="picture, PDF, folder or glob; - is standard input")
    add("-f", "--format", choices=[*FORMATS], help="of what is written (text, or as --output ends)")
    add("-o", "--output", metavar="FILE|FOLDER", help="where to write it: a file, or a folder for a file each")
    add("-j", "--jobs", type=int, metavar="N", help="processes (one a core for more than one file, else 1)")
    add("--resume", action="store_true", help="leave out what is in the output already")
    add("--quiet", action="store_true", help="no progress bar")
    add("--threads", type=int, default=1, metavar="N", help="processors for one reading, of one process (%(default)s)")
    add("--debug", action="store_true", help="show where in the program an unexpected error arose")
    add_ocr_arguments(parser)


def add_ocr_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how documents are read, for `ocr_of`."""
    add = parser.add_argument
    add("--layout", choices=LAYOUTS, default="auto", help="what pictures are of (%(default)s)")
    for layout in ("line", "page"):
        add(f"--{layout}", dest="layout", action="store_const", const=layout, help=f"the same as --layout {layout}")
    add("--paragraphs", action="store_true", help="join lines to paragraphs")
    add("--min-confidence", type=float, default=MIN_CONFIDENCE, metavar="P", help="leave out lines below (%(default)s)")
    add("--text-layer", choices=TEXT_LAYERS, default="ignore", help="text that PDFs hold already (%(default)s)")
    add("--dpi", type=float, metavar="N", help="draw the pages of PDFs with N pixels an inch (by their size)")
    add("--max-pixels", type=int, metavar="N", help="refuse pages of more pixels")
    add("--password", metavar="WORD", help="of encrypted PDFs")
    add = parser.add_argument_group("models and decoding").add_argument
    add("--model", type=Path, metavar="FILE", help="model of lines (the shipped one)")
    add("--finder", type=Path, metavar="FILE", help="model that finds lines (the shipped one)")
    add(
        "--unsure",
        type=float,
        default=RETRY_BELOW,
        metavar="P",
        help="read doubtful lines again; 0: never (%(default)s)",
    )
    add("--decode", choices=METHODS, default=METHODS[0], help="how characters are chosen (%(default)s)")
    add("--lm", type=Path, metavar="FILE", help="language model (the shipped one)")
    add("--lm-weight", type=float, default=BeamSettings.lm_weight, metavar="X", help="its weight (%(default)s)")
    add("--hot-words", type=Path, metavar="FILE", help="likely words, one a line, optionally a tab and a boost")
    add("--allow", default="", metavar="CHARACTERS", help="read these characters alone, e.g. 0123456789")


def run_read(options: argparse.Namespace) -> int:
    """Read what `options` name.

    Returns:
        0, or `FAILED` if something could not be read; the rest is read all the same.
    """
    # What the terminal cannot show is escaped: a file name need not be text, nor a terminal be of Unicode.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # OpenCV would print its own account of each damaged picture beside ours.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    with exit_cleanly():
        form = _format(options)
        several = len(options.sources) > 1 or is_many(options.sources[0])
        with (
            _logging(options.debug),
            _ocr(options, several) as ocr,
            _destination(options, form, several) as destination,
        ):
            return _read(ocr, options, destination)


@contextmanager
def _logging(debug: bool) -> Iterator[None]:
    """Show the log of unexpected errors, with tracebacks, only where that is asked for."""
    log = logging.getLogger("crnn")
    handler = logging.StreamHandler() if debug else logging.NullHandler()
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


def _read(ocr: OCR, options: argparse.Namespace, destination: Destination) -> int:
    count = _Count()
    with ProgressBar(options.quiet) as bar:
        sources = _wanted(options.sources, destination, count)
        for result in ocr.read_many(sources, names=_name, progress=bar.advance):
            for warning in [*result.warnings, *_forced(result, options.allow)]:
                bar.complain(f"warning: {result.name}: {warning}")
            problems = result.errors
            if not result.error:
                try:
                    destination.write(result)
                except UserError as error:
                    problems.append(str(error))
            for problem in problems:
                bar.complain(f"error: {result.name}: {problem}")
            count.failed += bool(problems)
            count.read += not problems
            bar.document_done()
    for problem in count.problems:
        print(f"error: {problem}", file=sys.stderr)
    if not options.plain and count.failed + count.read + count.skipped > 1 and (count.failed or count.skipped):
        skipped = f", {count.skipped} were there already" if count.skipped else ""
        print(f"{count.read} read, {count.failed} failed{skipped}", file=sys.stderr)
    return FAILED if count.failed or count.problems else 0


def _wanted(sources: Iterable[str], destination: Destination, count: _Count) -> Iterator[str | BinaryIO]:
    """The single documents that are not written yet."""
    for source in sources:
        if source == "-":
            yield sys.stdin.buffer
            continue
        try:
            for path in each_source(source):
                try:
                    if destination.has(path, source):
                        count.skipped += 1
                    else:
                        yield path
                except UserError as error:  # what is read of it would be written over a document
                    count.problems.append(str(error))
        except UserError as error:  # an empty folder, a glob that nothing fits
            count.problems.append(str(error))


def _forced(result: Result, allow: str) -> Iterator[str]:
    if allow and any(line.text and line.confidence < FORCED for line in result.lines):
        yield f"it seems to hold other characters than the allowed {allow!r}"


def _name(source: object, _: int) -> str:
    return source if isinstance(source, str) else "-"


def _ocr(options: argparse.Namespace, several: bool) -> OCR:
    jobs = options.jobs if options.jobs is not None else (available_cpus() if several and not options.plain else 1)
    if jobs < 1:
        raise UserError(f"--jobs {jobs}: choose 1 or more")
    ocr = ocr_of(options, jobs, options.threads)
    if jobs == 1:
        ocr.load()  # a model that is missing is said once, and not of each file
    return ocr


def ocr_of(options: argparse.Namespace, workers: int = 1, threads: int = 1) -> OCR:
    """What reads as the options say."""
    limits = {"max_pixels": options.max_pixels} if options.max_pixels else {}
    return OCR(
        options.model,
        options.finder,
        layout=options.layout,
        decode=options.decode,
        allow=options.allow,
        hot_words=options.hot_words,
        lm=options.lm,
        lm_weight=options.lm_weight,
        unsure=options.unsure,
        min_confidence=options.min_confidence,
        paragraphs=options.paragraphs,
        workers=workers,
        threads=threads,
        text_layer=options.text_layer,
        dpi=options.dpi,
        password=options.password,
        **limits,
    )


def _format(options: argparse.Namespace) -> str:
    by_ending = options.output and Path(options.output).suffix and not Path(options.output).is_dir()
    return str(options.format or (format_of(Path(options.output)) if by_ending else "text"))


def _destination(options: argparse.Namespace, form: str, several: bool) -> Destination:
    output = options.output
    if output:
        check_apart(options.sources, Path(output), form)
    if output and (Path(output).is_dir() or output.endswith("/") or (several and not Path(output).suffix)):
        return FolderDestination(Path(output), form, options.resume)
    if several and form in ("hocr", "alto", "pdf"):
        raise UserError(f"{form} of several documents needs a folder: --output FOLDER/")
    if options.resume and not (output and form == "jsonl"):
        raise UserError("--resume needs --output FOLDER/, or --format jsonl with --output FILE")
    if options.plain and not output and not options.format:
        return PlainDestination(options.json)
    return FileDestination(Path(output) if output else None, form, several, options.resume)
