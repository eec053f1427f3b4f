"""Corrections: what is kept, how it survives, and the form it leaves in."""

import base64
import io
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient

from serve.base.config import ServeConfig
from serve.base.errors import NotReady, StorageFull
from serve.base.sqlite import connect
from serve.engine.corrections import FILE, Correction, CorrectionStore
from serve.engine.service import DECODERS
from tests.serve.conftest import Server, encode, line, png

ROOT = Path(__file__).parents[2]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_corrected_line_is_cut_out_and_exported_for_training(
    client: FlaskClient, config: ServeConfig, tmp_path: Path
) -> None:
    page = np.full((200, 300), 255, np.uint8)
    page[100:148, 40:112] = line("ab")[:, :72].repeat(2, axis=1)[:, :72]
    box = [[40, 100], [112, 100], [112, 148], [40, 148]]
    body = {"image_base64": b64(encode(page)), "text": " ａb  中 ", "read_text": "ab", "box": box}
    reply = client.post("/api/v1/corrections", json=body)
    assert reply.status_code == 201
    assert reply.json == {"status": "success", "id": 1, "text": "ab 中", "unknown_characters": ""}

    command = [sys.executable, "-m", "serve.engine.corrections", config.state / FILE, tmp_path / "out"]
    assert "1 corrected lines" in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (tmp_path / "out/labels.tsv").read_text("utf-8") == "images/000001.png\tab 中\tcorrection\n"
    assert cv2.imread(str(tmp_path / "out/images/000001.png")).shape == (48, 72, 3)
    source = [f"source={tmp_path / 'out'}", "name=corrections", f"output={tmp_path / 'lines'}"]
    command = [sys.executable, "-m", "data.converters.convert", *source]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "imported 1 lines" in said


def test_the_whole_picture_as_a_form(client: FlaskClient) -> None:
    data = {"image": (io.BytesIO(png("ab")), "a.png"), "text": "龘"}
    reply = client.post("/api/v1/corrections", data=data)
    assert (reply.status_code, reply.json["unknown_characters"]) == (201, "龘")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "bad_text"),
        ({"text": " "}, "bad_text"),
        ({"text": "a\tb"}, "bad_text"),
        ({"text": 3}, "bad_text"),
        ({"text": "a" * 401}, "bad_text"),
        ({"text": "a", "box": "["}, "bad_box"),
        ({"text": "a", "box": [[0, 0]] * 3}, "bad_box"),
        ({"text": "a", "box": [[0, 0], [1e9, 0], [1, 1], [0, 1]]}, "bad_box"),
        ({"text": "a", "box": [[0, 0], [900, 0], [900, 9], [0, 9]]}, "bad_box"),
        ({"text": "a", "box": [[5, 5]] * 4}, "bad_box"),
        ({"text": "a", "box": [[True, 0], [9, 0], [9, 9], [0, 9]]}, "bad_box"),
    ],
)
def test_what_cannot_be_kept(client: FlaskClient, fields: dict[str, object], code: str) -> None:
    reply = client.post("/api/v1/corrections", json={"image_base64": b64(png("abc")), **fields})
    assert (reply.status_code, reply.json["error"]["code"]) == (422, code)


def test_a_box_that_is_no_rectangle_makes_no_line(client: FlaskClient) -> None:
    """Two sides as long as the picture, from one corner: turned upright, a line of 4 gigapixels."""
    body = {"image_base64": b64(encode(np.full((300, 65_000), 255, np.uint8))), "text": "a"}
    box = [[0, 0], [65_000, 0], [65_000, 300], [64_990, 300]]
    began = time.process_time()
    reply = client.post("/api/v1/corrections", json={**body, "box": box})
    assert (reply.status_code, reply.json["error"]["code"]) == (422, "bad_box")
    assert time.process_time() - began < 1


def test_a_line_of_too_many_bytes_is_not_kept(client: FlaskClient) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 3000)).astype(np.uint8)
    reply = client.post("/api/v1/corrections", json={"image_base64": b64(encode(noise)), "text": "a"})
    assert (reply.status_code, reply.json["error"]["code"]) == (413, "too_many_bytes")


