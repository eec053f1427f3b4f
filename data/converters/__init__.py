"""Labeled lines in the formats of other tools, converted into a set of lines."""
