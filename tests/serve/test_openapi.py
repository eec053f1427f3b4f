"""The description of the API: valid, shown by examples that fit it, and enough to make a client from."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from flask.testing import FlaskClient

from serve.base.config import ServeConfig
from serve.routes.openapi import BINARY, TAGS, describe
from serve.routes.openapi_examples import EXAMPLES
from tests.serve.conftest import Server, png
from tests.serve.documents import tiff
from tests.serve.running import RunningServer, until
from tests.serve.test_api import b64

DOCUMENT = describe(ServeConfig())
METHODS = ("get", "post", "delete")


def schema(name: str) -> dict[str, Any]:
    """One of the document's, which stands by itself."""
    return {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}


def operations() -> list[dict[str, Any]]:
    return [item[method] for item in DOCUMENT["paths"].values() for method in METHODS if method in item]


def test_it_is_openapi() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_fit_their_schemas(name: str) -> None:
    jsonschema.validate(EXAMPLES[name], schema(name), jsonschema.Draft202012Validator)


def test_schemas_are_all_made_use_of() -> None:
    text = json.dumps(DOCUMENT)
    assert [name for name in DOCUMENT["components"]["schemas"] if f'schemas/{name}"' not in text] == []


def test_operations_have_names_and_known_tags() -> None:
    names = [operation["operationId"] for operation in operations()]
    assert len(set(names)) == len(names)
    assert {tag for operation in operations() for tag in operation["tags"]} == set(TAGS)


def test_security_is_told() -> None:
    assert set(DOCUMENT["components"]["securitySchemes"]) == {"key", "bearer"}
    assert "security" not in DOCUMENT
    assert describe(ServeConfig(api_keys="a"))["security"] == [{"key": []}, {"bearer": []}]


def test_the_page_for_people_shows_every_operation(client: FlaskClient) -> None:
    page = client.get("/docs").get_data(as_text=True)
    for path in DOCUMENT["paths"]:
        assert path in page
    for name in ("format", "pages", "turn", "min_confidence", "after"):
        assert f"<code>{name}</code>" in page


class Client:
    """A client made from the description alone: a method for each operation, replies held against their schemas."""

    def __init__(self, url: str) -> None:
        with urllib.request.urlopen(url + "/openapi.json") as reply:
            self._document = json.load(reply)
        self._url = urllib.parse.urljoin(url, self._document["servers"][0]["url"])

    def __getattr__(self, name: str) -> Any:
        for path, item in self._document["paths"].items():
            for method, operation in item.items():
                if operation["operationId"] == name:
                    return lambda body=None, **given: self._call(path, method, operation, body, given)
        raise AttributeError(name)

    def _call(self, path: str, method: str, operation: dict[str, Any], body: Any, given: dict[str, Any]) -> Any:
        places = {parameter["name"]: parameter["in"] for parameter in operation.get("parameters", [])}
        query = {name: value for name, value in given.items() if places[name] == "query"}
        for name in (name for name, place in places.items() if place == "path"):
            path = path.replace(f"{{{name}}}", urllib.parse.quote(given[name]))
        headers = {}
        if body is not None:
            headers["Content-Type"] = "application/octet-stream" if isinstance(body, bytes) else "application/json"
            assert headers["Content-Type"] in operation["requestBody"]["content"]
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        address = urllib.parse.urljoin(self._url, path.lstrip("/")) + "?" + urllib.parse.urlencode(query)
        request = urllib.request.Request(address, body, headers, method=method.upper())
        try:
            with urllib.request.urlopen(request) as reply:
                status, kind, content = reply.status, reply.headers.get_content_type(), reply.read()
        except urllib.error.HTTPError as error:
            with error:
                status, kind, content = error.code, error.headers.get_content_type(), error.read()
        described = operation["responses"][str(status)]["content"][kind]["schema"]
        if kind != "application/json":
            return content
        value = json.loads(content)
        whole = {**described, "components": self._document["components"]}
        jsonschema.validate(value, whole, jsonschema.Draft202012Validator)
        return value


