"""Reads many pages at once: a pool of processes, pinned to a core each."""
