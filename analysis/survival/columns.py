"""Which columns of a design can be estimated."""

import numpy as np

from analysis.kernels.status import Status
from simulator.numerics.arrays import Floats


def estimable(x: Floats, tolerance: float = 1e-9) -> list[Status]:
    """For each column of ``x (n, P)``: OK, BAD_INPUT, NO_INFO if it is constant, SINGULAR if earlier columns make it.

    A column is made by others when what they (and a constant) leave of it is below ``tolerance`` of it: R's aliased
    terms.
    """
    found: list[Status] = []
    basis: list[Floats] = []
    for column in x.T:
        if not len(column) or np.all(column == column[0]):
            found.append(Status.NO_INFO)
            continue
        if not np.isfinite(column).all():
            found.append(Status.BAD_INPUT)
            continue
        own = (column - column.mean()) / np.abs(column - column.mean()).max()
        rest = own
        for _ in range(2):  # twice is enough for orthogonality to rounding
            for direction in basis:
                rest = rest - (direction @ rest) * direction
        left = float(np.linalg.norm(rest))
        if left <= tolerance * float(np.linalg.norm(own)):
            found.append(Status.SINGULAR)
            continue
        basis.append(rest / left)
        found.append(Status.OK)
    return found
