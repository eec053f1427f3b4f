"""Judges a fine-tuned model against the one before it, and promotes it."""
