"""Describes a set of lines before it is trained on."""
