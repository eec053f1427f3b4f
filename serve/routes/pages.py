"""What people see: the page that reads pictures and the description of the API."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from serve.routes.api import service
from serve.routes.openapi import describe

pages = Blueprint("pages", __name__)


@pages.get("/")
def index() -> ResponseReturnValue:
    """The page."""
    config = service().config
    return render_template("index.html", locked=bool(config.keys), language_model=bool(config.language_model))


@pages.get("/docs")
def docs() -> ResponseReturnValue:
    """The API, for people."""
    return render_template("docs.html", api=describe(service().config))
