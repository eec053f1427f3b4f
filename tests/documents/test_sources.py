"""Anything that a user may have becomes pages, or one sentence that says why not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from crnn.core.errors import UserError
from crnn.documents.pages import BadPage, PageImage, SourceOptions
from crnn.documents.sources import count_pages, each_source, is_many, open_document
from crnn.image.frames import tiff_pages
from tests.documents.making import encoded, gray

RED = np.full((30, 50, 3), (0, 0, 255), np.uint8)  # BGR


def pages(source: Any, **options: Any) -> list[np.ndarray]:
    with open_document(source, SourceOptions(**options)) as document:
        shown = list(document.pages())
        assert document.count == len(shown) == count_pages(source, SourceOptions(**options))
    assert all(isinstance(page, PageImage) for page in shown), shown
    return [page.image for page in shown if isinstance(page, PageImage)]


def levels(source: Any) -> list[int]:
    return [round(float(image.mean())) for image in pages(source)]


def animation(form: str, **options: Any) -> bytes:
    frames = [Image.fromarray(cv2.merge([gray(level)] * 3)) for level in (50, 120, 200)]
    stream = io.BytesIO()
    frames[0].save(stream, form, save_all=True, append_images=frames[1:], **options)
    return stream.getvalue()


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp", ".bmp", ".tif", ".avif", ".gif"])
def test_an_encoded_picture_is_one_page(ending: str, tmp_path: Path) -> None:
    path = tmp_path / "page"  # what it is, its content says
    path.write_bytes(encoded(cv2.merge([gray(120)] * 3), ending))
    for source in (path, str(path), path.read_bytes()):
        assert levels(source) == pytest.approx([120], abs=2)
    with open(path, "rb") as file, open_document(file, SourceOptions()) as document:
        assert document.count == 1


def test_arrays_are_bgr_unless_said_otherwise() -> None:
    assert (pages(RED)[0] == RED).all()
    assert (pages(RED[:, :, ::-1], rgb=True)[0] == RED).all()
    see_through = np.dstack([RED, np.zeros((30, 50), np.uint8)])
    assert (pages(see_through)[0] == 255).all()
    assert pages(gray(7)[:, :, None])[0].shape == (40, 60)


def test_pil_images_come_in_every_mode() -> None:
    red = Image.fromarray(RED[:, :, ::-1])
    assert (pages(red)[0] == RED).all()
    for mode in ("L", "1", "P", "RGBA", "LA", "CMYK", "I", "F"):
        assert pages(red.convert(mode))[0].shape[:2] == (30, 50), mode
    red.getexif()[274] = 6  # to be turned by a quarter
    assert pages(red)[0].shape == (50, 30, 3)


def test_each_page_of_a_tiff_is_read_by_itself() -> None:
    encoded_pages = cv2.imencodemulti(".tif", [gray(50), gray(120, (80, 20)), gray(200)])[1]
    assert levels(encoded_pages.tobytes()) == [50, 120, 200]
    with open_document(encoded_pages.tobytes(), SourceOptions()) as document:
        shown = [page for page in document.pages([2]) if isinstance(page, PageImage)]
    assert [page.image.shape for page in shown] == [(80, 20)]


@pytest.mark.parametrize(("form", "options"), [("gif", {}), ("webp", {"lossless": True}), ("png", {})])
def test_each_frame_of_an_animation_is_a_page(form: str, options: dict[str, Any]) -> None:
    data = animation(form, **options)
    assert levels(data) == [50, 120, 200]
    with open_document(data, SourceOptions()) as document:
        assert [page.number for page in document.pages([2, 3])] == [2, 3]


def test_heic_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    stream = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(RED[:, :, ::-1]).resize((64, 64))).save(stream, quality=95)
    colors = pages(stream.getvalue())[0].reshape(-1, 3).mean(axis=0)
    assert colors == pytest.approx([0, 0, 255], abs=6)
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(UserError, match=r"HEIC needs pillow-heif: pip install 'crnn-ocr\[heic\]'"):
        pages(stream.getvalue())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "cannot read None: give a path, bytes, an open file"),
        (3, "cannot read an object of type int: give a path"),
        (np.zeros((5, 5)), "cannot read an array of float64 (5, 5): give a uint8 array"),
        (np.zeros((0, 5), np.uint8), "cannot read an array of uint8 (0, 5)"),
        (b"", "the image is empty"),
        (b"plain text", "not an image that can be read"),
        (encoded(gray(0), ".png")[:12], "the image is damaged: its header cannot be read"),
        (b"%PDF-1.7 nothing", "the PDF is damaged"),
        (io.StringIO("text"), "the file is open as text"),
        ("nowhere.png", "cannot be opened: No such file or directory"),
        ("https://example.org/a.png", "is an address: fetch it first"),
        ("a\0b", "its name holds a null character"),
        (".", "nothing that can be read is in this folder"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "the HEIC picture cannot be decoded"),
        (animation("gif")[:30], "the image"),
        (gray(0, (100, 101)), "the image is too large: 101×100 pixels, the most is 10,000"),
        (encoded(gray(0, (100, 101))), "the image is too large: 101×100 pixels"),
        (encoded(gray(0, (100, 101)), ".avif"), "the image is too large: 101×100 pixels"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(source: Any, message: str) -> None:
    with pytest.raises(UserError) as error, open_document(source, SourceOptions(max_pixels=10_000)):
        pass
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("whole", [1, 2])
def test_a_tiff_that_is_cut_short_does_not_lose_its_pages_in_silence(whole: int) -> None:
    buffer = io.BytesIO()
    first, *others = (Image.fromarray(gray(level)) for level in (50, 120, 200))
    first.save(buffer, "TIFF", save_all=True, append_images=others)
    data = buffer.getvalue()
    with open_document(data[: tiff_pages(data)[whole]], SourceOptions()) as document:
        *read, last = document.pages()
    assert [page.number for page in read] == [*range(1, whole + 1)]
    assert last == BadPage(whole + 1, "the TIFF file is cut short: this page is missing, and any after it")


def test_a_bad_page_of_a_tiff_leaves_the_others(tmp_path: Path) -> None:
    data = cv2.imencodemulti(".tif", [gray(50), gray(0, (200, 200)), gray(200)])[1].tobytes()
    with open_document(data, SourceOptions(max_pixels=10_000)) as document:
        shown = list(document.pages())
    assert [type(page) for page in shown] == [PageImage, BadPage, PageImage]
    assert "too large" in shown[1].error  # type: ignore[union-attr]


def test_folders_globs_and_lists_stand_for_many(tmp_path: Path) -> None:
    for name in ("b.png", "a.PDF", "sub/c.jpg", "notes.txt", ".hidden.png", ".git/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(Path(path).relative_to(tmp_path)) for path in each_source(tmp_path)]
    assert found == ["a.PDF", "b.png", "sub/c.jpg"]
    assert [Path(path).name for path in each_source(f"{tmp_path}/*.p*")] == ["b.png"]
    assert [Path(path).name for path in each_source(f"{tmp_path}/**/*.jpg")] == ["c.jpg"]
    assert list(each_source(["x.png", tmp_path / "sub", 5, f"{tmp_path}/none*"]))[0::2] == ["x.png", 5]
    for many in (tmp_path, f"{tmp_path}/*.png", [], iter([])):
        assert is_many(many)
    for one in ("a.png", b"", RED, io.BytesIO(), Image.new("L", (1, 1)), {"a": 1}, None):
        assert not is_many(one)
    with pytest.raises(UserError, match="no file fits"):
        list(each_source(f"{tmp_path}/none*"))
    (tmp_path / "what[1].png").touch()  # a name may look like a glob
    assert not is_many(tmp_path / "what[1].png")
