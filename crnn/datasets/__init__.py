"""Labeled lines and pages on disk."""
