"""The API described in OpenAPI 3.1: for programs as JSON, for people as a page. One home for both."""

from __future__ import annotations

from typing import Any

from crnn.decoding.decoder import METHODS
from crnn.decoding.hot_words import MAX_BOOST
from serve.base.config import ServeConfig
from serve.engine.options import LAYOUTS, LONGEST_HOTWORD, MOST_ALLOWED, MOST_HOTWORDS

Schema = dict[str, Any]

# Statuses any reading route may answer with, and what they mean.
ERRORS = {
    "400": "not a picture, bad base64, bad JSON",
    "408": "the request did not arrive in time",
    "413": "too many bytes, pixels or lines",
    "415": "a type that is not read here",
    "422": "options that are unknown or out of range",
    "429": "the server is busy; Retry-After says when to come again",
    "431": "the headers are too long",
    "499": "the client has gone",
    "503": "no model in service yet, or shutting down",
    "504": "the deadline passed",
}


def describe(config: ServeConfig) -> Schema:
    """The OpenAPI document of a server with settings `config`."""
    document: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": "CRNN OCR",
            "version": "1",
            "description": "Reads Chinese and English text in pictures. 识别图片中的中英文文字。",
        },
        "paths": _paths(config),
        "components": {"schemas": _schemas(config)},
    }
    if config.keys:
        document["components"]["securitySchemes"] = {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}
        document["security"] = [{"key": []}]
    return document


def _paths(config: ServeConfig) -> Schema:
    errors = ERRORS | ({"401": "no API key, or a wrong one"} if config.keys else {})
    not_ready = {"503": ERRORS["503"]}
    full = {"507": "no room for further corrections"}
    post: dict[str, Schema] = {
        "/api/v1/ocr": _operation("Read a picture", "Result", errors, json="Picture", form="PictureForm"),
        "/api/v1/ocr/batch": _operation(
            "Read several pictures; a bad one fails alone", "BatchResult", errors, json="Batch", form="BatchForm"
        ),
        "/predict": _operation("Read a picture; the text alone", "Text", errors, form="PictureForm"),
        "/api/v1/corrections": _operation(
            "Send back what a line really says",
            "Kept",
            errors | full,
            json="Correction",
            form="CorrectionForm",
            status="201",
        ),
        "/ocr": _operation("As RapidOCR API does", "RapidResult", errors, form="RapidForm"),
        "/api/ocr": _operation("As Umi-OCR does", "UmiResult", errors, json="UmiPicture", error="UmiResult"),
    }
    get: dict[str, Schema] = {
        "/api/ocr/get_options": _operation("Umi-OCR's options", "Anything", {}),
        "/api/v1/model": _operation("The model in service", "ModelInfo", not_ready),
        "/health": _operation("The process answers", "Health", {"503": "its reader has ended: restart it"}),
        "/ready": _operation("The model is loaded and tested", "Ready", not_ready),
        "/metrics": _operation("Figures for Prometheus", "Text format", {}, kind="text/plain"),
    }
    paths = {path: {"post": operation} for path, operation in post.items()}
    return paths | {path: {"get": operation} for path, operation in get.items()}


_STRING: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_MILLISECONDS: Schema = {"type": "number", "minimum": 0}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_FILE: Schema = {"type": "string", "format": "binary"}
_JSON: Schema = {"type": "string", "contentMediaType": "application/json"}
_BASE64: Schema = {"type": "string", "description": "the picture's file; a data-URI prefix is tolerated"}


