"""The server to compare with: PP-OCRv6 small (RapidOCR's recognizer) behind Flask, as people write it.

Run by `python -m tests.load rapid`, under gunicorn with one worker a core and one thread a session, like ours.
"""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from crnn.evaluation.engines.paddle import PaddleCtcRecognizer
from crnn.image.decode import decode_image


def create_app() -> Flask:
    """The application; RAPID_MODEL names the ONNX file inside the unpacked wheel."""
    app = Flask(__name__)
    model = Path(os.environ["RAPID_MODEL"])
    reader = PaddleCtcRecognizer(model, "rapidocr", model.name, None, threads=1)

    @app.post("/api/v1/ocr")
    def ocr() -> ResponseReturnValue:
        guess = reader.read(decode_image(request.files["image"].read()))
        return jsonify(status="success", text=guess.text, lines=[{"text": guess.text, "confidence": guess.confidence}])

    return app
