"""What was asked for: the scenario, its cells, and whether it can be done.

Takes a document's name, overrides, replicates and seed. Gives `Asked` (the document and the valid scenario of every
cell), prepared cells and their blocks of replicates, whom a study is about, the keys of published numbers, and the
estimated size of the work. What cannot be done as asked is a `RunError` of one line.

Nothing is written here, and nothing runs in other processes.
"""
