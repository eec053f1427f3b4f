"""Requests made to cost much or to break something: bounded, answered, and no hindrance to a good client."""

from __future__ import annotations

import base64
import io
import json
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient

from crnn.decoding.ctc import CtcPath
from crnn.finder.boxes import LineBox
from crnn.finder.direction import Directed
from crnn.page import FoundLines
from crnn.recognizer import Recognizer
from serve.base.config import ServeConfig
from serve.base.errors import ClientGone, DeadlinePassed, NotReady
from serve.engine.batching import Line
from serve.engine.cache import cache_key
from serve.engine.options import Options
from serve.engine.patience import GRACE_SECONDS, Patience
from serve.routes.parsing import MOST_JSON
from tests.image.test_decode import progressive_jpeg
from tests.serve.conftest import Server, encode, line, png

CASES = Path(__file__).parents[1] / "cases"
SECONDS = 3.0  # of a core that a request may take


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def send(client: FlaskClient, picture: bytes, **options: object) -> int:
    data = {"image": (io.BytesIO(picture), "x"), "options": json.dumps({"cache": False, **options})}
    return client.post("/api/v1/ocr", data=data).status_code


@contextmanager
def processor_time(most: float) -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < most


@contextmanager
def good_client(client: FlaskClient) -> Iterator[None]:
    """A client that has a line read again and again; each must be read, within two seconds."""
    stop, outcomes = threading.Event(), []

    def go_on() -> None:
        own = client.application.test_client()
        while not stop.is_set():
            began = time.monotonic()
            status = send(own, png("ab"))
            outcomes.append((status, time.monotonic() - began))
            time.sleep(0.02)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert {status for status, _ in outcomes} == {200}
    assert max(seconds for _, seconds in outcomes) < 2


@pytest.mark.parametrize("name", ["bands1000.png", "zig2000.png"])
def test_pictures_of_very_many_lines(client: FlaskClient, name: str) -> None:
    with good_client(client), processor_time(SECONDS):
        assert send(client, (CASES / name).read_bytes()) in (200, 413)


def test_a_jpeg_of_very_many_scans(client: FlaskClient) -> None:
    with good_client(client), processor_time(SECONDS):
        assert send(client, progressive_jpeg(3000, 10_000)) == 413


def test_a_batch_ends_with_its_deadline(client: FlaskClient) -> None:
    page = np.full((1500, 1500), 255, np.uint8)
    for top in range(20, 1400, 60):
        page[top : top + 48, 20:1208] = np.tile(line("abcde"), (1, 9))
    images = [b64(encode(page))] * 32
    with good_client(client), processor_time(SECONDS):
        reply = client.post(
            "/api/v1/ocr/batch", json={"images": images, "options": {"deadline_ms": 300, "cache": False}}
        )
    codes = {result.get("error", {}).get("code") for result in reply.json["results"]}
    assert (reply.status_code, len(reply.json["results"])) == (200, 32)
    late = {"deadline_passed", "too_much_text"}  # the second where it is plain before that a page would be late
    assert codes & late and codes <= {None, *late}


