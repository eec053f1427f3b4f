"""The server's own routes: reading pictures, corrections, and what the server says of itself."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any, cast

from flask import Blueprint, Response, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue

from serve.base.errors import BadOptions, InternalError, NotReady, RequestError
from serve.base.metrics import Metrics
from serve.engine.documents import Documents
from serve.engine.options import Options
from serve.engine.patience import Patience
from serve.engine.service import OcrService, Result
from serve.routes.formats import document_of, format_of, send
from serve.routes.multipart import form_of
from serve.routes.openapi import describe
from serve.routes.parsing import client_probe, from_base64, json_object, options_of, picture_of, pictures_in

api = Blueprint("api", __name__)
log = logging.getLogger("serve.routes.api")

BATCH_PATH = "/api/v1/ocr/batch"
BATCH_BODY = 4  # times the bytes of a single request: a batch of large photos is better sent in parts


def service() -> OcrService:
    """The service of the running application."""
    return cast(OcrService, current_app.extensions["ocr"])


def documents() -> Documents:
    """The reader of documents of the running application."""
    return cast(Documents, current_app.extensions["ocr_documents"])


def options() -> Options:
    """What the request asks for.

    Raises:
        BadOptions: something that cannot be.
    """
    return Options.parse(options_of(request), service().config.deadline_ms)


def _success(result: Result, started: float) -> dict[str, Any]:
    return {
        "status": "success",
        "text": result.text,
        "elapsed_time_ms": elapsed_ms(started),
        "width": result.size[1],
        "height": result.size[0],
        "turned": result.turned,
        "lines": result.lines,
        **pages_of(result),
        "cached": result.cached,
        "model": result.model,
    }


def pages_of(result: Result) -> dict[str, Any]:
    """How many pages the file has, and what of them was read."""
    warning = {"warning": f"only the first of {result.pages} pages was read"} if result.pages > 1 else {}
    return {"pages": result.pages, **warning}


def elapsed_ms(started: float) -> float:
    """Milliseconds since `started` (`time.perf_counter()`)."""
    return round((time.perf_counter() - started) * 1000, 2)


@api.post("/api/v1/ocr")
def ocr() -> ResponseReturnValue:
    """Read one picture."""
    started = time.perf_counter()
    form, wishes, picture = format_of(request), options(), picture_of(request)
    patience = service().patience(wishes, client_probe(request))
    if form == "json" and not wishes.paragraphs:
        return jsonify(_success(service().read(picture, wishes, patience), started))
    # Words and paragraphs are made of characters.
    result = service().read(picture, replace(wishes, chars=True), patience)
    document = document_of(result, picture, wishes.paragraphs)
    if form != "json":
        written = documents().formatted(document, form, wishes.chars, patience, {"model": result.model})
        return send(written, form, "", [*document.errors, *filter(None, [pages_of(result).get("warning")])])
    if not wishes.chars:
        short = [{name: value for name, value in line.items() if name != "chars"} for line in result.lines]
        result = replace(result, lines=short)
    paragraphs = [paragraph.text for paragraph in document.paragraphs]
    return jsonify(_success(result, started) | {"text": "\n".join(paragraphs), "paragraphs": paragraphs})


@api.post("/predict")
def predict() -> ResponseReturnValue:
    """Read one picture, and answer with its text alone."""
    picture, wishes = picture_of(request), options()
    return jsonify(text=service().read(picture, wishes, service().patience(wishes, client_probe(request))).text)


@api.post(BATCH_PATH)
def ocr_batch() -> ResponseReturnValue:
    """Read several pictures one after the other within one deadline; a bad one fails alone."""
    started = time.perf_counter()
    request.max_content_length = BATCH_BODY * current_app.config["MAX_CONTENT_LENGTH"]
    wishes = options()
    patience = service().patience(wishes, client_probe(request))
    results = [_batch_result(position, picture, wishes, patience) for position, picture in enumerate(_batch_pictures())]
    return jsonify(status="success", elapsed_time_ms=elapsed_ms(started), results=results)


def _batch_result(number: int, picture: object, options: Options, patience: Patience) -> dict[str, Any]:
    """What one picture of a batch says, or what is wrong with it."""
    started = time.perf_counter()
    try:
        patience.check()
        data = picture if isinstance(picture, bytes) else from_base64(picture, f"images[{number}]")
        return _success(service().read(data, options, patience), started)
    except RequestError as error:
        return error.body()
    except Exception:  # whatever it was, the other pictures are read
        log.exception("picture %d of request %s failed", number, g.get("request_id"))
        return InternalError().body()


def _batch_pictures() -> list[Any]:
    """Pictures of a batch: bytes from a form; whatever `images` holds (an object's `image_base64`) from
    JSON.
    """
    if (form := form_of(request)) is not None:
        pictures: list[Any] = list(pictures_in(form))
    else:
        images = json_object(request).get("images")
        if not isinstance(images, list):
            raise RequestError("images must be a list", code="no_image")
        pictures = [image.get("image_base64") if isinstance(image, dict) else image for image in images]
    most = service().config.max_batch_images
    if not 1 <= len(pictures) <= most:
        raise BadOptions(f"send 1 to {most} pictures, not {len(pictures)}", code="bad_batch")
    return pictures


@api.get("/health")
def health() -> ResponseReturnValue:
    """The process answers, and its reader lives."""
    if not service().queue.alive:
        raise NotReady("the reader has ended: restart this worker", code="reader_ended")
    return jsonify(status="ok")


@api.get("/ready")
def ready() -> ResponseReturnValue:
    """The model is loaded and passed its self-test."""
    if current_app.extensions["ocr_draining"].is_set():
        raise NotReady("the server is shutting down", code="draining")
    return jsonify(status="ready", model=service().holder.current.summary())


@api.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Figures of all workers in Prometheus's text form."""
    figures = cast(Metrics, current_app.extensions["ocr_metrics"])
    waiting = documents().jobs.waiting_pages()
    return Response(figures.exposition(waiting), mimetype="text/plain; version=0.0.4")


@api.get("/api/v1/model")
def model() -> ResponseReturnValue:
    """What the model in service is; with `?full=true`, all that it says of itself."""
    current = service().holder.current
    info = current.recognizer.info
    short = {
        **current.summary(),
        "characters": len(info.characters),
        "finder": current.pages.finder.path.name,
        "language_model": current.language_model.path.name if current.language_model else None,
    }
    if request.args.get("full") != "true":
        return jsonify(short)
    return jsonify(
        **short,
        loaded_at=round(current.loaded_at, 3),
        load_ms=round(current.load_ms, 1),
        canvas={"height": info.canvas.height, "max_width": info.canvas.max_width, "mode": info.canvas.mode},
        model=info.model,
        training=info.training,
        validation=info.validation,
        quantization=info.quantization,
    )


@api.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    """This API, for programs."""
    return jsonify(describe(service().config))
