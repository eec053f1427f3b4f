"""APIs that programs already speak, over the same reading: RapidOCR API's and PaddleX's `/ocr`, and Umi-OCR's
`/api/ocr`.

RapidOCR API (RapidAI/RapidOCRAPI, rapidocr_api/main.py): a form with `image_file`, or `image_data` in
base64; the answer maps "0", "1", … to {rec_txt, dt_boxes, score}, and is {} without text.

PaddleX (its OCR pipeline served; docs/pipeline_usage/tutorials/ocr_pipelines/OCR.md): JSON {file, fileType}, the file
in base64; the answer's `errorCode` is 0, and `result.ocrResults` has an object a page. On `/ocr` it is told from
RapidOCR API's by being JSON.

Umi-OCR (hiroi-sora/Umi-OCR, docs/http/api_ocr.md): JSON {base64, options}; the answer's `code` is 100 for
success, 101 without text, anything else for an error whose reason stands in `data`.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from flask import Blueprint, g, jsonify, request
from flask.typing import ResponseReturnValue

from crnn.documents.result import Page
from serve.base.errors import BadOptions, RequestError, TooLarge
from serve.engine.documents import Document
from serve.engine.options import Options
from serve.engine.service import Result
from serve.routes.answers import send_error
from serve.routes.api import documents, service
from serve.routes.multipart import Form, form_of
from serve.routes.parsing import client_probe, from_base64, json_object, picture_of

rapid = Blueprint("rapid", __name__)
umi = Blueprint("umi", __name__)

UMI_SUCCESS, UMI_NO_TEXT = 100, 101
UMI_FORMATS = ("dict", "text")
UMI_PATH = "/api/ocr"
UMI_BUSY: dict[str, object] = {"code": 429, "data": "[Error] the server is busy", "time": 0, "timestamp": 0}


@rapid.post("/ocr")
def rapid_ocr() -> ResponseReturnValue:
    """RapidOCR API. `use_det=false` takes the picture for one line; `use_cls` and `use_rec` change nothing
    here. JSON with a `file` is PaddleX's.
    """
    if request.is_json and "file" in json_object(request):
        return paddle_ocr()
    plain = request.mimetype == "application/x-www-form-urlencoded"
    form = Form([], request.form.to_dict()) if plain else form_of(request) or Form([], {})
    layout = "line" if form.fields.get("use_det", "").lower() in ("false", "0", "off", "no") else "auto"
    data = form.fields.get("image_data")
    picture = from_base64(data, "image_data") if data and not form.files else picture_of(request)
    return jsonify(
        {
            str(number): {
                "rec_txt": line["text"],
                "dt_boxes": line["box"],
                "score": f"{line['confidence']:.4f}",
            }
            for number, line in enumerate(_read(picture, layout).lines)
        }
    )


def paddle_ocr() -> ResponseReturnValue:
    """PaddleX. Options of its models are accepted and change nothing here, nor does it fetch addresses."""
    try:
        file = json_object(request)["file"]
        if isinstance(file, str) and file.startswith(("http://", "https://")):
            raise BadOptions("addresses are not fetched: send the file in base64")
        wishes = Options(deadline_ms=service().config.deadline_ms)
        patience = service().patience(wishes, client_probe(request))
        most = service().config.sync_pages
        read = documents().read(Document(from_base64(file, "file")), wishes, patience, most)
        if isinstance(read, tuple):
            raise TooLarge(f"more than {most} pages: send them to /api/v1/documents", code="too_many_pages")
    except RequestError as error:
        return send_error(error, {**_paddle_body(error.status, error.message), "result": None})
    document = read.result
    pages = [{"width": page.size[1], "height": page.size[0]} for page in document.pages]
    info = {"type": "image", **pages[0]} if len(pages) == 1 else {"type": "pdf", "numPages": len(pages), "pages": pages}
    result = {"ocrResults": [_paddle_page(page) for page in document.pages], "dataInfo": info}
    return jsonify({**_paddle_body(0, "Success"), "result": result})


def _paddle_body(code: int, message: str) -> dict[str, Any]:
    return {"logId": g.request_id, "errorCode": code, "errorMsg": message}


def _paddle_page(page: Page) -> dict[str, Any]:
    lines = [line for line in page.lines if line.text]
    polygons = [[[round(float(x)), round(float(y))] for x, y in line.box.quad] for line in lines]
    read = {
        "dt_polys": polygons,
        "rec_texts": [line.text for line in lines],
        "rec_scores": [round(line.confidence, 4) for line in lines],
        "rec_polys": polygons,
        "rec_boxes": [[*map(min, zip(*quad, strict=True)), *map(max, zip(*quad, strict=True))] for quad in polygons],
    }
    return {"prunedResult": read, "ocrImage": None, "docPreprocessingImage": None, "inputImage": None}


@umi.post(UMI_PATH)
def umi_ocr() -> ResponseReturnValue:
    """Umi-OCR. Options of its engines (language, rotation, …) are accepted and change nothing here."""
    body = json_object(request)
    options = body.get("options") or {}
    if not isinstance(options, dict) or options.get("data.format", "dict") not in UMI_FORMATS:
        raise BadOptions(f"options must be an object, data.format one of {', '.join(UMI_FORMATS)}")
    result = _read(from_base64(body.get("base64"), "base64"), "auto")
    if not result.lines:
        return jsonify(_umi_body(UMI_NO_TEXT, "No text found in image."))
    if options.get("data.format") == "text":
        return jsonify(_umi_body(UMI_SUCCESS, result.text + "\n"))
    lines = [
        {"text": line["text"], "score": line["confidence"], "box": line["box"], "end": "\n"} for line in result.lines
    ]
    return jsonify(_umi_body(UMI_SUCCESS, lines))


@umi.errorhandler(RequestError)
def umi_error(error: RequestError) -> ResponseReturnValue:
    """An error where Umi-OCR's clients look for it; the HTTP status says the same."""
    return send_error(error, _umi_body(error.status, f"[Error] {error.message}"))


@umi.get("/api/ocr/get_options")
def umi_options() -> ResponseReturnValue:
    """The one option of Umi-OCR's that has a meaning here, in the form its clients build menus from."""
    return jsonify(
        {
            "data.format": {
                "title": "数据返回格式",
                "toolTip": '返回值字典中，["data"] 按什么格式表示OCR结果数据',
                "default": "dict",
                "optionsList": [["dict", "含有位置等信息的原始字典"], ["text", "纯文本"]],
                "type": "enum",
            }
        }
    )


def _read(picture: bytes, layout: str) -> Result:
    options = Options(layout=layout, chars=False, deadline_ms=service().config.deadline_ms)
    result = service().read(picture, options, service().patience(options, client_probe(request)))
    return replace(
        result, lines=[line for line in result.lines if line["text"]]
    )  # these APIs have no lines that failed


def _umi_body(code: int, data: Any) -> dict[str, Any]:
    seconds = time.perf_counter() - g.started
    return {"code": code, "data": data, "time": round(seconds, 4), "timestamp": time.time() - seconds}
