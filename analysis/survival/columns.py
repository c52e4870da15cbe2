"""Which columns of a design can be estimated."""

from collections.abc import Sequence
from dataclasses import dataclass

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


CLEARLY = 1e-4
"""The share of a column's length that, where others leave it, no rounding of a Gram matrix can have made."""


@dataclass(frozen=True)
class KnownColumns:
    """The columns of a design ``x (n, P)`` and what they have in common, so that choices of them are judged at once.

    ``gram (P, P)`` has their correlations, NaN where a column is constant or not finite.
    """

    x: Floats
    gram: Floats

    @staticmethod
    def of(x: Floats) -> "KnownColumns":
        """The design, looked at once."""
        if not len(x):
            return KnownColumns(x, np.full((x.shape[1], x.shape[1]), np.nan))
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            products = sum(
                (own.T @ own for own in (part - x[0] for part in np.array_split(x, 1 + len(x) // 65_536))),
                np.zeros((x.shape[1], x.shape[1])),
            )
            mean = (x - x[0]).mean(axis=0)
            covariance = products - len(x) * np.outer(mean, mean)
            spread = np.diagonal(covariance).copy()
            spread[spread < CLEARLY * np.diagonal(products)] = np.nan
            return KnownColumns(x, covariance / np.sqrt(np.outer(spread, spread)))

    def estimable(self, columns: Sequence[int]) -> list[Status]:
        """What `estimable` says of these columns; by the correlations where they leave no doubt."""
        gram = self.gram[np.ix_(columns, columns)]
        if np.isfinite(gram).all():
            try:
                left = np.diagonal(np.linalg.cholesky(gram))
            except np.linalg.LinAlgError:
                left = np.zeros(1)
            if (left > CLEARLY).all():
                return [Status.OK] * len(columns)
        return estimable(self.x[:, columns])
