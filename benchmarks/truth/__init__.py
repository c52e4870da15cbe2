"""The true value of an estimand, from both potential outcomes of the same patients.

Takes a resolved world and estimands. Gives `Truth`, a value with its Monte Carlo error and how it was found: known,
counted over patients, or fitted; and the truths of all cells of a study, kept in its run folder.
"""
