"""The reader as a service: a page for people and an HTTP API. Needs no torch, no onnx and no Hydra."""

import os

# Strangers send the pictures: beside the check of their headers, OpenCV itself refuses larger ones. It reads the limit
# when it is imported; the library's own is higher, for those who read their own large scans.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "50000000")
