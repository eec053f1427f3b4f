"""Reads a whole page: finds its lines, settles which way up they are, reads them and puts them in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress

import numpy as np

from crnn.core.errors import UserError
from crnn.core.reading import CharReading, Reading, is_pattern
from crnn.decoding.decoder import Decoder
from crnn.finder.boxes import LineBox
from crnn.finder.direction import Directed, Way, directed, line_ways, on_page, page_way
from crnn.finder.finder import Finder
from crnn.finder.joining import join_columns
from crnn.finder.one_line import is_one_line
from crnn.finder.reading_order import page_order
from crnn.finder.stacks import part_stacks
from crnn.finder.straightening import find_straight, moved, turn_quarters
from crnn.finder.text_probability import shown
from crnn.image.preprocess import line_gray
from crnn.recognizer import Allowance, Recognizer

log = logging.getLogger("crnn.page")

LAYOUTS = ("auto", "page", "line")
TURNS = {0: Way.RIGHT, 90: Way.UP, 180: Way.LEFT, 270: Way.DOWN}  # how the text of a page reads that is to be turned so
MIN_CONFIDENCE = 0.2  # of a line; hardly any text reads worse
SMALLEST_SIDE = 5  # px; less holds no text


@dataclass(frozen=True)
class LineReading:
    """One line of a page.

    Attributes:
        text: what was read; "" for nothing.
        confidence, line_confidence: see `crnn.core.reading.Reading`.
        box: where it stands in the page, its first corner at the text's top left.
        chars: its characters, in pixels of the page.
        error: why it could not be read; "" where it was.
    """

    text: str
    confidence: float
    line_confidence: float
    box: LineBox
    chars: tuple[CharReading, ...] = field(repr=False)  # hundreds of numbers, which nobody wants printed with a line
    error: str = ""


@dataclass(frozen=True)
class PageReading:
    """The lines of a page in reading order.

    Attributes:
        lines: what was read, those of little confidence left out.
        size: height and width of the page, pixels.
        turned: degrees clockwise that the page must be turned by to stand upright: 0, 90, 180 or 270.
        left_out: lines found that said nothing, or whose confidence was below the least asked for.
        is_line: whether the picture was taken for the crop of one line.
    """

    lines: tuple[LineReading, ...]
    size: tuple[int, int] = (0, 0)
    turned: int = 0
    left_out: int = 0
    is_line: bool = False

    @property
    def text(self) -> str:
        """The lines that said something, one a row."""
        return "\n".join(line.text for line in self.lines if line.text)


@dataclass(frozen=True)
class FoundLines:
    """The lines of a page, cut out and in reading order, before they are read.

    Attributes:
        lines: each with its crop.
        turned, is_line: see `PageReading`.
    """

    lines: tuple[Directed, ...]
    turned: int = 0
    is_line: bool = False


class TooManyLinesError(UserError):
    """A page has more lines than were asked for at most."""


class PageReader:
    """Reads pages with a recognizer and a finder: the shipped one by default, which single lines need not load.

    Safe to share between threads.
    """

    def __init__(self, recognizer: Recognizer, finder: Finder | None = None) -> None:
        self.recognizer = recognizer
        if finder is not None:
            self.finder = finder

    @cached_property
    def finder(self) -> Finder:
        return Finder()

    def read(
        self,
        image: np.ndarray,
        decode: Decoder | str | None = None,
        layout: str = "auto",
        min_confidence: float = MIN_CONFIDENCE,
        *,
        most: int | None = None,
        turn: int | None = None,
    ) -> PageReading:
        """Find and read the lines of a page; a blank page has none.

        A line that cannot be read says so itself, and the others are read all the same.

        Args:
            image: uint8 (H, W) gray or (H, W, 3) BGR.
            decode: see `Recognizer.read`.
            layout: page; line, where the picture is the crop of one; auto takes a picture that shows one line alone for
                such a crop.
            min_confidence: lines read with less are left out, and what is texture rather than text; 0 keeps all lines.
            most, turn: see `find`.

        Raises:
            ImageError: not such an image.
            TooManyLinesError: there are more lines than `most`.
        """
        found = self.find(image, layout, most, turn=turn)
        crops = [line.crop for line in found.lines]
        allowance = None if found.is_line else Allowance()
        readings = self.recognizer.read_many(crops, decode, return_exceptions=True, allowance=allowance)
        read = [line_reading(line, reading) for line, reading in zip(found.lines, readings, strict=True)]
        least = 0.0 if layout == "line" else min_confidence
        wanted = shown([None if line.error else line for line in read], [x.box for x in read], found.is_line, least)
        kept = tuple(compress(read, wanted))
        size = (int(image.shape[0]), int(image.shape[1]))
        return PageReading(kept, size, found.turned, len(read) - len(kept), found.is_line)

    def find(
        self,
        image: np.ndarray,
        layout: str = "auto",
        most: int | None = None,
        checkpoint: Callable[[], object] = lambda: None,
        turn: int | None = None,
    ) -> FoundLines:
        """The lines of a page, in reading order and the right way up.

        Args:
            image, layout: see `read`.
            most: lines that a page may have.
            checkpoint: called between the steps; what it raises ends the search.
            turn: degrees clockwise that bring the page upright, one of `TURNS`; None to find out.

        Raises:
            ImageError: not such an image.
            TooManyLinesError: there are more than `most`.
            UserError: no such layout.
        """
        if layout not in LAYOUTS:
            raise UserError(f"unknown layout {layout!r}: choose one of {', '.join(LAYOUTS)}")
        found = [] if layout == "line" else self.finder.find(image)
        checkpoint()
        height, width = image.shape[:2]
        if layout != "line" and min(height, width) < SMALLEST_SIDE:
            return FoundLines(())
        if layout == "line" or (layout == "auto" and not turn and is_one_line(found, (height, width))):
            whole = LineBox(np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32))
            way = TURNS[turn or 0]
            upright = np.rot90(image, int(way))  # counterclockwise: back from the way it reads
            return FoundLines((Directed(whole.turned(int(way)), line_gray(upright)),), turn or 0, is_line=True)
        _check_count(found, most)

        def confidence(crops: Sequence[np.ndarray]) -> list[float]:
            checkpoint()
            return self._confidence(crops)

        way = page_way(image, found, confidence) if turn is None else TURNS[turn]
        turned = -90 * way.quarters % 360
        back = None
        if way > Way.COLUMN:
            image, there, back = turn_quarters(image, way.quarters)
            found, way = [moved(box, there) for box in found], Way.COLUMN
        found = join_columns(found) if way is Way.COLUMN else find_straight(self.finder, image, found, way)
        _check_count(found, most)
        checkpoint()
        ways = line_ways(image, found, way, confidence)
        if way is not Way.COLUMN:
            found, ways = part_stacks(image, found, ways, way)
            _check_count(found, most)
        lines = [directed(image, box, of) for box, of in zip(found, ways, strict=True)]
        order = page_order([line.box for line in lines], way)
        if back is not None:
            lines = [replace(line, box=moved(line.box, back)) for line in lines]
        return FoundLines(tuple(lines[i] for i in order), turned)

    def _confidence(self, crops: Sequence[np.ndarray]) -> list[float]:
        """How much sense each line makes: its mean probability by shape alone; little for one or two letters."""
        once = Allowance(0)  # in one pass
        readings = self.recognizer.read_many(list(crops), "greedy", return_exceptions=True, allowance=once)
        return [0.0 if isinstance(reading, Exception) else _sense(reading) for reading in readings]


def _check_count(found: Sequence[LineBox], most: int | None) -> None:
    if most is not None and len(found) > most:
        raise TooManyLinesError(f"the picture has {len(found)} lines, more than {most}: cut it up")


def _sense(reading: Reading) -> float:
    if not reading.chars or is_pattern(reading.text):
        return 0.0
    mean = sum(char.confidence for char in reading.chars) / len(reading.chars)
    return mean * len(reading.chars) / (len(reading.chars) + 0.1)


def line_reading(line: Directed, reading: Reading | Exception) -> LineReading:
    """What was read of a line of a page, its characters in pixels of the page."""
    if isinstance(reading, Exception):
        if isinstance(reading, UserError):
            return LineReading("", 0.0, 0.0, line.box, (), str(reading))
        log.error("a line of a page could not be read", exc_info=reading)
        return LineReading("", 0.0, 0.0, line.box, (), f"{type(reading).__name__}: {reading}")
    chars = on_page(reading.chars, line)
    return LineReading(reading.text, reading.confidence, reading.line_confidence, line.box, chars)


def read_page(recognizer: Recognizer, image: np.ndarray, decode: Decoder | str | None = None) -> PageReading:
    """Read one page with the shipped finder: see `PageReader.read`; keep a `PageReader` to read many."""
    return PageReader(recognizer).read(image, decode)
