"""The whole analysis that a paper prints, of one cohort or of a block of them.

Takes a cohort and its plan. Gives `CohortAnalysis` (Table 1 before and after, Cox tables, medians, responses,
subgroups, what tied matches leave open), the same for a block as arrays, and every number of it under its key.

What a reader sees of it is made in the wings above: tables, figures.
"""
