"""What the authors of a paper set out to do: the ``analysis:`` section of a document.

Takes the section as written. Gives `Plan` and its parts (propensity score, matching, missing values, survival, tables,
subgroups), and the terms that they name, checked against the variables that there are.

A plan computes nothing; every default is what the first paper did.
"""
