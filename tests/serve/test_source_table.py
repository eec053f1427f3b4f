"""The table of docs/documents.md: what each kind of source gives in Python, on the command line and over HTTP."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from crnn import OCR
from crnn.__main__ import main
from crnn.core.errors import UserError
from tests.serve.conftest import Server, bars_config, line

pikepdf = pytest.importorskip("pikepdf", reason="encrypts a PDF")
pillow_heif = pytest.importorskip("pillow_heif", reason="writes HEIC")

DOCS = Path(__file__).parents[2] / "docs" / "documents.md"
TEXT = "ab中"
PICTURE = cv2.cvtColor(line(TEXT), cv2.COLOR_GRAY2BGR)
ABSENT = "–"  # this kind of source cannot come this way


def files(folder: Path) -> dict[str, Path]:
    """Files of all kinds, by their names."""
    image = Image.fromarray(PICTURE)
    pages: dict[str, Any] = {"save_all": True, "append_images": [image, image]}
    frames = [Image.fromarray(np.minimum(PICTURE, 255 - level)) for level in (1, 2)]
    for ending in ("png", "jpg", "webp", "bmp", "avif"):
        image.save(folder / f"page.{ending}", quality=95)
    pillow_heif.from_pillow(image).save(folder / "page.heic", quality=95)
    image.save(folder / "pages.tif", **pages)
    image.save(folder / "pages.gif", save_all=True, append_images=frames)
    image.save(folder / "pages.pdf", **pages)
    with pikepdf.open(folder / "pages.pdf") as document:
        document.save(folder / "secret.pdf", encryption=pikepdf.Encryption(owner="word", user="word"))
    (folder / "cut.png").write_bytes((folder / "page.png").read_bytes()[:-40])
    (folder / "notes.txt").write_text("notes")
    (folder / "empty.png").touch()
    for name in ("a.png", "b.png"):
        (folder / "two").mkdir(exist_ok=True)
        image.save(folder / "two" / name)
    return {path.name: path for path in folder.iterdir()}


def told(pages: list[list[str]]) -> str:
    """A cell for documents with the texts of their pages."""
    assert all(text == TEXT for document in pages for text in document), pages
    if len(pages) > 1:
        return f"{len(pages)} documents"
    return "read" if len(pages[0]) == 1 else f"{len(pages[0])} pages"


def in_python(source: Any, ocr: OCR) -> str:
    try:
        read = ocr(source)
        results = [read] if hasattr(read, "pages") else list(read)
    except UserError as error:
        return str(error)
    return told([[page.text for page in result.pages] for result in results])


@pytest.fixture(scope="module")
def client(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    server = Server(bars_config(model, tmp_path_factory.mktemp("state")))
    yield server()
    server.close()


def over_http(data: bytes, client: FlaskClient, **options: str) -> str:
    reply = client.post("/api/v1/documents", data=data, query_string={"layout": "line"} | options)
    if reply.status_code != 200:
        return str(reply.json["error"]["message"])
    assert not [page for page in reply.json["pages"] if page.get("error")], reply.json
    return told([[page["text"] for page in reply.json["pages"]]])


def test_the_table_is_true(
    model: Path,
    tmp_path: Path,
    client: FlaskClient,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = files(tmp_path)

    def on_command_line(*arguments: object) -> str:
        code = main(["--line", "--json", "--unsure", "0", "--model", str(model), *map(str, arguments)])
        out, err = capsys.readouterr()
        documents = [json.loads(row) for row in out.splitlines()]
        if code:
            assert code == 2 and not documents and err.count("\n") == 1
            return err.strip().split(": ", 2)[2]
        lines = [document.get("lines", [document]) for document in documents]
        return told([[line["text"] for line in of] for of in lines])

    def ocr(**options: Any) -> OCR:
        return OCR(model, layout="line", unsure=0, **options)

    png = folder["page.png"]
    gray, four = line(TEXT), cv2.cvtColor(PICTURE, cv2.COLOR_BGR2BGRA)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(png.read_bytes())))
    rows: dict[str, tuple[str, str, str]] = {
        "path": (in_python(str(png), ocr()), on_command_line(png), ABSENT),
        "`Path`": (in_python(png, ocr()), ABSENT, ABSENT),
        "bytes": (in_python(png.read_bytes(), ocr()), ABSENT, over_http(png.read_bytes(), client)),
        "open file, standard input (`-`)": (
            in_python(io.BytesIO(png.read_bytes()), ocr()),
            on_command_line("-"),
            ABSENT,
        ),
        "PIL image": (in_python(Image.open(png), ocr()), ABSENT, ABSENT),
        "array (H, W)": (in_python(gray, ocr()), ABSENT, ABSENT),
        "array (H, W, 3), BGR": (in_python(PICTURE, ocr()), ABSENT, ABSENT),
        "array (H, W, 3), RGB": (in_python(PICTURE[:, :, ::-1], ocr(rgb=True)), ABSENT, ABSENT),
        "array (H, W, 4)": (in_python(four, ocr()), ABSENT, ABSENT),
        "list": (in_python([png, gray], ocr()), on_command_line(png, png), ABSENT),
        "folder": (in_python(tmp_path / "two", ocr()), on_command_line(tmp_path / "two"), ABSENT),
        "glob": (in_python(f"{tmp_path}/two/*.png", ocr()), on_command_line(f"{tmp_path}/two/*.png"), ABSENT),
    }

    def file(name: str, **options: str) -> tuple[str, str, str]:
        path = folder[name]
        flags = [f"--{key}={value}" for key, value in options.items()]
        first = in_python(path, ocr(**options))
        others = on_command_line(path, *flags), over_http(path.read_bytes(), client, **options)
        is_message = " " in first and not first.endswith(" pages")
        return first, *("the same" if is_message and cell == first else cell for cell in others)  # type: ignore[return-value]

    rows |= {
        "PNG, JPEG, WebP, BMP": file("page.jpg"),
        "HEIC": file("page.heic"),
        "AVIF": file("page.avif"),
        "TIFF of three pages": file("pages.tif"),
        "GIF of three frames": file("pages.gif"),
        "PDF of three pages": file("pages.pdf"),
        "PDF, encrypted, with its password": file("secret.pdf", password="word"),
        "PDF, encrypted, without": file("secret.pdf"),
        "picture, cut short": file("cut.png"),
        "text file": file("notes.txt"),
        "empty file": file("empty.png"),
    }
    for name in ("page.png", "page.webp", "page.bmp"):
        assert file(name) == rows["PNG, JPEG, WebP, BMP"]
    table = "".join(f"| {name} | {' | '.join(cells)} |\n" for name, cells in rows.items())
    assert table in DOCS.read_text(encoding="utf-8"), table
