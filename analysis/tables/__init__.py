"""The analysis of a cohort as tables of text, and the files that hold them.

Takes a `CohortAnalysis`. Gives `TextTable`s: the paper's four and what stands behind them; written to a folder as
HTML, Markdown, CSV or LaTeX, or to a Word document.

Nothing is computed here that the analysis does not hold.
"""
