"""The API through Flask's client: what is sent, what comes back, and with which status."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from crnn.core.charset import Charset
from tests.barcode import CHARACTERS, between
from tests.serve.conftest import Server, encode, line, png
from tests.sources import save_language_model

FORM = "multipart/form-data"


# After an a this language model expects a c.
def form(data: bytes, field: str = "image", **fields: str) -> dict[str, object]:
    return {field: (io.BytesIO(data), "line.png"), **fields}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def assert_error(response: TestResponse, status: int, code: str) -> None:
    assert (response.status_code, response.json["error"]["code"]) == (status, code), response.json
    assert response.json["status"] == "error"
    assert len(response.json["error"]["message"]) > 10


def test_reads_a_picture_sent_as_json(client: FlaskClient) -> None:
    reply = client.post("/api/v1/ocr", json={"image_base64": b64(png("ab 中文"))}).json
    assert reply["status"] == "success"
    assert reply["text"] == "ab 中文"
    assert reply["cached"] is False
    assert reply["elapsed_time_ms"] > 0
    assert len(reply["model"]["sha256"]) == 64
    (read,) = reply["lines"]
    assert read["text"] == "ab 中文"
    assert 0.9 < read["confidence"] <= 1
    assert read["box"] == [[0, 0], [132, 0], [132, 48], [0, 48]]
    assert [c["char"] for c in read["chars"]] == list("ab 中文")
    assert [c["x"] for c in read["chars"]] == pytest.approx([18, 42, 66, 90, 114], abs=4)


@pytest.mark.parametrize("field", ["file", "image", "image_file"])
def test_reads_a_picture_sent_as_a_form(client: FlaskClient, field: str) -> None:
    assert client.post("/api/v1/ocr", data=form(png("cab"), field)).json["text"] == "cab"


def test_tolerates_data_uris_and_line_breaks(client: FlaskClient) -> None:
    text = "data:image/png;base64," + base64.encodebytes(png("cab")).decode()
    assert client.post("/api/v1/ocr", json={"image_base64": text}).json["text"] == "cab"


def test_predict_answers_with_the_text_alone(client: FlaskClient) -> None:
    assert client.post("/predict", data=form(png("abc"))).json == {"text": "abc"}


@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp", ".bmp", ".tiff", ".gif"])
def test_reads_every_allowed_kind(client: FlaskClient, extension: str) -> None:
    image = np.repeat(line("ab")[:, :, None], 3, axis=2)
    reply = client.post("/api/v1/ocr", data=form(encode(image, extension)))
    assert (reply.status_code, reply.json["text"]) == (200, "ab")


def test_a_picture_without_text_is_a_success(client: FlaskClient) -> None:
    for blank in (np.full((200, 300), 255, np.uint8), np.full((1, 9), 255, np.uint8)):
        reply = client.post("/api/v1/ocr", data=form(encode(blank)))
        assert (reply.status_code, reply.json["text"], reply.json["lines"]) == (200, "", [])


def test_line_layout_takes_the_whole_picture_for_one_line(client: FlaskClient) -> None:
    options = json.dumps({"layout": "line", "chars": False})
    (read,) = client.post("/api/v1/ocr", data=form(png("abc"), options=options)).json["lines"]
    assert read["text"] == "abc"
    assert "chars" not in read


def test_the_second_time_is_cached_unless_told_otherwise(client: FlaskClient) -> None:
    def cached(**options: object) -> bool:
        return client.post("/api/v1/ocr", json={"image_base64": b64(png("ab")), "options": options}).json["cached"]

    assert not cached(cache=False)
    assert not cached(), "what was not to be cached was not kept"
    assert cached()
    assert cached(chars=False)
    assert not cached(cache=False)
    assert not cached(layout="line")


class TestDecoding:
    """On a line that reads as `ab`, and nearly as `ac`."""

    @staticmethod
    def read(client: FlaskClient, **options: object) -> tuple[str, bool]:
        body = {"image_base64": b64(encode(between("b", "c"))), "options": {"layout": "line", **options}}
        reply = client.post("/api/v1/ocr", json=body).json
        return reply["text"], reply["cached"]

    def test_only_allowed_characters_are_read(self, client: FlaskClient) -> None:
        assert self.read(client, allow="acde") == ("ac", False)

    def test_hotwords_are_likelier(self, client: FlaskClient) -> None:
        assert self.read(client, decode="beam", hotwords={"ac": 1.5}) == ("ac", False)
        assert self.read(client, decode="beam", hotwords={"ac": 0.1}) == ("ab", False)

    def test_a_result_is_cached_for_its_options_alone(self, client: FlaskClient) -> None:
        assert self.read(client) == ("ab", False)
        assert self.read(client, allow="acde") == ("ac", False)
        assert self.read(client, allow="acde") == ("ac", True)
        assert self.read(client, decode="beam", allow="", hotwords={}) == ("ab", True)
        assert self.read(client, decode="greedy") == ("ab", False)

    def test_the_language_model_of_the_server_is_heard(self, serve: Server, tmp_path: Path) -> None:
        model = save_language_model(tmp_path / "lm.npz", Charset(CHARACTERS), ["ac"] * 20, [0, 0])
        client = serve(language_model=str(model))
        assert self.read(client) == ("ac", False)
        assert self.read(client, decode="greedy") == ("ab", False)
        assert client.get("/api/v1/model").json["language_model"] == "lm.npz"

    def test_a_server_without_language_model_reads_greedily(self, serve: Server) -> None:
        client = serve(language_model="")
        assert self.read(client) == self.read(client, decode="greedy") == ("ab", False)
        assert self.read(client, hotwords={"ac": 1.5}) == ("ac", False)


def test_the_first_page_is_read_and_the_others_are_told_of(client: FlaskClient) -> None:
    pages = io.BytesIO()
    first, second = (Image.open(io.BytesIO(png(text))) for text in ("ab", "cd"))
    first.save(pages, "TIFF", save_all=True, append_images=[second])
    for _ in range(2):  # read, then from the cache
        reply = client.post("/api/v1/ocr", json={"image_base64": b64(pages.getvalue())}).json
        assert (reply["text"], reply["pages"]) == ("ab", 2)
        assert reply["warning"] == "only the first of 2 pages was read"
    one = client.post("/api/v1/ocr", json={"image_base64": b64(png("ab"))}).json
    assert one["pages"] == 1
    assert "warning" not in one


class TestRefusals:
    def test_no_picture(self, client: FlaskClient) -> None:
        assert_error(client.post("/api/v1/ocr", data={"image": "text"}, content_type=FORM), 400, "no_image")
        assert_error(client.post("/api/v1/ocr", json={}), 400, "no_image")
        assert_error(client.post("/predict", data={"other": (io.BytesIO(b"x"), "x")}), 400, "no_image")

    def test_two_pictures(self, client: FlaskClient) -> None:
        two = {"image": (io.BytesIO(png("a")), "a.png"), "file": (io.BytesIO(png("b")), "b.png")}
        assert_error(client.post("/api/v1/ocr", data=two), 400, "no_image")

    def test_bad_json(self, client: FlaskClient) -> None:
        for body in ("{", "[1]", "[" * 100_000, '"text"', "\xff"):
            reply = client.post("/api/v1/ocr", data=body, content_type="application/json")
            assert_error(reply, 400, "bad_json")

    @pytest.mark.parametrize("text", ["@@@", "abc", "data:image/png;base64,ä", 7, ["a"]])
    def test_bad_base64(self, client: FlaskClient, text: object) -> None:
        assert_error(client.post("/api/v1/ocr", json={"image_base64": text}), 400, "bad_base64")

    def test_half_a_character_instead_of_base64(self, client: FlaskClient) -> None:
        body = r'{"image_base64": "\ud800"}'
        reply = client.post("/api/v1/ocr", data=body, content_type="application/json")
        assert_error(reply, 400, "bad_base64")

    @pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", png("abc")[:60]])
    def test_not_a_picture(self, client: FlaskClient, data: bytes) -> None:
        assert_error(client.post("/api/v1/ocr", data=form(data)), 400, "bad_image")

    def test_kinds_of_files_that_are_not_read(self, client: FlaskClient) -> None:
        documents = "post it to /api/v1/documents"
        for data, advice in (
            (b"%PDF-1.7\n", documents),
            (b"\0\0\0\x18ftypheic", documents),
            (b"<svg xmlns=''/>", "send JPEG"),
        ):
            reply = client.post("/api/v1/ocr", data=form(data))
            assert_error(reply, 415, "unsupported_type")
            assert reply.json and advice in reply.json["error"]["message"]

    def test_kinds_of_bodies_that_are_not_read(self, client: FlaskClient) -> None:
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            assert_error(client.post("/api/v1/ocr", data=png("a"), content_type=kind), 415, "unsupported_type")

    def test_too_many_bytes(self, serve: Server) -> None:
        client = serve(max_bytes=1000)
        assert_error(client.post("/api/v1/ocr", data=form(bytes(1001))), 413, "too_many_bytes")
        reply = client.post("/api/v1/ocr", data=bytes(1_100_000), content_type=FORM)
        assert_error(reply, 413, "too_many_bytes")

    def test_too_many_pixels(self, serve: Server) -> None:
        client = serve(max_pixels=10_000)
        assert_error(
            client.post("/api/v1/ocr", data=form(encode(np.zeros((101, 100), np.uint8)))),
            413,
            "too_many_pixels",
        )

    @pytest.mark.parametrize(
        "options",
        [
            [],
            "x",
            {"layout": "circle"},
            {"layout": 1},
            {"chars": 1},
            {"deadline_ms": 0},
            {"deadline_ms": True},
            {"x": 1},
            {"decode": "best"},
            {"allow": ["1"]},
            {"allow": "x" * 10_001},
            {"allow": "龘"},
            {"allow": "\ud800"},
            {"hotwords": ["ac"]},
            {"decode": "beam", "hotwords": {"ac": 0}},
            {"decode": "beam", "hotwords": {"ac": True}},
            {"decode": "beam", "hotwords": {"": 1}},
            {"decode": "beam", "hotwords": {"龘": 1}},
            {"decode": "greedy", "hotwords": {"ac": 1.5}},
        ],
    )
    def test_options(self, client: FlaskClient, options: object) -> None:
        body = json.dumps({"image_base64": b64(png("a")), "options": options})
        reply = client.post("/api/v1/ocr", data=body, content_type="application/json")
        assert_error(reply, 422, "bad_options")

    def test_options_in_a_form_that_are_not_json(self, client: FlaskClient) -> None:
        assert_error(client.post("/api/v1/ocr", data=form(png("a"), options="{")), 422, "bad_options")

    def test_unknown_places_and_methods(self, client: FlaskClient) -> None:
        assert_error(client.get("/nothing"), 404, "not_found")
        reply = client.get("/api/v1/ocr")
        assert_error(reply, 405, "method_not_allowed")
        assert "POST" in reply.headers["Allow"]


class TestBatch:
    def test_one_bad_picture_fails_alone(self, client: FlaskClient) -> None:
        images = [{"image_base64": b64(data)} for data in (png("ab"), b"junk", png("cd"))]
        reply = client.post("/api/v1/ocr/batch", json={"images": images}).json
        assert reply["status"] == "success"
        first, bad, last = reply["results"]
        assert (first["text"], last["text"]) == ("ab", "cd")
        assert bad["error"]["code"] == "bad_image"

    def test_as_a_form(self, client: FlaskClient) -> None:
        files = {"file": [(io.BytesIO(png(text)), f"{text}.png") for text in ("ab", "cd")]}
        results = client.post("/api/v1/ocr/batch", data=files).json["results"]
        assert [result["text"] for result in results] == ["ab", "cd"]

    @pytest.mark.parametrize("images", [[], None, "x", [{}] * 33])
    def test_wrong_numbers(self, client: FlaskClient, images: object) -> None:
        assert client.post("/api/v1/ocr/batch", json={"images": images}).status_code in (400, 422)

    def test_items_that_are_no_pictures_fail_alone(self, client: FlaskClient) -> None:
        results = client.post("/api/v1/ocr/batch", json={"images": [None, 3, {}, [], b64(png("ab"))]}).json["results"]
        assert [result["status"] for result in results] == ["error"] * 4 + ["success"]


class TestAboutTheServer:
    def test_probes(self, client: FlaskClient) -> None:
        assert client.get("/health").json == {"status": "ok"}
        assert client.get("/ready").json["status"] == "ready"

    def test_not_ready_while_draining(self, client: FlaskClient) -> None:
        client.application.extensions["ocr_draining"].set()
        reply = client.get("/ready")
        assert_error(reply, 503, "draining")
        assert reply.headers["Retry-After"]

    def test_model(self, client: FlaskClient) -> None:
        reply = client.get("/api/v1/model").json
        assert (reply["name"], reply["characters"]) == ("barcode.onnx", 8)

    def test_metrics(self, client: FlaskClient) -> None:
        client.post("/predict", data=form(png("ab")))
        client.post("/predict", data=form(b"junk"))
        text = client.get("/metrics").get_data(as_text=True)
        for expected in (
            'ocr_requests_total{route="/predict",status="200"} 1.0',
            'ocr_requests_total{route="/predict",status="400"} 1.0',
            'ocr_rejects_total{code="bad_image"} 1.0',
            'ocr_cache_total{outcome="miss"} 1.0',
            "ocr_lines_total 1.0",
            'ocr_stage_seconds_count{stage="read"} 1.0',
            "ocr_pending_requests 0.0",
        ):
            assert expected in text

    def test_every_request_has_an_id_and_one_line_in_the_log(
        self, client: FlaskClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level("INFO", logger="serve.request"):
            given = client.post("/predict", data=form(png("ab")), headers={"X-Request-ID": "job-7"})
            made = client.get("/health", headers={"X-Request-ID": "not\tvalid"})
        assert given.headers["X-Request-ID"] == "job-7"
        assert len(made.headers["X-Request-ID"]) == 32
        first, second = (record.msg for record in caplog.records)
        assert (first["request_id"], first["path"], first["status"]) == ("job-7", "/predict", 200)
        assert second["path"] == "/health"

    def test_openapi_lists_every_route(self, client: FlaskClient) -> None:
        described = client.get("/openapi.json").json["paths"]
        served: dict[str, set[str]] = {}
        pages = {"/", "/docs", "/openapi.json", "/static/<path:filename>"}
        for rule in client.application.url_map.iter_rules():
            if rule.rule not in pages:
                methods = {method.lower() for method in rule.methods} - {"head", "options"}
                served.setdefault(re.sub(r"<(?:[^<>:]+:)?(\w+)>", r"{\1}", rule.rule), set()).update(methods)
        assert {path: set(item) for path, item in described.items()} == served
