"""Judges line recognizers, ours and others', on labeled lines: accuracy, time, pictures.

Used by `evaluate.py` alone; the reading and serving code never imports it.
"""
