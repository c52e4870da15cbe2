"""How well estimates do against the truth, each measure with its Monte Carlo standard error.

Takes estimates, standard errors, limits and statuses over replicates. Gives the measures of Morris, White & Crowther
(2019), contrasts on paired replicates, the looks at which a study may stop, and the same for a table of replicates
that another program made.
"""
