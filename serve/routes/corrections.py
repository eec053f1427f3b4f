"""The route by which a person sends back what a line really says."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, cast

import cv2
import numpy as np
from flask import Blueprint, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from crnn.finder.boxes import LineBox, crop_line
from serve.base.errors import BadOptions, RequestError, TooLarge
from serve.engine.corrections import Correction, CorrectionStore
from serve.engine.patience import Patience
from serve.engine.upload import check_picture
from serve.routes.api import service
from serve.routes.multipart import form_of
from serve.routes.parsing import client_probe, json_object, picture_of

feedback = Blueprint("feedback", __name__)

LONGEST_TEXT = 400  # characters: more than any line that was read
MOST_BYTES = 4_000_000  # of a line as PNG; one of 200 × 6,000 pixels of noise takes 3.6 million
MOST_SKEWED = 1.5  # times its area, the product of a box's sides; of a rectangle they are equal


@feedback.post("/api/v1/corrections")
def correct() -> ResponseReturnValue:
    """Keep a line of a picture, and its text as it should be."""
    current = service().holder.current
    fields: dict[str, Any] = dict(form.fields) if (form := form_of(request)) is not None else json_object(request)
    text = current.recognizer.info.charset.fold(_text(fields, "text"))
    if not text:
        raise BadOptions("text is missing: what does the line say?", code="bad_text")
    read_text = _text(fields, "read_text")
    patience = Patience(service().config.deadline_ms / 1000, client_probe(request), service().draining)
    line = _line(picture_of(request), _box(fields.get("box")), patience)
    store = cast(CorrectionStore, current_app.extensions["ocr_corrections"])
    number = store.add(Correction(line, text, read_text, current.sha256))
    unknown = "".join(sorted(current.recognizer.info.charset.missing(text)))
    return jsonify(status="success", id=number, text=text, unknown_characters=unknown), 201


def _text(fields: dict[str, Any], name: str) -> str:
    """One line of printable text.

    Raises:
        BadOptions: not a string, too long, or with characters that no line shows.
    """
    text = fields.get(name, "")
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise BadOptions(f"{name} must be a string of at most {LONGEST_TEXT} characters", code="bad_text")
    # Cc: controls, tabs and line breaks, which would break the export; Cs: halves of characters.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise BadOptions(f"{name} must be one line without control characters", code="bad_text")
    return text


def _box(raw: object) -> np.ndarray | None:
    """Corners (4, 2) of a line, or None for the whole picture; a form sends them as JSON.

    Raises:
        BadOptions: not four points.
    """
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            raise BadOptions("box is not JSON", code="bad_box") from None
    if raw is None:
        return None
    if not (isinstance(raw, list) and len(raw) == 4 and all(_is_point(point) for point in raw)):
        raise BadOptions("box must be four points [x, y], clockwise from the top left", code="bad_box")
    return np.array(raw, np.float32)


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_number(number) for number in value)


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(cast(float, value)) < 1e6  # so neither infinite nor no number


def _line(picture: bytes, quad: np.ndarray | None, patience: Patience) -> bytes:
    """PNG of the line of `picture` inside `quad`.

    Raises:
        RequestError: no such picture, or the box is not inside it.
    """
    config = service().config
    check_picture(picture, config.max_bytes, config.max_pixels)
    with service().decoded(picture, patience) as image:
        if image is None:
            raise RequestError("the picture is too small to hold a line", code="bad_image")
        if quad is not None:
            box = LineBox(quad)
            _check_box(box, image.shape[1], image.shape[0])
            image = crop_line(image, box)
        encoded, png = cv2.imencode(".png", image)
    if not encoded:
        raise RequestError("the line cannot be stored as PNG", code="bad_image")
    if len(png) > MOST_BYTES:
        raise TooLarge(f"the line takes {len(png)} bytes, more than {MOST_BYTES}: scale it down", code="too_many_bytes")
    return png.tobytes()


def _check_box(box: LineBox, width: int, height: int) -> None:
    """Refuse a box that is no line of a picture of `width` × `height` pixels.

    Raises:
        BadOptions: it reaches outside, encloses nothing, or is no rectangle: two long sides from one corner in nearly
            one direction would make a line of more pixels than the picture has.
    """
    quad = box.quad
    if quad.min() < -1 or quad[:, 0].max() > width + 1 or quad[:, 1].max() > height + 1:
        raise BadOptions("box reaches outside the picture", code="bad_box")
    area = cv2.contourArea(quad)
    if area < 16:
        raise BadOptions("box encloses nothing", code="bad_box")
    if box.width * box.height > MOST_SKEWED * area:
        raise BadOptions("box must be a rectangle", code="bad_box")
