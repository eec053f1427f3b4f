"""Reads pictures for requests: service, batching, cache, corrections."""
