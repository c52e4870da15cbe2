"""Times that differ by rounding only, such as 0.7 and 0.1 + 0.6, made one: what R's survival calls ``timefix``."""

from math import fsum

import numpy as np

from simulator.numerics.arrays import Floats

TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))


def tied(time: Floats) -> Floats:
    """The times ``(N,)``, finite, as R's aeqSurv makes them: each the smallest of the chain that it belongs to.

    Two neighbours among the distinct times are of one chain where they differ by at most 1.5e-8, or by at most that
    share of the mean of the distinct times' sizes.
    """
    distinct = np.unique(time)
    if len(distinct) < 2:
        return time
    steps, mean = np.diff(distinct), fsum(np.abs(distinct)) / len(distinct)
    apart = (steps > TOLERANCE) & (steps / mean > TOLERANCE)
    starts = distinct[np.append(True, apart)]
    made: Floats = starts[np.searchsorted(starts, time, side="right") - 1]
    return made
