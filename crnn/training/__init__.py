"""Trains the reader and the finder."""