def test_numbers_of_any_size(client: FlaskClient) -> None:
    for number in ("1" + "0" * 400, "1e400", "-1e999", "NaN"):
        body = f'{{"image_base64": "{b64(png("ab"))}", "text": "a", "box": [[0,0],[{number},0],[9,9],[0,9]]}}'
        reply = client.post("/api/v1/corrections", data=body, content_type="application/json")
        assert (reply.status_code, reply.json["error"]["code"]) == (422, "bad_box"), number


def test_corrections_are_decoded_by_turns_too(client: FlaskClient) -> None:
    service = client.application.extensions["ocr"]
    inside, most = [], []
    decoded = service.decoded

    @contextmanager
    def counted(*arguments: object) -> Iterator[object]:
        with decoded(*arguments) as image:
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            yield image
            inside.pop()

    service.decoded = counted
    bodies = [{"image_base64": b64(png(text)), "text": "a"} for text in "abcdeab"]

    def send(body: object) -> int:
        return client.application.test_client().post("/api/v1/corrections", json=body).status_code

    with ThreadPoolExecutor(7) as threads:
        assert set(threads.map(send, bodies)) == {201}
    assert len(most) == 7
    assert max(most) <= DECODERS


def test_the_bytes_of_a_store_are_bounded(tmp_path: Path) -> None:
    store = CorrectionStore(tmp_path / FILE, most=1000, most_bytes=100_000)
    with pytest.raises(StorageFull, match="bytes"):
        for number in range(1000):
            store.add(Correction(bytes([number % 256, number // 256]) * 5000, "text", "", ""))
    assert len(store) > 5
    assert (tmp_path / FILE).stat().st_size <= 120_000


def test_a_second_correction_of_a_line_replaces_the_first(tmp_path: Path) -> None:
    store = CorrectionStore(tmp_path / FILE, most=10)
    assert store.add(Correction(b"image", "first", "", "")) == store.add(Correction(b"image", "second", "", ""))
    assert len(store) == 1
    store.export(tmp_path)
    assert "second" in (tmp_path / "labels.tsv").read_text()


def test_a_full_store_says_so(serve: Server) -> None:
    client = serve(corrections_limit=1)
    bodies = [{"image_base64": b64(png(text)), "text": "a"} for text in ("a", "b")]
    assert [client.post("/api/v1/corrections", json=body).status_code for body in bodies] == [201, 507]


def test_survives_concurrent_writers_and_reopening(tmp_path: Path) -> None:
    def write(writer: int) -> None:
        store = CorrectionStore(tmp_path / FILE, most=1000)
        for number in range(10):
            store.add(Correction(b"%d-%d" % (writer, number), "text", "", ""))

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(CorrectionStore(tmp_path / FILE, most=1000)) == 40


def test_a_full_disk_is_told_apart_from_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_little_room(*arguments: object, **options: object) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.execute("PRAGMA max_page_count = 4")
        return connection

    monkeypatch.setattr("serve.engine.corrections.connect", with_little_room)
    with pytest.raises(StorageFull):
        CorrectionStore(tmp_path / FILE, most=10).add(Correction(bytes(100_000), "", "", ""))
    (tmp_path / FILE).write_bytes(b"rubbish" * 1000)
    with pytest.raises(NotReady):
        CorrectionStore(tmp_path / FILE, most=10).add(Correction(b"", "", "", ""))


def test_a_damaged_store_is_one_line_to_who_exports_it(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"rubbish" * 1000)
    command = [sys.executable, "-m", "serve.engine.corrections", tmp_path / FILE, tmp_path / "out"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert run.stderr.startswith("error: the corrections in ")


def test_a_full_store_refuses(tmp_path: Path) -> None:
    with pytest.raises(StorageFull):
        CorrectionStore(tmp_path / FILE, most=0).add(Correction(b"", "", "", ""))
