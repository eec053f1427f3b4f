"""Light OCR for machines without a GPU: a CRNN text-line recogniser from data to service.

Reading needs `crnn.recognizer` only; nothing here imports torch, onnx or Hydra by itself.
"""

__version__ = "0.1.0"
