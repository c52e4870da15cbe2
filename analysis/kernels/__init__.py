"""Compiled loops over replicates: arrays in, arrays and a status out. No checks, strings, randomness or I/O."""
