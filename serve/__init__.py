"""The reader as a service: a page for people and an HTTP API. Needs no torch, no onnx and no Hydra."""

import crnn  # noqa: F401  # sets OpenCV's limit of pixels, which must be set before OpenCV is imported
