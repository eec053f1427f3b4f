"""Light OCR for machines without a GPU: a CRNN text-line recogniser from data to service.

Reading needs `crnn.recognizer` only; nothing here imports torch, onnx or Hydra by itself.
"""

import os

__version__ = "0.1.0"

# ONNX Runtime otherwise keeps a record of its use in the home folder, meant to be sent away. It looks when it is
# loaded, which is later than this; a value of the user's own stands.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