def test_one_pictures_fault_is_its_own(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    service = client.application.extensions["ocr"]
    read, bad = service.read, png("cd")

    def read_or_fail(picture: bytes, *more: object) -> object:
        if picture == bad:
            raise ZeroDivisionError("the cause")
        return read(picture, *more)

    service.read = read_or_fail
    images = [b64(png("ab")), b64(bad), b64(png("de"))]
    reply = client.post("/api/v1/ocr/batch", json={"images": images})
    first, failed, last = reply.json["results"]
    assert (reply.status_code, first["text"], last["text"]) == (200, "ab", "de")
    assert failed["error"]["code"] == "internal"
    assert "the cause" in caplog.text


def test_one_lines_fault_is_its_own(
    serve: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    page = np.full((300, 400), 255, np.uint8)
    page[20:68, 20:92], page[200:248, 20:44] = line("abc")[:, 6:78], line("d")[:, 6:30]
    read_many = Recognizer.read_many

    def fail_at_wide_lines(self: Recognizer, images: list[np.ndarray], *more: object, **options: object) -> object:
        # Lines are also read by shape alone, to tell which way up they are: a fault there is a line's own, too.
        if "greedy" not in more and any(image.shape[1] > 50 for image in images):
            raise ZeroDivisionError("the cause")
        return read_many(self, images, *more, **options)

    picture = {"image_base64": b64(encode(page))}
    both = serve().post("/api/v1/ocr", json={**picture, "options": {"cache": False}}).json["lines"]
    client = serve()  # its model reads a line before it is taken into service
    monkeypatch.setattr(Recognizer, "read_many", fail_at_wide_lines)
    for _ in range(2):  # what failed is not kept
        reply = client.post("/api/v1/ocr", json=picture)
        assert reply.status_code == 200
        failed, read = reply.json["lines"]
        assert (failed["text"], failed["error"]["code"], failed["box"]) == ("", "internal", both[0]["box"])
        assert read == both[1]
        assert (reply.json["text"], reply.json["cached"]) == (both[1]["text"], False)
    assert "the cause" in caplog.text
    assert client.post("/api/v1/ocr", json={"image_base64": b64(png("abcde"))}).status_code == 500


class TestPatience:
    """Who no longer waits is not worked for."""

    def test_before_decoding(self, client: FlaskClient) -> None:
        service = client.application.extensions["ocr"]
        for patience, error in ((Patience(0), DeadlinePassed), (Patience(9, lambda: False), ClientGone)):
            with pytest.raises(error):
                service.read(png("ab"), Options(cache=False), patience)

    def test_while_the_reader_is_busy(self, client: FlaskClient) -> None:
        """The deadline holds although nothing ever becomes of the line."""
        service = client.application.extensions["ocr"]

        def leave(lines: list[Line]) -> None:
            for left in lines:  # whoever waits beyond the deadline finds them cancelled, and does not wait for ever
                timer = threading.Timer(5, left.reading.cancel)
                timer.daemon = True
                timer.start()

        service.queue.submit = leave
        began = time.monotonic()
        with pytest.raises(DeadlinePassed):
            service.read(png("ab"), Options(cache=False), Patience(0.3))
        assert 0.25 < time.monotonic() - began < 3
        hung_up = time.monotonic() + 0.3
        with pytest.raises(ClientGone):
            service.read(png("ab"), Options(cache=False), Patience(60, lambda: time.monotonic() < hung_up))
        service.draining.set()
        service.draining.since -= GRACE_SECONDS
        with pytest.raises(NotReady):
            service.read(png("ab"), Options(cache=False), service.patience(Options()))

    def test_in_the_middle_of_a_long_line(self, client: FlaskClient) -> None:
        long = np.tile(line("abcde"), (1, 300))  # 40,000 pixels: 39 pieces
        service = client.application.extensions["ocr"]
        recognizer, decoded = service.holder.current.recognizer, []
        decode = recognizer.decode

        def slowly(logits: np.ndarray) -> CtcPath:
            decoded.append(time.sleep(0.05))
            return decode(logits)

        recognizer.decode = slowly
        with pytest.raises(DeadlinePassed):
            service.read(encode(long), Options(layout="line", cache=False), Patience(0.3))
        service.queue.close()  # waits for what is still being read
        assert 0 < len(decoded) < 20


class TestWhatTheCacheKeeps:
    """A result is filed under all that it depends on."""

    @pytest.mark.parametrize(
        "changes",
        [
            {"code_version": lambda: "other code"},
            {"digests": ["another model", "finder"]},
            {"digests": ["model", "another finder"]},
            {"digests": ["model", "finder", "a language model"]},
            {"unsure": 0.7},
        ],
    )
    def test_by_name(self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]) -> None:
        service = client.application.extensions["ocr"]
        model, config = service.holder.current, service.config
        model = replace(model, digests=["model", "finder"])
        before = service._key(b"picture", model, Options())
        assert before == service._key(b"picture", model, Options())
        for name, value in changes.items():
            if name == "code_version":
                monkeypatch.setattr("serve.engine.service.code_version", value)
            elif name == "unsure":
                service.config = replace(config, unsure=value)
            else:
                model = replace(model, **{name: value})
        assert service._key(b"picture", model, Options()) != before
        assert cache_key(b"picture") != before


class TestJson:
    """Bodies of JSON: large pictures pass, all else is small."""

    @staticmethod
    def post(client: FlaskClient, body: bytes, path: str = "/api/v1/ocr/batch") -> tuple[int, str]:
        reply = client.post(path, data=body, content_type="application/json")
        return reply.status_code, (reply.json.get("error") or {}).get("code", "")

    @pytest.mark.parametrize(
        "body",
        [
            b'{"images": [' + b"[]," * 5_000_000 + b"[]]}",
            b'{"images": [' + b'"",' * 5_000_000 + b'""]}',
            b'{"images": ["' + b'\\"' * 10_000_000 + b'"]}',
            b'{"images": ["' + b"\\\\" * 10_000_000 + b'"]}',
            b'{"a": ' + b" " * 20_000_000 + b"1}",
            b'{"a": ' + b'{"a":' * 3_000_000,
        ],
        ids=["lists", "texts", "quotes", "backslashes", "blanks", "objects"],
    )
    def test_what_is_no_picture_is_bounded(self, serve: Server, body: bytes) -> None:
        client = serve()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with processor_time(2):
            assert self.post(client, body) == (413, "too_much_json")
        assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 200

    def test_one_wide_character_in_a_long_text(self, client: FlaskClient) -> None:
        for wide in ("😀".encode(), rb"\ud83d\ude00"):
            body = b'{"images": ["' + b"A" * 20_000_000 + wide + b'"]}'
            reply = client.post("/api/v1/ocr/batch", data=body, content_type="application/json")
            assert reply.json["results"][0]["error"]["code"] == "bad_base64"

    def test_large_pictures_are_read(self, client: FlaskClient) -> None:
        image = np.full((800, 1500, 3), 255, np.uint8)
        image[:, 900:] = np.random.default_rng(0).integers(0, 256, (800, 600, 3))
        text = "data:image/png;base64," + base64.encodebytes(encode(image)).decode()
        assert len(text) > 1_000_000
        options = {"allow": "ab中" + "a" * 9000, "layout": "line"}
        for body in (
            json.dumps({"images": [text, {"image_base64": text}, b64(png("ab"))], "options": options}),
            json.dumps({"images": [text.replace("/", "\\/")], "options": options}).replace("\\\\/", "\\/"),
        ):
            reply = client.post("/api/v1/ocr/batch", data=body, content_type="application/json")
            assert {result["status"] for result in reply.json["results"]} == {"success"}
        assert len(text) < MOST_JSON

    def test_places_that_nobody_left(self, client: FlaskClient) -> None:
        for text in ("\\u0000picture 7", "\\u0000picture -1", "\\u0000picture x"):
            body = ('{"images": ["' + "A" * 70_000 + '", "' + text + '"]}').encode()
            reply = client.post("/api/v1/ocr/batch", data=body, content_type="application/json")
            assert [r["error"]["code"] for r in reply.json["results"]] == ["bad_image", "bad_base64"]


def test_numbers_of_any_size(client: FlaskClient) -> None:
    for name in ("deadline_ms", "hotwords"):
        for number in ("1" + "0" * 400, "1" + "0" * 5000, "1e400"):
            value = f'{{"a": {number}}}' if name == "hotwords" else number
            body = f'{{"image_base64": "{b64(png("ab"))}", "options": {{"{name}": {value}, "decode": "beam"}}}}'
            reply = client.post("/api/v1/ocr", data=body, content_type="application/json")
            assert reply.status_code in (400, 422), (name, number)


def test_a_form_with_a_file_name_in_gbk_is_read(client: FlaskClient) -> None:
    body = (CASES / "gbk_filename.http").read_bytes()
    reply = client.post("/predict", data=body, content_type="multipart/form-data; boundary=ab")
    assert reply.status_code == 200


def test_a_body_that_breaks_http_is_the_clients_fault(client: FlaskClient) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise OSError("Invalid chunk size: 'ZZ'")

    for kind in ("multipart/form-data; boundary=ab", "application/json"):
        environ = {"wsgi.input": Broken(), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        reply = client.post("/api/v1/ocr", content_type=kind, environ_overrides=environ)
        assert reply.status_code == 400


def test_pictures_are_let_go_of_before_their_lines_are_read(client: FlaskClient) -> None:
    service = client.application.extensions["ocr"]
    held: list[int] = []
    submit = service.queue.submit

    def measured(lines: list[object]) -> None:
        arrays = [line.image if line.image.base is None else line.image.base for line in lines]
        held.append(sum(array.nbytes for array in arrays))
        submit(lines)

    def find(page: np.ndarray, *more: object, **options: object) -> FoundLines:
        box = LineBox(np.array([[100, 100], [232, 100], [232, 148], [100, 148]], np.float32))
        return FoundLines((Directed(box, page[100:148, 100:232]),))  # the crop of a level line is a view

    service.queue.submit, service.holder.current.pages.find = measured, find
    page = np.full((4000, 6000), 255, np.uint8)
    page[100:148, 100:232] = line("abcde")
    assert send(client, encode(page)) == 200
    assert 0 < held[0] < 200_000


def drawings(number: int) -> Iterator[np.ndarray]:
    """Pictures by chance: dense text, zigzags, bands, noise, and strips one pixel high or wide."""
    rng = np.random.default_rng(number)
    for kind in range(number):
        height, width = rng.integers(30, 900, 2).tolist()
        image = np.full((height, width), 255, np.uint8)
        match kind % 6:
            case 0:
                for y in range(12, height, int(rng.integers(9, 30))):
                    cv2.putText(image, "Hxi" * 60, (int(rng.integers(0, 20)), y), 0, float(rng.uniform(0.2, 1)), 0, 1)
            case 1:
                for y in range(0, height, 9):
                    left = int(rng.integers(0, max(1, width - 8)))
                    image[y : y + 6, left : left + 2] = image[y + 2 : y + 4, left : left + 7] = 0
            case 2:
                image[:: int(rng.integers(2, 12))] = int(rng.integers(0, 250))
            case 3:
                image = rng.integers(0, 256, (height, width)).astype(np.uint8)
            case 4:
                image = np.where(rng.random((1, 10_000)) < 0.3, 0, 255).astype(np.uint8)
                image = image if kind % 12 == 4 else image.T
            case _:
                image = cv2.resize(rng.integers(0, 256, (20, 20)).astype(np.uint8), (width, height), interpolation=0)
        yield np.ascontiguousarray(image)


def test_a_hundred_pictures_made_by_chance(config: ServeConfig, serve: Server) -> None:
    client = serve(deadline_ms=3000)
    seconds = []
    for number, image in enumerate(drawings(100)):
        picture = encode(
            image, (".png", ".jpg", ".webp", ".bmp", ".tiff")[number % 5 if max(image.shape) < 9000 else 0]
        )
        began = time.process_time()
        status = send(client, picture)
        seconds.append(time.process_time() - began)
        assert status in (200, 413), number
    assert max(seconds) < SECONDS
