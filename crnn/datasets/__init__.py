"""Labelled lines and pages on disk."""
