"""Turns an exported FP32 graph into INT8 graphs and judges them. Needs onnx: the reading package never imports it."""
