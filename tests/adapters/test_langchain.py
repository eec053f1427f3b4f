"""LangChain's interface on a reader without models."""

from __future__ import annotations

import asyncio
from pathlib import Path

import cv2
import pytest

from crnn.core.errors import UserError
from tests.documents.making import encoded, gray
from tests.documents.test_ocr import fake, tiff

pytest.importorskip("langchain_core", reason="LangChain is not installed: pip install langchain-core")


def test_each_page_is_a_document(tmp_path: Path) -> None:
    from crnn.adapters.langchain import CrnnLoader

    (tmp_path / "a.tif").write_bytes(tiff(2))
    (tmp_path / "b.png").write_bytes(encoded(gray(99)))
    loader = CrnnLoader(tmp_path, fake())
    documents = loader.load()
    assert [(d.page_content, Path(d.metadata["source"]).name, d.metadata["page"]) for d in documents] == [
        ("10", "a.tif", 1),
        ("11", "a.tif", 2),
        ("99", "b.png", 1),
    ]
    assert asyncio.run(loader.aload()) == documents
    assert [d.page_content for d in CrnnLoader(tmp_path / "b.png", fake(), form="md").load()] == ["99"]
    with pytest.raises(UserError, match="choose one of text, md"):
        CrnnLoader(tmp_path, fake(), form="pdf")


def test_what_cannot_be_read_is_told_or_left_out(tmp_path: Path) -> None:
    from crnn.adapters.langchain import CrnnLoader

    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "b.tif").write_bytes(cv2.imencodemulti(".tif", [gray(0), gray(5)])[1].tobytes())  # black breaks it
    with pytest.raises(UserError, match=r"a\.png: "):
        CrnnLoader(tmp_path, fake()).load()
    with pytest.raises(UserError, match=r"b\.tif: page 1: "):
        CrnnLoader(tmp_path / "b.tif", fake()).load()
    assert [d.page_content for d in CrnnLoader(tmp_path, fake(), skip_errors=True).load()] == ["5"]
