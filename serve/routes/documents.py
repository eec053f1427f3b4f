"""The routes of documents: read at once, or as a job whose pages and result are fetched later."""

from __future__ import annotations

import base64
import itertools
import json
import re
import unicodedata
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request, send_file, url_for
from flask.typing import ResponseReturnValue

from serve.base.config import MEGA
from serve.base.errors import BadOptions, NotReady, RequestError, UnsupportedType
from serve.engine.documents import Document
from serve.engine.edits import Edits
from serve.engine.job_file import Job
from serve.engine.jobs import PAGES_AT_ONCE
from serve.engine.page_picture import LEAST_SIDE, MOST_SIDE, SIDE
from serve.engine.patience import Patience
from serve.middleware.access import owner_of
from serve.routes.api import documents as reader
from serve.routes.api import options, service
from serve.routes.formats import WITH_ERRORS, content_type, format_of, labeled, send
from serve.routes.multipart import form_of
from serve.routes.parsing import client_probe, file_of, is_raw, json_object

documents = Blueprint("documents", __name__)

PATH = "/api/v1/documents"
JOB = "/api/v1/jobs/<identity>"
RESULT_SECONDS = 60.0  # that a client waits while a result of many pages is written
IN_MEMORY = 1_000_000  # bytes of a result that is sent whole; a longer one is read as it is sent
MOST_BAD = 20  # pages that could not be read and are named in a header
LONGEST_NAME = LONGEST_PASSWORD = 200
PICTURE_SECONDS = 20.0  # that a client waits for the picture of a page
PICTURE_KEPT = 3600  # seconds that a browser may keep it
_PAGES = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")
_TRUE = frozenset({"true", "1", "yes", ""})


@documents.post(PATH)
def read_document() -> ResponseReturnValue:
    """Read a document: at once if it is short, else as a job."""
    request.max_content_length = service().config.document_bytes + MEGA
    form, wishes, document, edits = format_of(request), options(), _document(), _edits(_field("edits"))
    patience = service().patience(wishes, client_probe(request))
    read = reader().read(document, wishes, patience, 0 if _wants_a_job() else service().config.sync_pages)
    if isinstance(read, tuple):
        owner = owner_of(service().config)
        return _accepted(reader().add_job(document, read, wishes, patience, owner=owner, request_id=g.request_id))
    result = replace(read.result, pages=tuple(map(edits.page, read.result.pages)))
    extra: dict[str, Any] = {"model": service().holder.current.summary()}
    if document.side:
        extra["pictures"] = [picture and _data_uri(picture) for picture in read.pictures]
    problems = result.errors + result.warnings
    if problems and form not in WITH_ERRORS and all(page.error for page in result.pages):
        raise RequestError(f"nothing can be read: {problems[0]}", code="bad_document")
    return send(reader().formatted(result, form, wishes.chars, patience, extra), form, result.name, problems)


@documents.get(JOB)
def job(identity: str) -> ResponseReturnValue:
    """How far a job is."""
    return jsonify(_job(identity).as_json())


@documents.get(f"{JOB}/pages")
def job_pages(identity: str) -> ResponseReturnValue:
    """The pages behind page `after` that were read, in order; no page is told of before those in front of it."""
    after = request.args.get("after", "0")
    if not re.fullmatch(r"\d{1,9}", after):
        raise BadOptions("after must be the number of a page")
    found = _job(identity)
    rows = [row for row, _ in zip(reader().jobs.rows(found, int(after)), range(PAGES_AT_ONCE), strict=False)]
    fields = {name: value for name, value in found.as_json().items() if name not in ("pages", "name")}
    body = _encoded(fields)[:-1] + b',"pages":[' + b",".join(rows) + b"]}\n"
    return Response(body, mimetype="application/json")


@documents.get(f"{JOB}/pages/<int(max=999999):number>/picture")
def job_picture(identity: str, number: int) -> ResponseReturnValue:
    """A page of the document as a JPEG."""
    side, found = _side(request.args.get("side") or str(SIDE)), _job(identity)
    patience = Patience(PICTURE_SECONDS, client_probe(request), service().draining)
    response = Response(reader().picture(found, number, side, patience), mimetype="image/jpeg")
    response.cache_control.private = True
    response.cache_control.max_age = PICTURE_KEPT
    return response


@documents.get(f"{JOB}/result")
def job_result(identity: str) -> ResponseReturnValue:
    """What was read, once the job is done."""
    return _result(_job(identity), Edits.parse(None))


@documents.post(f"{JOB}/result")
def edited_result(identity: str) -> ResponseReturnValue:
    """The same with the lines that somebody has changed."""
    return _result(_job(identity), Edits.parse(json_object(request).get("edits")))


