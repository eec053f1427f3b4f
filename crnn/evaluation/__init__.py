"""Judges line recognisers, ours and others', on labelled lines: accuracy, time, pictures.

Used by `evaluate.py` alone; the reading and serving code never imports it.
"""
