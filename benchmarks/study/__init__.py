"""A study as it runs: cells x blocks of replicates, computed, kept, judged.

Takes what was asked for, a run folder and workers. Gives a `StudyResult`: rows, truths and measures of every estimator
in every cell; what a run will cost; comparisons on the same replicates; and rankings.
"""
