"""Reads documents in a pool of processes; long ones are divided among them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from crnn.core.errors import UserError
from crnn.documents.reader import DocumentReader, Progress, chosen
from crnn.documents.result import Page, Result
from crnn.documents.sources import count_pages, kept
from crnn.parallel.pool import WorkerPool

PART = 4  # pages of a document that one worker reads at a time


@dataclass(frozen=True)
class Part:
    """Pages `numbers` of a document, its last ones or not; or the `problem` with it."""

    source: Any = field(repr=False)
    name: str
    numbers: tuple[int, ...]
    is_last: bool = True
    problem: str = ""


@dataclass(frozen=True)
class ReadPart:
    """What a worker does with each part."""

    reader: DocumentReader

    def __call__(self, part: Part) -> Result:
        if part.problem:
            return Result(part.name, error=part.problem)
        result = self.reader.read_safely(part.source, part.name, part.numbers)
        return replace(result, source=None)  # its owner has it still


def read_in_pool(
    pool: WorkerPool,
    reader: DocumentReader,
    named: Iterable[tuple[Any, str]],
    pages: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Iterator[Result]:
    """The results of documents, in order.

    Args:
        pool: of a `ReadPart`.
        named: sources and what they are called, taken as they are needed.
        pages, progress: see `DocumentReader.read`.
    """
    sent: deque[Part] = deque()  # outcomes come in the order of the parts

    def parts() -> Iterator[Part]:
        for source, name in named:
            for part in _parts(reader, source, name, pages):
                sent.append(part)
                if progress:
                    progress(0, len(part.numbers))
                yield part

    results: list[Result] = []
    for outcome in pool.map(parts()):
        part = sent.popleft()
        results.append(Result(part.name, error=outcome.error) if outcome.error else outcome.value)
        if progress:
            progress(len(part.numbers), 0)
        if len(results) > 1 or not part.is_last:
            results[-1] = _with_lost_pages(results[-1], part)
        if part.is_last:
            read = tuple(page for result in results for page in result.pages)
            seconds = sum(result.seconds for result in results)
            yield reader.result(part.name, part.source, read, results[0].error, seconds)
            results = []


def _parts(reader: DocumentReader, source: Any, name: str, pages: Sequence[int] | None) -> Iterator[Part]:
    try:
        source = kept(source)
        numbers = chosen(pages, count_pages(source, reader.options.source))
    except UserError as error:
        yield Part(None, name, (), problem=str(error))
        return
    starts = range(0, len(numbers), PART)
    for start in starts:
        yield Part(source, name, tuple(numbers[start : start + PART]), start == starts[-1])


def _with_lost_pages(result: Result, part: Part) -> Result:
    """The result of one part of several: pages that it should have say themselves what went wrong."""
    if not result.error:
        return result
    return Result(result.name, tuple(Page(number, error=result.error) for number in part.numbers))
