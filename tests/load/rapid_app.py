"""The server to compare with: RapidOCR's whole pipeline behind Flask, as people write it.

Run by `python -m tests.load pages`, under gunicorn with one worker a core and one thread a session, like ours.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from crnn.evaluation.pages.engines import open_engine
from crnn.image.decode import decode_image


def create_app() -> Flask:
    """The application; PAGE_ENGINE names the pipeline, TINY the folder of the unpacked package of PP-OCRv6 tiny."""
    app = Flask(__name__)
    read = open_engine(os.environ["PAGE_ENGINE"], None, None, "", Path(os.environ["TINY"]))
    one_at_a_time = threading.Lock()  # RapidOCR does not say that threads may share it

    @app.post("/api/v1/ocr")
    def ocr() -> ResponseReturnValue:
        image = decode_image(request.files["image"].read())
        with one_at_a_time:
            lines = read(image)
        found = [{"text": line.text, "box": line.quad.tolist()} for line in lines]
        return jsonify(status="success", text="\n".join(str(line.text) for line in lines), lines=found)

    return app
