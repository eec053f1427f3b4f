"""Puts the application together."""

from __future__ import annotations

import logging

import cv2
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix

from serve.base.config import MEGA, ServeConfig
from serve.base.errors import InternalError, RequestError
from serve.base.metrics import Metrics
from serve.engine.cache import ResultCache
from serve.engine.corrections import FILE, CorrectionStore
from serve.engine.documents import Documents
from serve.engine.model_holder import ModelHolder
from serve.engine.service import OcrService
from serve.middleware.access import control_access
from serve.middleware.admission import Gate
from serve.middleware.fast_flask import App
from serve.middleware.observe import observe
from serve.routes.answers import send_error
from serve.routes.api import BATCH_BODY, BATCH_PATH, api
from serve.routes.compat import UMI_BUSY, UMI_PATH, rapid, umi
from serve.routes.corrections import feedback
from serve.routes.documents import PATH as DOCUMENTS_PATH
from serve.routes.documents import documents
from serve.routes.pages import pages

log = logging.getLogger("serve")


def create_app(config: ServeConfig | None = None) -> Flask:
    """The application, its model loaded. Call it after the fork: sessions and threads do not cross one.

    Args:
        config: settings; from the environment by default.

    Raises:
        UserError: a setting is wrong.
    """
    config = config or ServeConfig.from_environment()
    cv2.setNumThreads(1)  # a worker has one core
    app = App(__name__)
    # Base64 takes 4/3 of a picture's bytes; the rest is room for options and the form's own lines.
    app.config["MAX_CONTENT_LENGTH"] = config.max_bytes * 4 // 3 + MEGA
    app.config["MAX_FORM_MEMORY_SIZE"] = app.config["MAX_CONTENT_LENGTH"]
    if config.trusted_proxies:
        proxies = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]

    metrics = Metrics()
    holder = ModelHolder(
        config.model_file,
        config.state,
        max_batch=config.max_batch,
        unsure=config.unsure,
        language_model=config.language_model_file,
        finder=config.finder_file,
        watch_seconds=config.watch_seconds,
        on_reload=metrics.reload,
    )
    cache = ResultCache(config.state / "cache.sqlite", config.cache_mb * MEGA)
    service = app.extensions["ocr"] = OcrService(config, holder, cache, metrics)
    service.documents = app.extensions["ocr_documents"] = Documents(config, service, metrics)
    app.extensions["ocr_metrics"] = metrics
    app.extensions["ocr_corrections"] = CorrectionStore(
        config.state / FILE, config.corrections_limit, config.corrections_mb * MEGA
    )
    app.extensions["ocr_draining"] = service.draining

    # The order counts: a request takes a place, gets its id, then shows its key.
    observe(app, metrics)
    control_access(app, config)
    body: int = app.config["MAX_CONTENT_LENGTH"]
    gate = Gate(
        app.wsgi_app,
        config.max_pending,
        metrics,
        body=body,
        bodies={BATCH_PATH: BATCH_BODY * body, DOCUMENTS_PATH: config.document_bytes + MEGA},
        busy={UMI_PATH: UMI_BUSY},
    )
    app.wsgi_app = app.extensions["ocr_gate"] = gate  # type: ignore[method-assign]
    for blueprint in (api, documents, rapid, umi, feedback, pages):
        app.register_blueprint(blueprint)
    _answer_errors(app, config)
    return app


def _answer_errors(app: Flask, config: ServeConfig) -> None:
    """Give every error the one JSON form; only what nobody foresaw is logged with its traceback."""

    def http_error(error: HTTPException) -> Response:
        known = RequestError(error.description or error.name, code=error.name.lower().replace(" ", "_"))
        known.status = error.code or 500
        if isinstance(error, RequestEntityTooLarge):
            known.code = "too_many_bytes"
            known.message = f"the request is too large: a picture may have {config.max_bytes} bytes"
        response = send_error(known)
        response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
        return response

    def stalled(error: TimeoutError) -> Response:
        late = RequestError("the request did not arrive in time", code="request_timeout")
        late.status = 408
        return send_error(late)

    def unforeseen(error: Exception) -> Response:
        log.exception("request %s failed", g.get("request_id"))
        return send_error(InternalError())

    app.register_error_handler(RequestError, send_error)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(TimeoutError, stalled)
    app.register_error_handler(Exception, unforeseen)
