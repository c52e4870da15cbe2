"""Two arms compared on what was measured once: the statistics of a Table 1.

Takes values, arms, who is present, and weights where the sample has them. Gives tests (t, rank, chi-square, Fisher),
standardised differences and whole baseline tables of a block, each with its status.

A weighted sample is weighted everywhere here: in means, shares, tests and standard errors.
"""
