"""The reader as a service: a page for people and an HTTP API. Needs no torch, no onnx and no Hydra."""
