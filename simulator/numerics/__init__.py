"""Arithmetic that gives the same bits on every machine, and numbers that look like chance.

Takes plain arrays. Gives `kernel` (compiled functions that keep IEEE arithmetic and are cached on disk), elementary
functions whose last bit does not depend on a library, and `Streams`: a random number is a function of its seed,
stream, replicate and patient alone.

Knows nothing of documents, patients or trials; everything that draws or compiles stands on it.
"""