def _schemas(config: ServeConfig) -> Schema:
    several = config.max_batch_images
    deadline = {"type": "integer", "minimum": 1, "maximum": config.deadline_ms}
    flag = {"type": "boolean", "default": True}
    line = {
        "text": _STRING,
        "confidence": {**_SHARE, "description": "probability that a character of the line is right"},
        "line_confidence": {**_SHARE, "description": "probability that all of them are"},
        "box": _ref("Box"),
    }
    rapid = _object({"rec_txt": _STRING, "dt_boxes": _ref("Box"), "score": _STRING})
    umi_options = _object({}, {"data.format": {"enum": ["dict", "text"], "default": "dict"}})
    return {
        # What is sent
        "Options": {
            **_object(
                {},
                {
                    "layout": {
                        "enum": list(LAYOUTS),
                        "default": "auto",
                        "description": "auto finds the lines; line takes the whole picture for one",
                    },
                    "chars": {**flag, "description": "tell each character's place and confidence"},
                    "cache": {**flag, "description": "a result computed earlier will do, and this one may be kept"},
                    "deadline_ms": deadline,
                    "decode": {
                        "enum": list(METHODS),
                        "default": METHODS[0],
                        "description": "beam weighs hotwords and the server's language model; greedy is faster",
                    },
                    "allow": {
                        **_STRING,
                        "maxLength": MOST_ALLOWED,
                        "default": "",
                        "description": "characters that alone may be read; empty for all",
                    },
                    "hotwords": {
                        "type": "object",
                        "propertyNames": {"minLength": 1, "maxLength": LONGEST_HOTWORD},
                        "additionalProperties": {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_BOOST},
                        "maxProperties": MOST_HOTWORDS,
                        "default": {},
                        "description": "for decode beam: likely words and their boosts, nats a character; 1.5 is mild",
                    },
                },
            ),
            "additionalProperties": False,
        },
        "Picture": _object({"image_base64": _BASE64}, {"options": _ref("Options")}),
        "PictureForm": _object({"image": _FILE}, {"options": _JSON}),
        "Batch": _object(
            {"images": _list(_object({"image_base64": _BASE64}), 1, several)}, {"options": _ref("Options")}
        ),
        "BatchForm": _object({"image": _list(_FILE, 1, several)}, {"options": _JSON}),
        "Correction": _object({"image_base64": _BASE64, "text": _STRING}, {"read_text": _STRING, "box": _ref("Box")}),
        "CorrectionForm": _object({"image": _FILE, "text": _STRING}, {"read_text": _STRING, "box": _JSON}),
        "RapidForm": _object({}, {"image_file": _FILE, "image_data": _BASE64, "use_det": flag}),
        "UmiPicture": _object({"base64": _BASE64}, {"options": umi_options}),
        # What comes back
        "Box": {
            **_list(_list(_NUMBER, 2, 2), 4, 4),
            "description": "corners in pixels, clockwise from the text's top left",
        },
        "Char": {
            **_object({"char": _STRING, "confidence": _SHARE, "x": _NUMBER, "y": _NUMBER}),
            "description": "x and y: its centre, in pixels of the picture",
        },
        "Line": _object(line, {"chars": _list(_ref("Char")), "error": _ref("Reason")}),
        "Model": _object({"name": _STRING, "sha256": _STRING}),
        "Result": _object(
            {
                "status": {"const": "success"},
                "text": _STRING,
                "elapsed_time_ms": _MILLISECONDS,
                "lines": _list(_ref("Line")),
                "pages": {"type": "integer", "minimum": 1, "description": "of the file; the first one is read"},
                "cached": {"type": "boolean"},
                "model": _ref("Model"),
            },
            {"warning": {**_STRING, "description": "what of the file was not read"}},
        ),
        "BatchResult": _object(
            {
                "status": {"const": "success"},
                "elapsed_time_ms": _MILLISECONDS,
                "results": _list({"anyOf": [_ref("Result"), _ref("Error")]}),
            }
        ),
        "Text": _object({"text": _STRING}),
        "Kept": _object(
            {
                "status": {"const": "success"},
                "id": {"type": "integer"},
                "text": _STRING,
                "unknown_characters": {**_STRING, "description": "those the model in service cannot read yet"},
            }
        ),
        "RapidResult": {"type": "object", "additionalProperties": rapid},
        "UmiResult": _object(
            {
                "code": {"type": "integer", "description": "100 success, 101 no text, otherwise an error"},
                "data": {"type": ["array", "string"]},
                "time": _NUMBER,
                "timestamp": _NUMBER,
            }
        ),
        "ModelInfo": _object({"name": _STRING, "sha256": _STRING, "characters": {"type": "integer"}}),
        "Health": _object({"status": {"const": "ok"}}),
        "Ready": _object({"status": {"const": "ready"}, "model": _ref("Model")}),
        "Anything": {"type": "object"},
        "Reason": _object({"code": _STRING, "message": _STRING}),
        "Error": _object({"status": {"const": "error"}, "error": _ref("Reason")}),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Schema, least: int | None = None, most: int | None = None) -> Schema:
    bounds = {name: value for name, value in (("minItems", least), ("maxItems", most)) if value is not None}
    return {"type": "array", "items": items, **bounds}


def _object(required: Schema, optional: Schema | None = None) -> Schema:
    return {"type": "object", "properties": required | (optional or {}), "required": list(required)}


def _operation(
    summary: str,
    answer: str,
    errors: dict[str, str],
    *,
    json: str | None = None,
    form: str | None = None,
    status: str = "200",
    error: str = "Error",
    kind: str = "application/json",
) -> Schema:
    """One route: the names of the schemas of its bodies, of its answer and of its errors."""
    schema = _ref(answer) if kind == "application/json" else _STRING
    responses: Schema = {status: {"description": "success", "content": {kind: {"schema": schema}}}}
    for code, meaning in errors.items():
        responses[code] = {"description": meaning, "content": {"application/json": {"schema": _ref(error)}}}
    bodies = {"application/json": json, "multipart/form-data": form}
    content = {kind: {"schema": _ref(body)} for kind, body in bodies.items() if body is not None}
    body: Schema = {"requestBody": {"required": True, "content": content}} if content else {}
    return {"summary": summary, **body, "responses": responses}
