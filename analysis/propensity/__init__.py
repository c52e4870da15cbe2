"""Scores, and what is done with them: matching, weighting, balancing, and filling in what is missing.

Takes covariates and treatment of a block, and the plan. Gives logistic models (all candidates, or those that R's
`step` keeps), learners, the score that a plan asks for; matched sets; weights; entropy balance; completed data sets.

Equal rows have equal scores to the last bit, and ties are broken at an address, never by position.
"""
