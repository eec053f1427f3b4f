"""Documents of several pages: read while their client waits, or as jobs; and what was read, in any format."""

from __future__ import annotations

import dataclasses
import io
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crnn.core.errors import UserError
from crnn.documents.pages import BadPage, SourceOptions
from crnn.documents.reader import chosen
from crnn.documents.result import Page, Result
from serve.base.config import ServeConfig
from serve.base.errors import BadOptions, RequestError, TooLarge
from serve.base.metrics import Metrics
from serve.engine.drawing import Drawer, Drawing
from serve.engine.drawing_process import row_of, write
from serve.engine.job_file import DOCUMENT, Job
from serve.engine.job_reader import JobReader
from serve.engine.job_results import JobResults
from serve.engine.jobs import JobStore
from serve.engine.options import Options
from serve.engine.page_picture import small_jpeg
from serve.engine.patience import Patience
from serve.engine.service import OcrService

GIVES_WAY = 10  # nice: against requests without end jobs still have a tenth of the processor


@dataclass(frozen=True)
class Document:
    """What a client sent.

    Attributes:
        content: the file.
        name: what he calls it, "" if he does not say.
        pages: numbers of those to read, from 1; None for all.
        password: that opens it.
        side: pixels of the longer side of the pictures of its pages that are to come with them; 0 for none.
    """

    content: bytes
    name: str = ""
    pages: tuple[int, ...] | None = None
    password: str = field(default="", repr=False)
    side: int = 0


@dataclass(frozen=True)
class ReadDocument:
    """What was read of a document, and JPEGs of its pages if they were asked for; None of one that cannot be drawn."""

    result: Result
    pictures: tuple[bytes | None, ...] = ()


class Documents:
    """Reads documents with the service of this worker, and looks after the jobs."""

    def __init__(self, config: ServeConfig, service: OcrService, metrics: Metrics) -> None:
        self._config, self._service, self._metrics = config, service, metrics
        self._drawer = Drawer(config.max_pixels)
        self._background = Drawer(config.max_pixels, GIVES_WAY)
        self.jobs = JobStore(config.state, config.jobs, config.job_bytes, config.job_hours)
        self.results = JobResults(self.jobs, self._background)
        self._reader = JobReader(self.jobs, self, service.draining)

    def close(self) -> None:
        """Give back the page of a job that is being read, and end the processes that draw."""
        self._reader.close()
        self._drawer.close()
        self._background.close()

    def read(
        self, document: Document, options: Options, patience: Patience, most: int
    ) -> ReadDocument | tuple[int, ...]:
        """Read a document; of one with more than `most` pages give their numbers instead.

        Raises:
            RequestError: it cannot be read, has no such page, or the time is over.
        """
        started = time.perf_counter()
        if options.choose_decoder:
            self._service.holder.current.decoder(options)  # what cannot be is refused before anything is opened
        check_document(document.content, self._config.document_bytes)
        pages: list[Page] = []
        pictures: list[bytes | None] = []
        with self._drawer.opened(document.content, patience, document.password) as drawing:
            numbers = self._numbers(document, drawing)
            if len(numbers) > most:
                return numbers
            for number in numbers:
                with self._metrics.stage("decode"):
                    drawn = drawing.page(number, patience)
                    if document.side:
                        pictures.append(None if isinstance(drawn, BadPage) else small_jpeg(drawn.image, document.side))
                pages.append(self._service.read_page(drawn, options, patience))
            if drawing.warning:
                pages[0] = dataclasses.replace(pages[0], warnings=(drawing.warning,))
        result = Result(
            document.name,
            tuple(pages),
            join=options.paragraphs,
            seconds=time.perf_counter() - started,
            source=document.content,
            options=SourceOptions(password=document.password or None),
        )
        return ReadDocument(result, tuple(pictures))

    def read_in_background(self, path: Path, number: int, options: Options, patience: Patience) -> bytes:
        """Read a page of a job; its JSON.

        It is read by the process that draws it, in what time of the processor requests leave. A thread of this one
        would give way with the interpreter's lock in its hands, and keep the reader of lines waiting.
        """
        holder, config = self._service.holder, self._config
        model = {
            "paths": [str(path) for path in holder.files],
            "digests": holder.current.digests,
            "language_model": config.language_model,
            "finder": str(config.finder_file),
            "max_batch": config.max_batch,
            "unsure": config.unsure,
        }
        with self._background.opened(path, patience) as drawing, self._metrics.stage("job_page"):
            return drawing.read(number, options, model, config.max_lines, patience)

    def add_job(
        self,
        document: Document,
        numbers: tuple[int, ...],
        options: Options,
        patience: Patience,
        *,
        owner: str,
        request_id: str,
    ) -> Job:
        """Have pages of a document read as a job.

        The password is kept nowhere: the job has a copy of the document that needs none.

        Raises:
            RequestError: there is no room for it, or no place to keep it.
        """
        most = self._config.job_pages
        if len(numbers) > most:
            raise TooLarge(
                f"{len(numbers)} pages are to be read, the most is {most}: choose with pages=", code="too_many_pages"
            )
        content = document.content
        if document.password:
            content = self._drawer.unlocked(content, document.password, patience)
        job = self.jobs.add(
            content,
            numbers,
            owner=owner,
            name=document.name,
            request_id=request_id,
            options=dataclasses.asdict(options),
            model=self._service.holder.current.summary(),
        )
        self._reader.wake()
        return job

    def formatted(self, result: Result, form: str, chars: bool, patience: Patience, extra: dict[str, Any]) -> bytes:
        """A result in one of the formats.

        Raises:
            RequestError: it cannot be written in this one.
        """
        if form != "pdf":  # the others need nothing of the document
            stream = io.BytesIO()
            write(result, stream, form, extra, chars)
            return stream.getvalue()
        rows = [row_of(page) for page in result.pages]
        with self._drawer.opened(result.source, patience, result.options.password or "") as drawing:
            return drawing.write(result, form, rows, patience, extra=extra, chars=chars)[1]

    def picture(self, job: Job, number: int, side: int, patience: Patience) -> bytes:
        """JPEG of a page of a job.

        Raises:
            NotFound: it has no such page, or this cannot be drawn.
            RequestError: nobody waits for it any longer.
        """
        self.jobs.check_page(job, number)
        with self._drawer.opened(self.jobs.folder(job.id) / DOCUMENT, patience) as drawing:
            return drawing.picture(number, side, patience)

    def _numbers(self, document: Document, drawing: Drawing) -> tuple[int, ...]:
        try:
            return tuple(chosen(document.pages, drawing.count))
        except UserError as error:
            raise BadOptions(str(error)) from None


def check_document(content: bytes, most: int) -> None:
    """Refuse what is empty or too large.

    Raises:
        RequestError: it is.
    """
    if not content:
        raise RequestError("the document is empty (0 bytes)", code="bad_document")
    if len(content) > most:
        raise TooLarge(f"the document has {len(content)} bytes, more than {most}", code="too_many_bytes")
