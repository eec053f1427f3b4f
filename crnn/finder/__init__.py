"""Finds the text lines of a page with a small network."""
