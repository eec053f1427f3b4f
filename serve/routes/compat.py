"""Two APIs that programs already speak, over the same reading: RapidOCR API's `/ocr` and Umi-OCR's
`/api/ocr`.

RapidOCR API (RapidAI/RapidOCRAPI, rapidocr_api/main.py): a form with `image_file`, or `image_data` in
base64; the answer maps "0", "1", … to {rec_txt, dt_boxes, score}, and is {} without text.

Umi-OCR (hiroi-sora/Umi-OCR, docs/http/api_ocr.md): JSON {base64, options}; the answer's `code` is 100 for
success, 101 without text, anything else for an error whose reason stands in `data`.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from flask import Blueprint, g, jsonify, request
from flask.typing import ResponseReturnValue

from serve.base.errors import BadOptions, RequestError
from serve.engine.options import Options
from serve.engine.service import Result
from serve.routes.answers import send_error
from serve.routes.api import service
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
    here.
    """
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
