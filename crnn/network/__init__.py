"""The networks in torch, their checkpoints and their export to ONNX."""
