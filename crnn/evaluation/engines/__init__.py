"""Engines that can be measured: ours, RapidOCR, PaddleOCR's models, Tesseract."""
