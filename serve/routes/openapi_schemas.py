"""The shapes of what is sent and what comes back, in JSON Schema: the components of `serve.routes.openapi`."""

from __future__ import annotations

from typing import Any

from crnn.page import TURNS
from serve.base.config import ServeConfig
from serve.engine.edits import LONGEST_LINE, MOST_EDITS
from serve.engine.page_picture import LEAST_SIDE, MOST_SIDE
from serve.routes.openapi_options import options

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
BYTES: Schema = {"type": "string", "format": "binary"}
SIDES: Schema = {"type": "integer", "minimum": LEAST_SIDE, "maximum": MOST_SIDE}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MILLISECONDS: Schema = {"type": "number", "minimum": 0}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_JSON: Schema = {"type": "string", "contentMediaType": "application/json"}
_BASE64: Schema = {"type": "string", "description": "the file; a data-URI prefix is tolerated"}
_SUCCESS: Schema = {"const": "success"}
_PAGES: Schema = {**STRING, "description": "numbers and ranges from 1 on, such as 1-3,7; all by default"}


def ref(name: str) -> Schema:
    """A schema of `schemas`, by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def schemas(config: ServeConfig) -> dict[str, Schema]:
    """All schemas by their names."""
    return {**_sent(config), **_read(), **_documents(), **_others()}


def _sent(config: ServeConfig) -> dict[str, Schema]:
    several = config.max_batch_images
    wishes = options(config)
    singly = {name: schema for name, schema in wishes.items() if name not in ("hotwords", "cache")}
    umi_options = _object({}, {"data.format": {"enum": ["dict", "text"], "default": "dict"}})
    return {
        "Options": {**_object({}, wishes), "additionalProperties": False},
        "Picture": _object({"image_base64": _BASE64}, {"options": ref("Options")}),
        "PictureForm": _object({"image": BYTES}, {"options": _JSON, **singly}),
        "Batch": _object(
            {"images": _list(_object({"image_base64": _BASE64}), 1, several)}, {"options": ref("Options")}
        ),
        "BatchForm": _object({"image": _list(BYTES, 1, several)}, {"options": _JSON}),
        "DocumentForm": _object(
            {"file": BYTES},
            {
                "pages": _PAGES,
                "name": STRING,
                "password": {**STRING, "description": "of an encrypted PDF"},
                "pictures": {**SIDES, "description": "longer side of the pictures of its pages that come with them"},
                "edits": {**_JSON, "description": "as in ChangedLines: what the answer says in place of what is read"},
                "options": _JSON,
                **singly,
            },
        ),
        "ChangedLine": _object(
            {"page": INTEGER, "line": {**_COUNT, "description": "its place in the page, from 0"}, "read": STRING}
            | {"text": {**STRING, "maxLength": LONGEST_LINE}}
        ),
        "ChangedLines": _object({"edits": _list(ref("ChangedLine"), most=MOST_EDITS)}),
        "Correction": _object({"image_base64": _BASE64, "text": STRING}, {"read_text": STRING, "box": ref("Box")}),
        "CorrectionForm": _object({"image": BYTES, "text": STRING}, {"read_text": STRING, "box": _JSON}),
        "RapidForm": _object({}, {"image_file": BYTES, "image_data": _BASE64, "use_det": {"type": "boolean"}}),
        "PaddleFile": _object({"file": _BASE64}, {"fileType": {"enum": [0, 1], "description": "0 PDF, 1 picture"}}),
        "UmiPicture": _object({"base64": _BASE64}, {"options": umi_options}),
    }


def _read() -> dict[str, Schema]:
    line = {
        "text": STRING,
        "confidence": {**_SHARE, "description": "probability that a character of the line is right"},
        "line_confidence": {**_SHARE, "description": "probability that all of them are"},
    }
    size = {"width": _COUNT, "height": _COUNT}
    turned = {"enum": [*TURNS], "description": "degrees clockwise that bring the picture upright"}
    read = {"chars": _list(ref("Char")), "vertical": {"type": "boolean"}}
    return {
        "Box": {
            **_list(_list(_NUMBER, 2, 2), 4, 4),
            "description": "corners in pixels, clockwise from the text's top left",
        },
        "Char": {
            **_object({"char": STRING, "confidence": _SHARE, "x": _NUMBER, "y": _NUMBER}),
            "description": "x and y: its center, in pixels of the picture",
        },
        "Line": _object(line | {"box": ref("Box")}, read | {"error": ref("Reason")}),
        "Model": _object({"name": STRING, "sha256": STRING}),
        "Result": _object(
            {
                "status": _SUCCESS,
                "text": STRING,
                "elapsed_time_ms": _MILLISECONDS,
                **size,
                "turned": turned,
                "lines": _list(ref("Line")),
                "pages": {"type": "integer", "minimum": 1, "description": "of the file; the first one is read"},
                "cached": {"type": "boolean"},
                "model": ref("Model"),
            },
            {
                "warning": {**STRING, "description": "what of the file was not read"},
                "paragraphs": {**_list(STRING), "description": "where they were asked for"},
            },
        ),
        "BatchResult": _object(
            {
                "status": _SUCCESS,
                "elapsed_time_ms": _MILLISECONDS,
                "results": _list({"anyOf": [ref("Result"), ref("Error")]}),
            }
        ),
        "PageLine": _object(line | {"quad": ref("Box")}, read | {"error": STRING}),
        "Page": _object(
            {
                "page": INTEGER,
                **size,
                "turned": turned,
                "dpi": _NUMBER,
                "text": STRING,
                "lines": _list(ref("PageLine")),
            },
            {"error": {**STRING, "description": "why it could not be read"}, "warnings": _list(STRING)},
        ),
    }


def _documents() -> dict[str, Schema]:
    state = {"enum": ["waiting", "running", "done", "failed", "cancelled"]}
    progress = {"id": STRING, "status": state, "pages_done": _COUNT, "created": _NUMBER, "expires": _NUMBER}
    return {
        "Document": _object(
            {
                "status": _SUCCESS,
                "name": STRING,
                "text": {**STRING, "description": "a line or a paragraph a row, a blank row between pages"},
                "pages": _list(ref("Page")),
                "seconds": _NUMBER,
                "model": ref("Model"),
            },
            {
                "paragraphs": _list(STRING),
                "pictures": {
                    **_list({"type": ["string", "null"]}),
                    "description": "where they were asked for: JPEGs as data URIs, null of pages that cannot be drawn",
                },
            },
        ),
        "Accepted": _object({"status": {"const": "accepted"}, "id": STRING, "pages": _COUNT, "url": STRING}),
        "Job": _object(progress | {"name": STRING, "pages": _COUNT}, {"error": STRING}),
        "JobPages": _object(progress | {"pages": _list(ref("Page"))}, {"error": STRING}),
        "Deleted": _object({"id": STRING, "status": {"const": "cancelled"}}),
    }


def _others() -> dict[str, Schema]:
    rapid = _object({"rec_txt": STRING, "dt_boxes": ref("Box"), "score": STRING})
    return {
        "Text": _object({"text": STRING}),
        "Kept": _object(
            {
                "status": _SUCCESS,
                "id": INTEGER,
                "text": STRING,
                "unknown_characters": {**STRING, "description": "those the model in service cannot read yet"},
            }
        ),
        "RapidResult": {"type": "object", "additionalProperties": rapid},
        "PaddleResult": _object(
            {"logId": STRING, "errorCode": INTEGER, "errorMsg": STRING, "result": {"type": ["object", "null"]}}
        ),
        "RapidOrPaddle": {"anyOf": [ref("PaddleResult"), ref("RapidResult")]},
        "RapidOrPaddleError": {"anyOf": [ref("PaddleResult"), ref("Error")]},
        "UmiResult": _object(
            {
                "code": {"type": "integer", "description": "100 success, 101 no text, otherwise an error"},
                "data": {"anyOf": [_list({"type": "object"}), STRING]},
                "time": _NUMBER,
                "timestamp": _NUMBER,
            }
        ),
        "ModelInfo": _object(
            {
                "name": STRING,
                "sha256": STRING,
                "characters": {**INTEGER, "description": "that it can read"},
                "finder": {**STRING, "description": "name of its file"},
                "language_model": {"type": ["string", "null"]},
            }
        ),
        "Health": _object({"status": {"const": "ok"}}),
        "Ready": _object({"status": {"const": "ready"}, "model": ref("Model")}),
        "Anything": {"type": "object"},
        "Reason": _object({"code": STRING, "message": STRING}),
        "Error": _object({"status": {"const": "error"}, "error": ref("Reason")}),
    }


def _list(items: Schema, least: int | None = None, most: int | None = None) -> Schema:
    bounds = {name: value for name, value in (("minItems", least), ("maxItems", most)) if value is not None}
    return {"type": "array", "items": items, **bounds}


def _object(required: Schema, optional: Schema | None = None) -> Schema:
    return {"type": "object", "properties": required | (optional or {}), "required": list(required)}