@pytest.mark.slow
def test_a_client_made_from_it_reads_pictures_and_documents(model: Path, tmp_path: Path) -> None:
    with RunningServer(tmp_path, model, workers=1) as server:
        client = Client(server.url)
        assert client.read_picture({"image_base64": b64(png("ab")), "options": {"layout": "line"}})["text"] == "ab"
        assert client.read_picture({"image_base64": b64(png("ab"))}, format="text") == b"ab\n"
        assert client.read_picture({"image_base64": "@"})["error"]["code"] == "bad_base64"
        assert client.read_document(tiff(["ab", "cd"]), pages="2")["text"] == "cd"
        job = client.read_document(tiff(["ab", "cd"]), **{"async": "true"})
        until(lambda: client.job(identity=job["id"])["status"] == "done")
        assert len(client.job_pages(identity=job["id"], after=1)["pages"]) == 1
        assert client.job_result(identity=job["id"])["text"] == "ab\n\ncd"
        assert client.delete_job(identity=job["id"])["status"] == "cancelled"
        assert client.job(identity=job["id"])["error"]["code"] == "not_found"
        assert client.model()["name"] == model.name
        assert client.rapid_or_paddle({"file": b64(png("ab"))})["errorCode"] == 0


USE = """
import io, sys, time
from crnn_ocr_client import Client
from crnn_ocr_client.api.documents import edited_result, job, job_picture, read_document
from crnn_ocr_client.api.pictures import read_picture
from crnn_ocr_client.models import ChangedLine, ChangedLines, DocumentForm, Options, OptionsLayout, Picture
from crnn_ocr_client.types import File

client = Client(sys.argv[1], raise_on_unexpected_status=True)
options = Options(layout=OptionsLayout.LINE)
print(read_picture.sync(client=client, body=Picture(open("picture", encoding="ascii").read(), options)).text)
file = File(io.BytesIO(open("document", "rb").read()), "two.tif", "image/tiff")
accepted = read_document.sync(client=client, body=DocumentForm(file), async_=True)
while job.sync(accepted.id, client=client).status != "done":
    time.sleep(0.1)
edits = ChangedLines([ChangedLine(page=2, line=0, read="cd", text="changed")])
print(edited_result.sync(accepted.id, client=client, body=edits).text.split())
print(job_picture.sync_detailed(accepted.id, 2, client=client).content[:2] == b"\\xff\\xd8")
"""


@pytest.mark.slow
def test_openapi_python_client_makes_a_client_that_reads(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("openapi_python_client")
    (tmp_path / "openapi.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "config.json").write_text(
        json.dumps({"content_type_overrides": dict.fromkeys(BINARY, "application/octet-stream")})
    )
    (tmp_path / "picture").write_text(b64(png("ab")))
    (tmp_path / "document").write_bytes(tiff(["ab", "cd"]))
    (tmp_path / "use.py").write_text(USE)
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--path", "openapi.json"]
    options = ["--config", "config.json", "--output-path", "crnn_ocr_client"]
    made = subprocess.run([*command, *options], cwd=tmp_path, check=True, capture_output=True, text=True)
    left_out = [line for line in made.stdout.splitlines() if line.startswith(("WARNING", "Unable"))]
    assert left_out == []
    with RunningServer(tmp_path, model, workers=1) as server:
        command = [sys.executable, "use.py", server.url]
        used = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert used.stdout.splitlines() == ["ab", "['ab', 'changed']", "True"]


def test_the_model_is_short_unless_all_is_asked_for(serve: Server) -> None:
    client = serve()
    short, full = client.get("/api/v1/model").json, client.get("/api/v1/model?full=true").json
    assert set(short) == {"name", "sha256", "characters", "finder", "language_model"}
    assert {"canvas", "training", "validation", "loaded_at"} <= set(full)
    assert short.items() <= full.items()
