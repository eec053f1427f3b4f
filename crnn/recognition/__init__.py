"""From pixels to logits, by ONNX Runtime."""
