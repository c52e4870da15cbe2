"""A file of patients and its SPEC become a cohort as the simulator would have made it.

Takes a CSV or parquet file and the description of its columns. Gives `Observed` with the ids, the order of rows that
means nothing, and a record of what reading decided. Whatever is wrong is a `CohortFileError` with the row and column.

Nothing is dropped or guessed silently: a value is one of those that the SPEC lists, or it is told.
"""
