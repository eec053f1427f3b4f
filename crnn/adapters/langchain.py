"""Loads scans, photographs and PDFs as documents of LangChain, a page each.

>>> from crnn.adapters.langchain import CrnnLoader
>>> documents = CrnnLoader("contracts/").load()          # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from crnn.core.errors import UserError
from crnn.documents.result import WRITERS
from crnn.documents.sources import each_source
from crnn.ocr import OCR


class CrnnLoader(BaseLoader):  # type: ignore[misc,unused-ignore]  # of no type where LangChain is not installed
    """Loads whatever `OCR` reads, folders and globs too.

    Args:
        source: see `OCR.__call__`.
        ocr: the reader, with options of your own.
        form: text, or md for Markdown.
        skip_errors: whether what cannot be read is left out, instead of raising a `UserError`.
    """

    def __init__(self, source: Any, ocr: OCR | None = None, *, form: str = "text", skip_errors: bool = False) -> None:
        if form not in ("text", "md"):
            raise UserError(f"form={form!r}: choose one of text, md")
        self.source, self.form, self.skip_errors = source, form, skip_errors
        self.ocr = ocr if ocr is not None else OCR()

    def lazy_load(self) -> Iterator[Document]:
        """The pages one by one, their metadata the name of their document and their number from 1."""
        for result in self.ocr.read_many(each_source(self.source)):
            if result.error and not self.skip_errors:
                raise UserError(f"{result.name}: {result.error}")
            for page in result.pages:
                if not page.error:
                    text = WRITERS[self.form](replace(result, pages=(page,))).rstrip("\n")
                    yield Document(text, metadata={"source": result.name, "page": page.number})
                elif not self.skip_errors:
                    raise UserError(f"{result.name}: page {page.number}: {page.error}")
