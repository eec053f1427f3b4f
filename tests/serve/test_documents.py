"""Documents that are read while their client waits: what is sent, in which format it comes back, what is refused."""

import base64
import io
import json
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from crnn.documents.pages import BadPage
from crnn.image.frames import tiff_pages
from serve.engine.drawing import Drawer
from serve.engine.patience import Patience
from serve.routes.formats import WARNING
from tests.serve.conftest import Server, bars_config, encode, line, png
from tests.serve.documents import locked, pdf, prose, tiff
from tests.serve.test_api import assert_error, b64, form

PATH = "/api/v1/documents"
TWO = tiff(["ab", "cd"])
CUT = TWO[: tiff_pages(TWO)[1]]


@pytest.fixture(scope="module")
def client(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """One for all: each has a process that draws."""
    state = tmp_path_factory.mktemp("state")
    server = Server(bars_config(model, state))
    yield server()
    server.close()


class TestReading:
    def test_a_form(self, client: FlaskClient) -> None:
        file = {"file": (io.BytesIO(TWO), "两页.tif")}
        reply = client.post(PATH, data=file)
        assert reply.status_code == 200
        read = reply.json
        assert (read["status"], read["name"], read["text"]) == ("success", "两页.tif", "ab\n\ncd")
        assert [page["page"] for page in read["pages"]] == [1, 2]
        first = read["pages"][0]
        assert (first["width"], first["height"], first["turned"]) == (60, 48, 0)
        assert [char["char"] for char in first["lines"][0]["chars"]] == ["a", "b"]
        assert read["seconds"] > 0
        assert len(read["model"]["sha256"]) == 64

    def test_a_file_as_the_body(self, client: FlaskClient) -> None:
        read = client.post(f"{PATH}?name=x.tif&chars=false&pages=2", data=TWO, content_type="image/tiff").json
        assert (read["name"], read["text"]) == ("x.tif", "cd")
        assert "chars" not in read["pages"][0]["lines"][0]

    def test_a_picture_is_a_document_of_one_page(self, client: FlaskClient) -> None:
        assert client.post(PATH, data=png("中文"), content_type="image/png").json["text"] == "中文"

    def test_a_pdf(self, client: FlaskClient) -> None:
        read = client.post(PATH, data=pdf(b"0 g 20 20 100 50 re f", pages=3), content_type="application/pdf").json
        assert [page["page"] for page in read["pages"]] == [1, 2, 3]
        assert read["pages"][0]["dpi"] > 72

    @pytest.mark.parametrize("place", ["query", "field", "options"])
    def test_options_are_given_in_the_query_in_fields_or_as_json(self, client: FlaskClient, place: str) -> None:
        wishes = {"layout": "line", "allow": "acde", "min_confidence": 0}
        data = form(png("ab"), "file")
        if place == "query":
            reply = client.post(PATH, data=data, query_string=wishes)
        elif place == "field":
            reply = client.post(PATH, data=data | {name: str(value) for name, value in wishes.items()})
        else:
            reply = client.post(PATH, data=data | {"options": json.dumps(wishes)})
        assert "b" not in reply.json["text"]

    def test_pages_are_chosen(self, client: FlaskClient) -> None:
        document = tiff(["a", "b", "c", "d", "e"])
        read = client.post(f"{PATH}?pages=1-2,5", data=document, content_type="image/tiff").json
        assert [page["page"] for page in read["pages"]] == [1, 2, 5]

    @pytest.mark.parametrize("quarters", [0, 1, 2, 3])
    def test_a_page_is_turned_as_told(self, client: FlaskClient, quarters: int) -> None:
        stored = encode(np.rot90(line("ab中c"), quarters))  # counterclockwise
        turn = 90 * quarters
        read = client.post(f"{PATH}?layout=line&turn={turn}", data=stored, content_type="image/png").json
        (page,) = read["pages"]
        assert (page["text"], page["turned"]) == ("ab中c", turn)
        start = page["lines"][0]["quad"][0]  # the text's top left is at one of the picture's corners
        assert start == [[0, 0], [0, page["height"]], [page["width"], page["height"]], [page["width"], 0]][quarters]


class TestPictures:
    def test_they_come_with_the_pages_if_they_are_asked_for(self, client: FlaskClient) -> None:
        pages = tiff(["ab", "abcde中文"])
        (small, shrunk) = client.post(f"{PATH}?pictures=100", data=pages, content_type="image/tiff").json["pictures"]
        prefix, _, data = shrunk.partition(",")
        assert prefix == "data:image/jpeg;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (100, 27)  # of 180 × 48
        assert Image.open(io.BytesIO(base64.b64decode(small.partition(",")[2]))).size == (60, 48), "never enlarged"
        assert "pictures" not in client.post(PATH, data=pages, content_type="image/tiff").json

    def test_one_that_cannot_be_drawn_is_null(self, serve: Server) -> None:
        pages = io.BytesIO()
        large, small = Image.new("L", (200, 200)), Image.open(io.BytesIO(png("ab")))
        large.save(pages, "TIFF", save_all=True, append_images=[small])
        client = serve(max_pixels=10_000)
        first, second = client.post(f"{PATH}?pictures=100", data=pages.getvalue(), content_type="image/tiff").json[
            "pictures"
        ]
        assert first is None
        assert second is not None

    @pytest.mark.parametrize("side", ["0", "15", "2401", "-1", "x", "1e3", "99999999"])
    def test_their_size_is_bounded(self, client: FlaskClient, side: str) -> None:
        assert_error(client.post(f"{PATH}?pictures={side}", data=TWO, content_type="image/tiff"), 422, "bad_options")


class TestPasswords:
    LOCKED = "geheim-4711"

    def test_they_come_in_a_field_or_in_the_query_and_are_logged_nowhere(
        self, client: FlaskClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        document = locked(pdf(prose(3), pages=2, size=(595, 842)), self.LOCKED)
        with caplog.at_level("DEBUG"):
            read = client.post(PATH, data=form(document, "file") | {"password": self.LOCKED})
            assert len(read.json["pages"]) == 2
            by_query = client.post(f"{PATH}?password={self.LOCKED}&format=pdf", data=document)
        assert by_query.data.startswith(b"%PDF")
        assert "/api/v1/documents" in caplog.text
        assert self.LOCKED not in caplog.text

    @pytest.mark.parametrize(
        ("query", "code", "message"),
        [
            ("", "password_needed", "the PDF is encrypted: give its password, or save it without"),
            ("password=other", "password_wrong", "the PDF is encrypted: the password does not open it"),
            ("async=true", "password_needed", "give its password"),
            ("password=" + "x" * 201, "bad_options", "at most 200 characters"),
        ],
    )
    def test_a_wrong_one_and_none_are_told_apart(
        self, client: FlaskClient, query: str, code: str, message: str
    ) -> None:
        reply = client.post(f"{PATH}?{query}", data=locked(pdf(), self.LOCKED), content_type="application/pdf")
        assert_error(reply, 422, code)
        assert message in reply.json["error"]["message"]

    def test_what_needs_none_does_not_mind_one(self, client: FlaskClient) -> None:
        for document in (pdf(), TWO, png("ab")):
            assert client.post(f"{PATH}?password=x", data=document, content_type="image/tiff").status_code == 200


EDIT = {"page": 2, "line": 0, "read": "cd", "text": "dé"}


class TestEdits:
    @pytest.mark.parametrize("name", ["text", "json", "jsonl", "tsv", "md", "hocr", "alto"])
    def test_the_answer_says_what_was_changed(self, client: FlaskClient, name: str) -> None:
        reply = client.post(f"{PATH}?format={name}", data=form(TWO, "file") | {"edits": json.dumps([EDIT])})
        text = reply.get_data(as_text=True)
        assert "dé" in text
        assert "ab" in text
        assert '"cd"' not in text

    def test_characters_keep_their_places_where_there_are_as_many(self, client: FlaskClient) -> None:
        for text, count in (("dé", 2), ("longer", 0)):
            edits = [{**EDIT, "text": text}]
            read = client.post(PATH, data=form(TWO, "file") | {"edits": json.dumps(edits)}).json
            line = read["pages"][1]["lines"][0]
            assert (line["text"], line["confidence"], len(line["chars"])) == (text, 1.0, count)

    @pytest.mark.parametrize("changed", [{"read": "ab"}, {"line": 1}])
    def test_a_line_that_reads_otherwise_is_not_overwritten(self, client: FlaskClient, changed: dict) -> None:
        edits = [{**EDIT, **changed}]
        reply = client.post(PATH, data=form(TWO, "file") | {"edits": json.dumps(edits)})
        assert_error(reply, 409, "read_otherwise")

    @pytest.mark.parametrize(
        "edits",
        ["[", "{}", "[1]", '[{"page": 1}]', "[" * 100_000]
        + [
            json.dumps([{**EDIT, name: value}])
            for name, value in (
                ("line", -1), ("line", 0.5), ("page", "2"), ("page", True), ("read", None), ("more", 1),
                ("text", "x" * 401), ("text", "a\nb"), ("text", "\0"), ("text", "\ud800"),
            )
        ],
    )  # fmt: skip
    def test_what_is_none_is_refused(self, client: FlaskClient, edits: str) -> None:
        assert_error(client.post(PATH, data=form(TWO, "file") | {"edits": edits}), 422, "bad_options")


class TestFormats:
    """By `?format=` or by what is accepted, of documents and of pictures."""

    @pytest.mark.parametrize(
        ("accept", "kind", "expected"),
        [
            ("text/plain", "text/plain", "ab"),
            ("text/markdown", "text/markdown", "ab"),
            ("text/html;q=0.9, application/json;q=0.1", "text/html", "ocr_page"),
            ("application/xml", "application/xml", "<alto"),
            ("text/tab-separated-values", "text/tab-separated-values", "\tab"),
            ("application/jsonl", "application/jsonl", '"text":"ab"'),
            ("image/png", "application/json", '"text":"ab"'),
            ("*/*", "application/json", '"text":"ab"'),
        ],
    )
    def test_accepted(self, client: FlaskClient, accept: str, kind: str, expected: str) -> None:
        for path, field in ((PATH, "file"), ("/api/v1/ocr", "image")):
            reply = client.post(path, data=form(png("ab"), field), headers={"Accept": accept})
            assert (reply.status_code, reply.mimetype) == (200, kind)
            assert expected in reply.get_data(as_text=True)

    @pytest.mark.parametrize("name", ["text", "json", "jsonl", "tsv", "md", "hocr", "alto", "pdf"])
    def test_named(self, client: FlaskClient, name: str) -> None:
        reply = client.post(f"{PATH}?format={name}", data=form(TWO, "file"))
        assert reply.status_code == 200
        if name in ("hocr", "alto"):
            ElementTree.fromstring(reply.data)
        elif name == "pdf":
            assert reply.data.startswith(b"%PDF-")
            assert "line.pdf" in reply.headers["Content-Disposition"]
        else:
            assert "cd" in reply.get_data(as_text=True)

    def test_an_unknown_one(self, client: FlaskClient) -> None:
        assert_error(client.post(f"{PATH}?format=docx", data=form(TWO, "file")), 422, "bad_options")

    def test_paragraphs(self, client: FlaskClient) -> None:
        body = {"image_base64": b64(png("ab")), "options": {"paragraphs": True}}
        read = client.post("/api/v1/ocr?chars=false", json=body).json
        assert read["paragraphs"] == ["ab"]
        assert "chars" not in read["lines"][0]
        assert client.post(f"{PATH}?paragraphs=true", data=form(TWO, "file")).json["paragraphs"] == ["ab", "cd"]


class TestRefusals:
    def test_what_is_no_document(self, client: FlaskClient) -> None:
        for content in (b"", b"hello", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", png("abc")[:60]):
            assert_error(client.post(PATH, data=content, content_type="application/pdf"), 400, "bad_document")

    def test_json(self, client: FlaskClient) -> None:
        assert_error(client.post(PATH, json={"file": "x"}), 415, "unsupported_type")

    @pytest.mark.parametrize("pages", ["0", "x", "2-1", "1,,2", "3", "1-9999999", "-1"])
    def test_pages(self, client: FlaskClient, pages: str) -> None:
        assert_error(client.post(f"{PATH}?pages={pages}", data=TWO, content_type="image/tiff"), 422, "bad_options")

    @pytest.mark.parametrize("query", ["turn=45", "layout=x", "chars=maybe", "hotwords=[", "min_confidence=2"])
    def test_options(self, client: FlaskClient, query: str) -> None:
        assert_error(client.post(f"{PATH}?{query}", data=TWO, content_type="image/tiff"), 422, "bad_options")

    def test_too_many_bytes(self, serve: Server) -> None:
        reply = serve(document_bytes=1000).post(PATH, data=bytes(1001), content_type="application/pdf")
        assert_error(reply, 413, "too_many_bytes")

    def test_a_page_of_too_many_pixels_fails_alone(self, serve: Server) -> None:
        pages = io.BytesIO()
        large, small = Image.new("L", (200, 200)), Image.open(io.BytesIO(png("ab")))
        large.save(pages, "TIFF", save_all=True, append_images=[small])
        read = serve(max_pixels=10_000).post(PATH, data=pages.getvalue(), content_type="image/tiff").json
        assert "too large" in read["pages"][0]["error"]
        assert read["pages"][1]["text"] == "ab"

    def test_what_cannot_be_read_is_told_of_in_every_format(self, client: FlaskClient) -> None:
        read = client.post(f"{PATH}?format=text", data=CUT, content_type="image/tiff")
        assert (read.status_code, read.text.strip()) == (200, "ab")
        assert "page 2: the TIFF file is cut short" in read.headers[WARNING]
        whole = client.post(f"{PATH}?format=text", data=TWO, content_type="image/tiff")
        assert WARNING not in whole.headers
        first = client.post("/api/v1/ocr?format=text", data=form(TWO))
        assert first.headers[WARNING] == "only the first of 2 pages was read"

    @pytest.mark.parametrize("kind", ["text", "md", "hocr", "pdf", "alto", "tsv"])
    def test_nothing_that_can_be_read_is_an_error_where_the_format_has_none(
        self, client: FlaskClient, kind: str
    ) -> None:
        reply = client.post(f"{PATH}?format={kind}&pages=2", data=CUT, content_type="image/tiff")
        assert_error(reply, 400, "bad_document")
        assert "the TIFF file is cut short" in reply.json["error"]["message"]

    def test_a_page_that_takes_too_long_ends_with_its_process(self) -> None:
        squares = b"".join(b"%d %d 600 600 re f " % (i % 7, i % 11) for i in range(300_000))
        slow = b"0.5 g " + squares
        drawer = Drawer(25_000_000)
        drawer._child._command[1:3] = ["-c", _WITH_LITTLE_TIME]
        try:
            with drawer.opened(pdf(slow, pages=2, size=(2000, 2000)), Patience(60)) as drawing:
                page = drawing.page(1, Patience(60))
                assert "takes too long" in page.error
                assert "takes too long" in drawing.page(2, Patience(60)).error, "a further page is tried all the same"
            with drawer.opened(TWO, Patience(60)) as drawing:
                assert drawing.count == 2
        finally:
            drawer.close()

    @pytest.mark.slow
    def test_small_files_that_are_much_when_unpacked_stay_within_bounds(self) -> None:
        drawer = Drawer(25_000_000)
        try:
            for content in (b" " * 200_000_000, b"q " * 2_000_000):
                with drawer.opened(pdf(content), Patience(120)) as drawing:
                    page = drawing.page(1, Patience(120))
                    assert isinstance(page, BadPage) or page.image.size < 25_000_000
            with drawer.opened(pdf(size=(1_440_000, 1_440_000)), Patience(120)) as drawing:
                assert drawing.page(1, Patience(120)).image.size < 25_000_000
        finally:
            drawer.close()

    def test_nobody_waits_beyond_the_deadline(self, client: FlaskClient) -> None:
        started = time.monotonic()
        reply = client.post(f"{PATH}?deadline_ms=1", data=form(TWO, "file"))
        assert_error(reply, 504, "deadline_passed")
        assert time.monotonic() - started < 30


_WITH_LITTLE_TIME = """
from serve.engine import drawing_process
drawing_process.DRAWING_SECONDS = 0.4
drawing_process.main()
"""


def test_the_process_that_draws_rests_and_comes_again() -> None:
    drawer = Drawer(25_000_000)
    drawer._child._command[1:3] = ["-c", _WITH_LITTLE_TIME.replace("DRAWING_SECONDS = 0.4", "IDLE_SECONDS = 0.2")]
    try:
        with drawer.opened(TWO, Patience(60)) as drawing:
            assert drawing.count == 2
        process = drawer._child._process
        assert process is not None and process.wait(60) == 0
        with drawer.opened(TWO, Patience(60)) as drawing:
            assert drawing.page(2, Patience(60)).image.shape == (48, 60)
    finally:
        drawer.close()
