"""A starting world derived from a paper's `Reading`: each value with its formula as its source.

Takes a `Reading`; gives the document of a world (margins, propensity, hazards, follow-up, plan of analysis, what may be
fitted), what was assumed, and where the printed numbers contradict each other.
"""
