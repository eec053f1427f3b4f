"""Reads more files than one process would: on all cores of a machine, or of many machines."""
