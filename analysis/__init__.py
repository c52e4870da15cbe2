"""analysis is what authors do: an observed cohort becomes tables, tests, estimates and figures.

It never sees hidden truth.
"""
