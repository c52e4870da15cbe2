"""Who does the work: threads, processes or a cluster, and their kernels compiled beforehand.

Takes functions and the blocks that they are to be done for. Gives their results in order, however the work is split;
tells progress on stderr; survives a worker that dies. What a backend cannot do is a `BackendError` of one line.
"""
