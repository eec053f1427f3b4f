"""Reads a line with any PP-OCR recognizer in ONNX form.

Preprocessing and decoding as PaddleOCR publishes them: BGR, height 48, (x / 255 - 0.5) / 0.5, CTC with the
blank first and the space after the dictionary. Only the padding of short lines to 320 px is left out: it
moves no score by more than noise and costs the peers a quarter of their time.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from crnn.core.errors import UserError
from crnn.evaluation.engines.readers import FLOAT, Guess, file_megabytes
from crnn.recognition.session import open_session

DICTIONARY_KEY = "character"  # ONNX metadata that carries the dictionary, one character a line


class PaddleCtcRecognizer:
    """A PP-OCR recognizer in a session of `threads` threads.

    Args:
        model: the ONNX file.
        dictionary: one character a line; None if the model's metadata carries it.

    Raises:
        UserError: no such file, or a dictionary that does not fit the model's classes.
    """

    def __init__(self, model: Path, name: str, source: str, dictionary: Path | None, threads: int) -> None:
        for path in (model, *([dictionary] if dictionary else [])):
            if not path.is_file():
                raise UserError(f"peer {name}: no file {path.name} in {source}")
        self.name, self.source, self.threads = name, source, threads
        self.precision = FLOAT
        self.size_mb = file_megabytes(model)
        self._session = open_session(model, f"peer {name}", threads, arena=True)
        self._input = self._session.get_inputs()[0].name
        height = self._session.get_inputs()[0].shape[2]
        self._height = height if isinstance(height, int) else 48
        self._classes = ["", *self._dictionary(dictionary), " "]
        expected = self._session.get_outputs()[0].shape[2]
        if expected != len(self._classes):
            raise UserError(f"peer {name}: {len(self._classes)} characters for a model of {expected} classes")

    def _dictionary(self, path: Path | None) -> list[str]:
        if path is not None:
            # Not splitlines(): it also splits at characters that stand in these dictionaries, such as U+2028.
            text = path.read_text(encoding="utf-8")
        else:
            text = self._session.get_modelmeta().custom_metadata_map.get(DICTIONARY_KEY, "")
        characters = text.split("\n")
        return characters[:-1] if characters[-1] == "" else characters

    def canvas(self, image: np.ndarray) -> np.ndarray:
        """float32 (1, 3, 48, W) of a uint8 (H, W) or (H, W, 3) BGR image."""
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        height, width = image.shape[:2]
        resized_width = max(1, int(self._height * width / height))
        resized = cv2.resize(image, (resized_width, self._height)).astype(np.float32)
        canvas = np.zeros((1, 3, self._height, resized_width), np.float32)
        canvas[0, :, :, :resized_width] = (resized.transpose(2, 0, 1) / 255 - 0.5) / 0.5
        return canvas

    def read(self, image: np.ndarray) -> Guess:
        probabilities = self._session.run(None, {self._input: self.canvas(image)})[0][0]  # (T, C)
        best = probabilities.argmax(axis=1)
        begins = np.concatenate([[True], best[1:] != best[:-1]]) & (best != 0)
        text = "".join(self._classes[i] for i in best[begins])
        confidence = float(probabilities[begins, best[begins]].mean()) if text else 0.0
        return Guess(text, confidence)
