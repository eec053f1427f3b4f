"""Light OCR for machines without a GPU: a CRNN text-line recognizer from data to service.

>>> from crnn import OCR
>>> print(OCR()("page.jpg").text)          # doctest: +SKIP

What is named here is imported when it is first used; reading needs neither torch nor onnx nor Hydra.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crnn.ocr import OCR
    from crnn.recognizer import Recognizer

__all__ = ["OCR", "Recognizer", "__version__"]

__version__ = "0.2.0"

# ONNX Runtime otherwise keeps a record of its use in the home folder, meant to be sent away. It looks when it is
# loaded, which is later than this; a value of the user's own stands.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Pictures of more pixels are refused by their headers before they are decoded: a PNG of 27 KB may hold gigabytes. It
# can be set to more (`max_pixels`), up to what OpenCV refuses by itself, which reads that when it is loaded.
MAX_IMAGE_PIXELS = 50_000_000
MOST_IMAGE_PIXELS = 250_000_000
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MOST_IMAGE_PIXELS))


def __getattr__(name: str) -> Any:
    if name == "OCR":
        from crnn.ocr import OCR

        return OCR
    if name == "Recognizer":
        from crnn.recognizer import Recognizer

        return Recognizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
