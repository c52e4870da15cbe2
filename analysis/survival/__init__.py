"""Survival statistics of blocks of cohorts, weighted or not, and risks of yes/no outcomes.

Takes times, events and who is present, as arrays (replicates, patients), with weights, clusters and strata where there
are any. Gives Cox models, Kaplan-Meier curves, log-rank and combination tests, restricted means, differences of
curves, standardised and pseudo-value contrasts, and their standard errors; each with a status and never an exception
on data.

Ties are Efron's, limits and medians are those of R's survival. A likelihood without a maximum is followed to its
limit.
"""
