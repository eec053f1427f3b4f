"""The one object that users hold: sources, errors, workers, threads, forks."""

from __future__ import annotations

import io
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import pytest

from crnn import OCR, Recognizer
from crnn.core.errors import UserError
from crnn.documents.reader import ReadOptions
from crnn.documents.result import Result
from tests.documents.making import FakeReader, encoded, gray


def fake(workers: int = 1, **options: Any) -> OCR:
    """An OCR that reads how bright pages are."""
    ocr = OCR(workers=workers, **options)
    ocr._reader = FakeReader(ocr._reader.options)
    return ocr


def tiff(count: int) -> bytes:
    return cv2.imencodemulti(".tif", [gray(10 + i) for i in range(count)])[1].tobytes()


def read_level(ocr: OCR, level: int) -> str:
    return str(ocr(gray(level)).text)


def put_level(ocr: OCR, level: int, queue: Any) -> None:
    queue.put(read_level(ocr, level))


def test_the_package_names_what_users_need() -> None:
    import crnn

    assert Recognizer is crnn.Recognizer and set(crnn.__all__) == {"OCR", "Recognizer", "__version__"}
    with pytest.raises(AttributeError, match="no attribute 'ocr_engine'"):
        _ = crnn.ocr_engine


def test_reading_pictures_loads_nothing_that_only_other_things_need() -> None:
    code = (
        "import sys, crnn; assert 'numpy' not in sys.modules; crnn.OCR; import crnn.commands.read; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "onnx", "hydra", "lmdb", "PIL", "pypdfium2", "pillow_heif", "tqdm"} & set(loaded)


def test_one_document_gives_a_result(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(gray(50)))
    with fake() as ocr:
        result = ocr(tmp_path / "a.png")
        assert isinstance(result, Result) and result.text == "50" and result.name == str(tmp_path / "a.png")
        assert ocr(io.BytesIO(encoded(gray(60)))).text == "60"
        assert result.save(tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert ocr(gray(70)).text == "70"  # closed, it opens again


def test_a_single_document_that_cannot_be_read_raises(tmp_path: Path) -> None:
    for source in (b"nothing", tmp_path / "nowhere.png", None):
        with pytest.raises(UserError):
            fake()(source)


@pytest.mark.parametrize("workers", [1, 2])
def test_many_documents_give_a_result_each(workers: int, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(gray(50)))
    sources = [tmp_path / "a.png", b"nothing", gray(0), tiff(10), io.StringIO(), tmp_path / "none.png", gray(60)]
    with fake(workers) as ocr:
        results = list(ocr(sources))
    assert [result.text for result in results][0::6] == ["50", "60"]
    assert [bool(result.errors) for result in results] == [False, True, True, False, True, True, False]
    assert results[2].pages[0].error == "could not be read (RuntimeError: black)"
    assert results[3].text.split() == [str(10 + i) for i in range(10)]
    assert [page.number for page in results[3].pages] == list(range(1, 11))
    assert results[4].error.startswith("the file is open as text") and "No such file" in results[5].error
    assert results[3].source == sources[3]  # for pictures and PDFs of it
    assert [result.name for result in results][:3] == [str(tmp_path / "a.png"), "bytes 2", "ndarray 3"]


def test_pages_of_one_document_are_read_side_by_side_and_may_be_chosen() -> None:
    with fake(2) as ocr:
        assert ocr(tiff(9)).text.split() == [str(10 + i) for i in range(9)]
        assert [page.number for page in ocr(tiff(9), pages=[2, 7]).pages] == [2, 7]
        with pytest.raises(UserError, match="no page 10: the document has 9"):
            ocr(tiff(9), pages=[10])
        results = list(ocr([tiff(9), tiff(2)], pages=[3]))
    assert results[0].text == "12" and "no page 3" in results[1].error


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_counts_pages(workers: int) -> None:
    counted: list[tuple[int, int]] = []
    with fake(workers) as ocr:
        list(ocr.read_many([tiff(6), gray(5)], progress=lambda read, found: counted.append((read, found))))
    assert (sum(read for read, _ in counted), sum(found for _, found in counted)) == (7, 7)


def test_options_that_cannot_be_are_refused_at_once() -> None:
    for options in ({"layout": "round"}, {"decode": "best"}, {"text_layer": "perhaps"}, {"workers": -1}):
        with pytest.raises(UserError):
            OCR(**options)
    assert OCR(hot_words=["a", "b"])._reader.options.decode.hot_words == {"a": 1.5, "b": 1.5}


def test_it_may_be_shared_by_threads_pickled_and_forked() -> None:
    ocr = fake()
    assert read_level(ocr, 40) == "40"
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda level: read_level(ocr, level), range(50, 60))) == [str(i) for i in range(50, 60)]
    assert read_level(pickle.loads(pickle.dumps(ocr)), 41) == "41"
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        child = context.Process(target=put_level, args=(ocr, 42, queue))
        child.start()
        assert queue.get(timeout=60) == "42"
        child.join()


def test_a_reader_knows_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = FakeReader(ReadOptions())
    first = reader.models()
    assert reader.models() is first
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert reader.models() is not first
