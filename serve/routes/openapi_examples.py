"""What is sent and what comes back, shown by a receipt of one line. Tests hold it against the schemas."""

from __future__ import annotations

from typing import Any

_MODEL = {"name": "crnn-zh-en.int8.onnx", "sha256": "6f1d" + "0" * 60}
_CHARS = [
    {"char": "合", "confidence": 0.9991, "x": 20.5, "y": 24.0},
    {"char": "计", "confidence": 0.9987, "x": 52.0, "y": 24.0},
]
_QUAD = [[4.0, 6.0], [68.0, 6.0], [68.0, 42.0], [4.0, 42.0]]
_LINE = {"text": "合计", "confidence": 0.9989, "line_confidence": 0.9978}
_PAGE = {
    "page": 1,
    "width": 72,
    "height": 48,
    "turned": 0,
    "dpi": 150.0,
    "text": "合计",
    "lines": [{**_LINE, "quad": _QUAD, "vertical": False, "chars": _CHARS}],
}
_JOB = {"id": "2hQ0mVb7sJk1xYz9", "status": "running", "pages_done": 3, "created": 1_780_000_000.0}
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAAEklEQVR42mP8z8AARAwMTAwUAAAc7gEPSnA5rAAAAABJRU5ErkJggg=="

EXAMPLES: dict[str, Any] = {
    "Picture": {"image_base64": _PNG, "options": {"layout": "line"}},
    "Result": {
        "status": "success",
        "text": "合计",
        "elapsed_time_ms": 7.1,
        "width": 72,
        "height": 48,
        "turned": 0,
        "lines": [{**_LINE, "box": _QUAD, "chars": _CHARS}],
        "pages": 1,
        "cached": False,
        "model": _MODEL,
    },
    "Document": {
        "status": "success",
        "name": "receipt.pdf",
        "text": "合计",
        "pages": [_PAGE],
        "seconds": 0.4,
        "model": _MODEL,
    },
    "Accepted": {"status": "accepted", "id": _JOB["id"], "pages": 12, "url": f"/api/v1/jobs/{_JOB['id']}"},
    "Job": {**_JOB, "name": "contract.pdf", "pages": 12, "expires": 1_780_086_400.0},
    "JobPages": {**_JOB, "expires": 1_780_086_400.0, "pages": [_PAGE]},
    "Error": {"status": "error", "error": {"code": "bad_image", "message": "the picture is empty (0 bytes)"}},
    "ModelInfo": {**_MODEL, "characters": 7000, "finder": "finder.int8.onnx", "language_model": "lm-zh-en.npz"},
}
