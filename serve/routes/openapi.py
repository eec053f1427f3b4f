"""The API described in OpenAPI 3.1: for programs as JSON, for people as a page. One home for both."""

from __future__ import annotations

from serve.base.config import ServeConfig
from serve.engine.page_picture import SIDE
from serve.routes.formats import TYPES, WARNING
from serve.routes.openapi_examples import EXAMPLES
from serve.routes.openapi_options import options
from serve.routes.openapi_schemas import BYTES, INTEGER, SIDES, STRING, Schema, ref, schemas

# Statuses any reading route may answer with, and what they mean.
ERRORS = {
    "400": "not a picture or document, bad base64, bad JSON",
    "408": "the request did not arrive in time",
    "413": "too many bytes, pixels, lines or pages, or more text than can be read in time",
    "415": "a type that is not read here",
    "422": "options that are unknown or out of range",
    "429": "the server is busy; Retry-After says when to come again",
    "431": "the headers are too long",
    "499": "the client has gone",
    "503": "no model in service yet, or shutting down",
    "504": "the deadline passed",
}
TAGS = {
    "pictures": "Pictures, read while their client waits.",
    "documents": "PDFs, TIFFs, animations and photographs: short ones at once, longer ones as jobs.",
    "corrections": "What people put right.",
    "compatible": "APIs that other programs speak.",
    "server": "The server itself.",
}
BINARY = ("application/pdf", "image/jpeg", "image/tiff")
IN_QUERY = ("layout", "turn", "chars", "paragraphs", "min_confidence", "deadline_ms", "decode", "allow")


def describe(config: ServeConfig) -> Schema:
    """The OpenAPI document of a server with settings `config`."""
    key = "one of OCR_API_KEYS" if config.keys else "this server asks for none"
    document: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": "CRNN OCR",
            "version": "1",
            "description": "Reads Chinese and English text in pictures and documents. 识别图片和文档中的中英文文字。",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "this server"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": _paths(config),
        "components": {
            "schemas": schemas(config),
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": key},
                "bearer": {"type": "http", "scheme": "bearer", "description": key},
            },
        },
    }
    if config.keys:
        document["security"] = [{"key": []}, {"bearer": []}]
    return document


