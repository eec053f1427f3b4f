"""Prepares the sets of lines that a fine-tuning trains on and is judged by."""
