"""What people see: the page that reads pictures and the description of the API."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from serve.routes.api import service
from serve.routes.openapi import describe

pages = Blueprint("pages", __name__)


@pages.get("/")
def index() -> ResponseReturnValue:
    """The page."""
    config = service().config
    documents = any(rule.rule == "/api/v1/documents" for rule in current_app.url_map.iter_rules())
    return render_template(
        "index.html", locked=bool(config.keys), language_model=bool(config.language_model), documents=documents
    )


@pages.get("/docs")
def docs() -> ResponseReturnValue:
    """The API, for people."""
    return render_template("docs.html", api=describe(service().config))
