"""Light OCR for machines without a GPU: a CRNN text-line recogniser from data to service.

Reading needs `crnn.recognizer` only; nothing here imports torch, onnx or Hydra by itself.
"""

import os

__version__ = "0.1.0"

# ONNX Runtime otherwise keeps a record of its use in the home folder, meant to be sent away. It looks when it is
# loaded, which is later than this; a value of the user's own stands.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# OpenCV reads this limit when it is loaded, which is later than this: a PNG of 27 KB may otherwise decode to gigabytes.
# Headers are read as well, for programs that imported OpenCV before us.
MAX_IMAGE_PIXELS = 50_000_000
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_IMAGE_PIXELS))
