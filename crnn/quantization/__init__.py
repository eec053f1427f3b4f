"""Turns an exported FP32 graph into an INT8 graph, and accepts or refuses it. Needs onnx."""