def _result(found: Job, edits: Edits) -> ResponseReturnValue:
    form = format_of(request)
    patience = Patience(RESULT_SECONDS, client_probe(request), service().draining)
    chars = request.args.get("chars", "true").lower() in _TRUE
    path = reader().results.file(found, form, chars, edits, patience)
    problems = [] if form in WITH_ERRORS else _bad_pages(found)
    try:
        if path.stat().st_size <= IN_MEMORY:
            return send(path.read_bytes(), form, found.name, problems)
        return labeled(send_file(path.resolve(), mimetype=content_type(form)), form, found.name, problems)
    except FileNotFoundError:
        raise NotReady("the result has just been deleted, or replaced by one with other changes: ask again") from None


def _bad_pages(found: Job) -> list[str]:
    """The first pages of a job that could not be read, and why."""
    pages = (json.loads(row) for row in reader().jobs.rows(found) if b'"error":' in row)  # few rows have any
    bad = (f"page {page['page']}: {page['error']}" for page in pages if "error" in page)
    return list(itertools.islice(bad, MOST_BAD))


@documents.delete(JOB)
def delete_job(identity: str) -> ResponseReturnValue:
    """End a job, and forget its document and its result."""
    found = _job(identity)
    reader().jobs.remove(found)
    return jsonify(id=found.id, status="cancelled")


def _job(identity: str) -> Job:
    return reader().jobs.get(identity, owner_of(service().config))


def _accepted(job: Job) -> ResponseReturnValue:
    url = url_for("documents.job", identity=job.id)
    body = jsonify(status="accepted", id=job.id, pages=job.pages, url=url)
    return body, 202, {"Location": url}


def _wants_a_job() -> bool:
    asked = request.args.get("async", _field("async") or "false")
    return asked.lower() in _TRUE or "respond-async" in request.headers.get("Prefer", "").lower()


def _document() -> Document:
    """The document of the request, in a form or as its body.

    Raises:
        UnsupportedType: the body is JSON.
        RequestError: there is none.
    """
    if request.is_json:
        raise UnsupportedType("send the document as multipart/form-data, or as the body itself")
    if is_raw(request):
        content, name = request.get_data(cache=False), ""
    else:
        form = form_of(request)
        assert form is not None
        content, name = file_of(form)
    password = _field("password") or request.args.get("password") or ""
    if len(password) > LONGEST_PASSWORD:
        raise BadOptions(f"a password has at most {LONGEST_PASSWORD} characters")
    side = request.args.get("pictures") or _field("pictures")
    name = _name(request.args.get("name") or _field("name") or name)
    return Document(content, name, _pages(), password, _side(side) if side else 0)


def _edits(text: str | None) -> Edits:
    try:
        return Edits.parse(json.loads(text) if text else None)
    except (ValueError, RecursionError):
        raise BadOptions("the field edits is not JSON") from None


def _side(text: str) -> int:
    """How large a page is to be shown: pixels of its longer side.

    Raises:
        BadOptions: it is no number, or out of bounds.
    """
    if not re.fullmatch(r"\d{1,5}", text) or not LEAST_SIDE <= int(text) <= MOST_SIDE:
        raise BadOptions(f"pictures of pages have a side of {LEAST_SIDE} to {MOST_SIDE} pixels")
    return int(text)


def _data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _field(name: str) -> str | None:
    form = None if is_raw(request) else form_of(request)
    return form.fields.get(name) if form is not None else None


def _name(text: str) -> str:
    """A file's name without its folders and what does not print."""
    text = re.split(r"[/\\]", text)[-1]
    return "".join(c for c in text if unicodedata.category(c)[0] != "C")[:LONGEST_NAME]


def _pages() -> tuple[int, ...] | None:
    """Numbers of the pages that are asked for, as in `1-3,7`; None for all.

    Raises:
        BadOptions: it is written otherwise, or names too many.
    """
    text = request.args.get("pages") or _field("pages")
    if not text:
        return None
    numbers: set[int] = set()
    most = service().config.job_pages
    for part in text.replace(" ", "").split(","):
        match = _PAGES.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not 1 <= first <= last:
            raise BadOptions("pages must be numbers and ranges from 1 on, such as 1-3,7")
        if last - first >= most:
            raise BadOptions(f"pages names more than {most} pages")
        numbers.update(range(first, last + 1))
    if len(numbers) > most:
        raise BadOptions(f"pages names more than {most} pages")
    return tuple(sorted(numbers))


def _encoded(fields: dict[str, Any]) -> bytes:
    return current_app.json.dumps(fields).encode()
