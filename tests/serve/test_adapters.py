"""The borrowed APIs answer in their own shapes."""

import base64
import io

import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.serve.conftest import encode, png
from tests.serve.documents import tiff

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


class TestPaddleX:
    def test_picture(self, client: FlaskClient) -> None:
        reply = client.post("/ocr", json={"file": b64(png("ab")), "fileType": 1, "visualize": False}).json
        assert (reply["errorCode"], reply["errorMsg"]) == (0, "Success")
        assert reply["result"]["dataInfo"] == {"type": "image", "width": 60, "height": 48}
        (page,) = reply["result"]["ocrResults"]
        read = page["prunedResult"]
        assert (read["rec_texts"], read["rec_polys"], read["rec_boxes"]) == (["ab"], [BOX], [[0, 0, 60, 48]])
        assert read["rec_scores"] == [pytest.approx(1, abs=0.01)]

    def test_pages(self, client: FlaskClient) -> None:
        reply = client.post("/ocr", json={"file": b64(tiff(["ab", "cd"])), "fileType": 0}).json
        assert [page["prunedResult"]["rec_texts"] for page in reply["result"]["ocrResults"]] == [["ab"], ["cd"]]
        assert reply["result"]["dataInfo"]["numPages"] == 2

    def test_errors(self, client: FlaskClient) -> None:
        many = b64(tiff(["a"] * 5))
        for file, status in (("@", 400), (7, 400), ("", 400), ("http://127.0.0.1/a.png", 422), (many, 413)):
            reply = client.post("/ocr", json={"file": file})
            assert (reply.status_code, reply.json["errorCode"]) == (status, status)
            assert reply.json["errorMsg"]

    def test_json_of_others_is_not_its(self, client: FlaskClient) -> None:
        assert client.post("/ocr", json={"image_base64": b64(png("ab"))}).json["0"]["rec_txt"] == "ab"


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
