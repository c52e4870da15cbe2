"""Timing of the whole workflow against R and the usual Python stack: ``python -m benchmarks.speed``."""
