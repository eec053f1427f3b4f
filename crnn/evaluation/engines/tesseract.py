"""Reads a line with Tesseract 5 through its C interface, in this process.

The command `tesseract` would start a process and load its models for every line (about 0.1 s); here they are
loaded once and the clock sees recognition alone.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import weakref
from pathlib import Path

import numpy as np

from crnn.core.errors import UserError
from crnn.evaluation.engines.readers import Guess, file_megabytes

INSTALL = "apt-get install tesseract-ocr tesseract-ocr-chi-sim"
SINGLE_LINE = 7  # PSM_SINGLE_LINE of Tesseract's publictypes.h
LSTM_ONLY = 1  # OEM_LSTM_ONLY
RESOLUTION = 300  # dots per inch; without one Tesseract guesses 70 and complains


class TesseractReader:
    """Tesseract with `languages` ("chi_sim+eng"), page segmentation 7, one thread.

    Raises:
        UserError: the library or the languages are not installed.
    """

    name = "tesseract"
    threads = 1
    precision = ""

    def __init__(self, languages: str) -> None:
        library = ctypes.util.find_library("tesseract")
        if library is None:
            raise UserError(f"Tesseract is not installed: {INSTALL}")
        # OpenMP reads it when it is loaded. Tesseract asks for four threads; only this limit holds it.
        os.environ["OMP_THREAD_LIMIT"] = "1"
        self._lib = _declare(ctypes.CDLL(library))
        self._handle = self._lib.TessBaseAPICreate()
        weakref.finalize(self, self._lib.TessBaseAPIDelete, self._handle)
        if self._lib.TessBaseAPIInit2(self._handle, None, languages.encode(), LSTM_ONLY) != 0:
            raise UserError(f"Tesseract has no {languages}: {INSTALL}")
        self._lib.TessBaseAPISetPageSegMode(self._handle, SINGLE_LINE)
        self.source = f"libtesseract {self._lib.TessVersion().decode()}, {languages}, --psm {SINGLE_LINE}"
        folder = Path(self._lib.TessBaseAPIGetDatapath(self._handle).decode())
        self.size_mb = file_megabytes(*(folder / f"{name}.traineddata" for name in languages.split("+")))

    def read(self, image: np.ndarray) -> Guess:
        # Tesseract takes RGB or gray rows without gaps.
        pixels = np.ascontiguousarray(image if image.ndim == 2 else image[:, :, ::-1])
        height, width = pixels.shape[:2]
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        self._lib.TessBaseAPISetImage(self._handle, pixels.ctypes.data, width, height, channels, width * channels)
        self._lib.TessBaseAPISetSourceResolution(self._handle, RESOLUTION)
        pointer = self._lib.TessBaseAPIGetUTF8Text(self._handle)
        text = ctypes.string_at(pointer).decode("utf-8", errors="replace") if pointer else ""
        if pointer:
            self._lib.TessDeleteText(pointer)
        confidence = self._lib.TessBaseAPIMeanTextConf(self._handle) / 100
        self._lib.TessBaseAPIClear(self._handle)
        return Guess(" ".join(text.split("\n")).strip(), min(1.0, max(0.0, confidence)))


def _declare(lib: ctypes.CDLL) -> ctypes.CDLL:
    """Signatures of the functions used (Tesseract's capi.h)."""
    handle, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[object, list[object]]] = {
        "TessVersion": (text, []),
        "TessBaseAPICreate": (handle, []),
        "TessBaseAPIDelete": (None, [handle]),
        "TessBaseAPIInit2": (number, [handle, text, text, number]),
        "TessBaseAPIGetDatapath": (text, [handle]),
        "TessBaseAPISetPageSegMode": (None, [handle, number]),
        "TessBaseAPISetImage": (None, [handle, ctypes.c_void_p, number, number, number, number]),
        "TessBaseAPISetSourceResolution": (None, [handle, number]),
        "TessBaseAPIGetUTF8Text": (ctypes.c_void_p, [handle]),
        "TessBaseAPIMeanTextConf": (number, [handle]),
        "TessBaseAPIClear": (None, [handle]),
        "TessDeleteText": (None, [ctypes.c_void_p]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib
