"""Chooses the weights of the language model and measures hot words."""
