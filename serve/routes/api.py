"""The server's own routes: reading pictures, corrections, and what the server says of itself."""

from __future__ import annotations

import logging
import time
from typing import Any, cast

from flask import Blueprint, Response, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue

from serve.base.errors import BadOptions, InternalError, NotReady, RequestError
from serve.base.metrics import Metrics
from serve.engine.options import Options
from serve.engine.patience import Patience
from serve.engine.service import OcrService, Result
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


def _options() -> Options:
    return Options.parse(options_of(request), service().config.deadline_ms)


def _read(picture: bytes, options: Options) -> Result:
    return service().read(picture, options, service().patience(options, client_probe(request)))


def _success(result: Result, started: float) -> dict[str, Any]:
    return {
        "status": "success",
        "text": result.text,
        "elapsed_time_ms": elapsed_ms(started),
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
    options, picture = _options(), picture_of(request)
    return jsonify(_success(_read(picture, options), started))


@api.post("/predict")
def predict() -> ResponseReturnValue:
    """Read one picture, and answer with its text alone."""
    return jsonify(text=_read(picture_of(request), _options()).text)


@api.post(BATCH_PATH)
def ocr_batch() -> ResponseReturnValue:
    """Read several pictures one after the other within one deadline; a bad one fails alone."""
    started = time.perf_counter()
    request.max_content_length = BATCH_BODY * current_app.config["MAX_CONTENT_LENGTH"]
    options = _options()
    patience = service().patience(options, client_probe(request))
    results = [
        _batch_result(position, picture, options, patience) for position, picture in enumerate(_batch_pictures())
    ]
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
    return Response(figures.exposition(), mimetype="text/plain; version=0.0.4")


@api.get("/api/v1/model")
def model() -> ResponseReturnValue:
    """What the model in service says of itself."""
    current = service().holder.current
    info = current.recognizer.info
    return jsonify(
        **current.summary(),
        loaded_at=round(current.loaded_at, 3),
        load_ms=round(current.load_ms, 1),
        characters=len(info.characters),
        canvas={"height": info.canvas.height, "max_width": info.canvas.max_width, "mode": info.canvas.mode},
        model=info.model,
        training=info.training,
        validation=info.validation,
        quantisation=info.quantisation,
        language_model=current.language_model.path.name if current.language_model else None,
    )


@api.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    """This API, for programs."""
    return jsonify(describe(service().config))
