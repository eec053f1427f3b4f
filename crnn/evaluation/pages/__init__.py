"""Measures how well whole pages are found and read, by this project and by other engines, in one run."""
