"""The two borrowed APIs answer in their own shapes."""

import base64
import io

import numpy as np
from flask.testing import FlaskClient

from tests.serve.conftest import encode, png

BLANK = encode(np.full((60, 200), 255, np.uint8))
BOX = [[0, 0], [60, 0], [60, 48], [0, 48]]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class TestRapidOcr:
    def test_file(self, client: FlaskClient) -> None:
        reply = client.post("/ocr", data={"image_file": (io.BytesIO(png("ab")), "a.png")})
        assert reply.json == {"0": {"rec_txt": "ab", "dt_boxes": BOX, "score": "1.0000"}}

    def test_base64(self, client: FlaskClient) -> None:
        form = {"image_data": b64(png("ab")), "use_det": "false"}
        assert client.post("/ocr", data=form, content_type="multipart/form-data").json["0"]["rec_txt"] == "ab"
        assert client.post("/ocr", data=form).json["0"]["rec_txt"] == "ab"

    def test_no_text(self, client: FlaskClient) -> None:
        assert client.post("/ocr", data={"image_file": (io.BytesIO(BLANK), "a.png")}).json == {}

    def test_errors(self, client: FlaskClient) -> None:
        assert client.post("/ocr", data={"image_data": "@"}, content_type="multipart/form-data").status_code == 400


class TestUmiOcr:
    def test_dict(self, client: FlaskClient) -> None:
        reply = client.post("/api/ocr", json={"base64": b64(png("ab")), "options": {"ocr.language": "x"}}).json
        assert reply["code"] == 100
        assert reply["data"] == [{"text": "ab", "score": 1.0, "box": BOX, "end": "\n"}]
        assert reply["time"] >= 0
        assert reply["timestamp"] > 1e9

    def test_text(self, client: FlaskClient) -> None:
        body = {"base64": b64(png("ab")), "options": {"data.format": "text"}}
        assert client.post("/api/ocr", json=body).json["data"] == "ab\n"

    def test_no_text(self, client: FlaskClient) -> None:
        reply = client.post("/api/ocr", json={"base64": b64(BLANK)})
        assert (reply.status_code, reply.json["code"]) == (200, 101)

    def test_errors(self, client: FlaskClient) -> None:
        for body, status in ((None, 400), ({}, 400), ({"base64": "@"}, 400), ({"base64": "", "options": [1]}, 422)):
            reply = client.post("/api/ocr", json=body)
            assert (reply.status_code, reply.json["code"]) == (status, status)
            assert reply.json["data"].startswith("[Error] ")

    def test_options(self, client: FlaskClient) -> None:
        assert "data.format" in client.get("/api/ocr/get_options").json