def _paths(config: ServeConfig) -> Schema:
    errors = ERRORS | ({"401": "no API key, or a wrong one"} if config.keys else {})
    not_ready = {"503": ERRORS["503"]}
    full = {"507": "no room for further corrections"}
    job_errors = {name: text for name, text in errors.items() if name in ("401", "503")} | {"404": "no such job"}
    every = [_query(name, schema) for name, schema in options(config).items() if name in IN_QUERY]
    forms = {"format": _query("format", {"enum": list(TYPES)}, "instead of what Accept says")}
    document = [
        forms["format"],
        _query("pages", STRING, "numbers and ranges from 1 on, such as 1-3,7; all by default"),
        _query("name", STRING, "of the document"),
        _query("pictures", SIDES, "pictures of the pages, their longer side of so many pixels, in the JSON; none else"),
        _query("password", STRING, "of an encrypted PDF; in a field of a form no proxy logs it"),
        _query("async", {"type": "boolean", "default": False}, "make it a job, however short it is"),
        *every,
    ]
    one_job = {"name": "identity", "in": "path", "required": True, "schema": STRING, "description": "the job's id"}
    one_page = {"name": "number", "in": "path", "required": True, "schema": INTEGER, "description": "of a page, from 1"}
    result = [one_job, forms["format"], _query("chars", {"type": "boolean", "default": True})]
    result_errors = job_errors | {
        "409": "it is not done", "413": "too large for this format", "422": "no such format", "429": ERRORS["429"],
        "499": ERRORS["499"], "504": "writing it takes too long", "507": "no room for it",
    }  # fmt: skip
    after = _query("after", {"type": "integer", "minimum": 0, "maximum": 999_999_999, "default": 0}, "number of a page")
    warning = {WARNING: "what could not be read, where something could not; in JSON the pages say so themselves"}
    accepted = {"202": _answer("it is a job now", "Accepted", headers={"Location": "where it is"})}
    files = ("application/pdf", "image/tiff", "application/octet-stream")
    return {
        "/api/v1/ocr": {
            "post": _operation(
                "pictures", "read_picture", "Read a picture", "Result", errors, json="Picture", form="PictureForm",
                parameters=[forms["format"], *every], kinds=TYPES.values(), headers=warning,
            )
        },
        "/api/v1/ocr/batch": {
            "post": _operation(
                "pictures", "read_pictures", "Read several pictures; a bad one fails alone", "BatchResult", errors,
                json="Batch", form="BatchForm",
            )
        },
        "/predict": {
            "post": _operation(
                "pictures", "predict", "Read a picture; the text alone", "Text", errors, form="PictureForm"
            )
        },
        "/api/v1/documents": {
            "post": _operation(
                "documents", "read_document",
                f"Read a document: up to {config.sync_pages} pages at once, more as a job", "Document",
                errors | {"409": "a line reads otherwise than when it was changed", "507": "no room for another job"},
                form="DocumentForm", files=files, parameters=document, kinds=TYPES.values(), more=accepted,
                headers=warning,
            )
        },
        "/api/v1/jobs/{identity}": {
            "get": _operation("documents", "job", "How far a job is", "Job", job_errors, parameters=[one_job]),
            "delete": _operation(
                "documents", "delete_job", "End a job and delete its document and result", "Deleted", job_errors,
                parameters=[one_job],
            ),
        },
        "/api/v1/jobs/{identity}/pages": {
            "get": _operation(
                "documents", "job_pages", "Its pages behind a page that were read, in order, twenty at most",
                "JobPages", job_errors | {"422": "after is no number"}, parameters=[one_job, after],
            )
        },
        "/api/v1/jobs/{identity}/pages/{number}/picture": {
            "get": _operation(
                "documents", "job_picture", "One of its pages as a picture", "Text",
                job_errors | {"404": "no such job or page, or one that cannot be drawn", "422": "side out of bounds",
                              "499": ERRORS["499"], "504": "drawing it takes too long"},
                parameters=[one_job, one_page, _query("side", {**SIDES, "default": SIDE}, "pixels of its longer side")],
                kinds=["image/jpeg"],
            )
        },
        "/api/v1/jobs/{identity}/result": {
            "get": _operation(
                "documents", "job_result", "What was read", "Document", result_errors, parameters=result,
                kinds=TYPES.values(), headers=warning,
            ),
            "post": _operation(
                "documents", "edited_result", "What was read, with lines that somebody has changed", "Document",
                result_errors | {"409": "it is not done, or a line reads otherwise than when it was changed"},
                json="ChangedLines", parameters=result, kinds=TYPES.values(), headers=warning,
            ),
        },
        "/api/v1/corrections": {
            "post": _operation(
                "corrections", "correct", "Send back what a line really says", "Kept", errors | full,
                json="Correction", form="CorrectionForm", status="201",
            )
        },
        "/ocr": {
            "post": _operation(
                "compatible", "rapid_or_paddle", "As RapidOCR API does; of JSON with a file, as PaddleX does",
                "RapidOrPaddle", errors, json="PaddleFile", form="RapidForm", error="RapidOrPaddleError",
            )
        },
        "/api/ocr": {
            "post": _operation(
                "compatible", "umi", "As Umi-OCR does", "UmiResult", errors, json="UmiPicture", error="UmiResult"
            )
        },
        "/api/ocr/get_options": {
            "get": _operation("compatible", "umi_options", "Umi-OCR's options", "Anything", {})
        },
        "/api/v1/model": {
            "get": _operation(
                "server", "model", "The model in service", "ModelInfo", not_ready,
                parameters=[_query("full", {"type": "boolean", "default": False}, "all that it says of itself")],
            )
        },
        "/health": {
            "get": _operation(
                "server", "health", "The process answers", "Health", {"503": "its reader has ended: restart it"}
            )
        },
        "/ready": {
            "get": _operation("server", "ready", "The model is loaded and tested", "Ready", not_ready)
        },
        "/metrics": {
            "get": _operation(
                "server", "metrics", "Figures for Prometheus", "Text", {}, kinds=["text/plain"]
            )
        },
    }  # fmt: skip


def _query(name: str, schema: Schema, description: str = "") -> Schema:
    text = description or schema.get("description", "")
    plain = {key: value for key, value in schema.items() if key != "description"}
    return {"name": name, "in": "query", "schema": plain, **({"description": text} if text else {})}


def _answer(
    description: str, schema: str, kinds: object = ("application/json",), headers: Schema | None = None
) -> Schema:
    shown = {name: {"description": text, "schema": STRING} for name, text in (headers or {}).items()}
    content = {}
    for kind in kinds:  # type: ignore[attr-defined]
        example = {"example": EXAMPLES[schema]} if schema in EXAMPLES and kind == "application/json" else {}
        of = ref(schema) if kind == "application/json" else BYTES if kind in BINARY else STRING
        content[kind] = {"schema": of, **example}
    return {"description": description, "content": content, **({"headers": shown} if shown else {})}


def _operation(
    tag: str,
    name: str,
    summary: str,
    answer: str,
    errors: dict[str, str],
    *,
    json: str | None = None,
    form: str | None = None,
    files: tuple[str, ...] = (),
    parameters: list[Schema] | None = None,
    status: str = "200",
    error: str = "Error",
    kinds: object = ("application/json",),
    more: Schema | None = None,
    headers: Schema | None = None,
) -> Schema:
    """One route: the names of the schemas of its bodies, of its answer and of its errors; the kinds it answers with."""
    responses: Schema = {status: _answer("success", answer, kinds, headers), **(more or {})}
    responses |= {code: _answer(meaning, error) for code, meaning in errors.items()}
    content: Schema = {}
    for kind, body in (("application/json", json), ("multipart/form-data", form)):
        if body is not None:
            content[kind] = {"schema": ref(body), **({"example": EXAMPLES[body]} if body in EXAMPLES else {})}
    content |= {kind: {"schema": BYTES} for kind in files}
    return {
        "tags": [tag],
        "operationId": name,
        "summary": summary,
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": {"required": True, "content": content}} if content else {}),
        "responses": responses,
    }
