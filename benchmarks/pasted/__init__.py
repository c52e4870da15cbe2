"""A paper as it was pasted: its tables, curves and lines become published numbers under their keys.

Takes a folder (`paper.yaml` beside its tables); gives a `Reading`: every cell with what was made of it, the variables
that the tables have, and the questions that only the reader of the paper can answer. Nothing ambiguous is decided
silently.
"""
