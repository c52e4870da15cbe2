"""What became of a fit. Kernels return these codes instead of raising; a finite estimate belongs to OK."""

from enum import IntEnum


class Status(IntEnum):
    """The outcome of one fit in one replicate."""

    OK = 0
    MONOTONE = 1  # the (partial) likelihood has no finite maximum
    SINGULAR = 2  # the information matrix has no inverse
    NO_EVENTS = 3
    NO_INFO = 4  # no event has a risk set in which the covariate varies
    NO_PAIRS = 5
    PS_SEPARATED = 6  # treatment is perfectly predicted
    TOO_FEW = 7  # too few observations for the statistic
    BAD_INPUT = 8  # NaN or infinity where a number is needed
    NOT_CONVERGED = 9
    WORKER_LOST = 10  # the computation killed its process
    TIMEOUT = 11  # it took longer than it may


LOST = (Status.WORKER_LOST, Status.TIMEOUT)
"""What hangs on the machine and the moment: tried again by the next command, outside the promise of equal bits."""
