"""What was found, in words: numbers, tables and verdicts as a reader meets them.

Takes a `StudyResult`, an analysis or a judged table. Gives plain text of 100 columns, tables to be written to files,
sentences that say what follows, and the JSON document of a study.

Nothing here can change a number.
"""
