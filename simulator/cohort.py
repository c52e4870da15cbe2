"""Cohorts: a block of replicates, split into what an analyst sees and what only the simulator knows.

Every array has the shape ``(R, N)`` or ``(R, N, ...)``: R replicates of N patients. Patients who are not in the
analysed cohort of a replicate (not eligible, or an incomplete row) keep their place and have ``present`` False; an
analysis set (the matched, a subgroup) is a narrower mask of the same shape.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.terms import Variable

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Endpoint:
    """Follow-up to one event: ``time (R, N)`` in the world's time unit and ``event (R, N)``, False if censored."""

    time: Floats
    event: Bools


@dataclass(frozen=True)
class Observed:
    """All that an estimator sees.

    ``covariates (R, N, K)`` hold ``variables`` in order (levels as positions); ``binary`` maps an outcome's name to
    ``(R, N)`` bools (objective response, an adverse event).
    """

    variables: tuple[Variable, ...]
    covariates: Floats
    treated: Bools
    present: Bools
    endpoints: Mapping[str, Endpoint]
    binary: Mapping[str, Bools]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the K covariates, in the order of the last axis."""
        return tuple(variable.name for variable in self.variables)

    @property
    def variable(self) -> dict[str, Variable]:
        """The variables by name."""
        return {variable.name: variable for variable in self.variables}


@dataclass(frozen=True)
class Hidden:
    """What nobody observes.

    ``propensity (R, N)`` is the true probability of treatment; ``covariates (R, N, H)`` are the unmeasured variables;
    ``potential`` maps an endpoint to its two courses, untreated first, each under the follow-up that the patient
    would have had in that arm; ``binary`` likewise; ``eligible (2, R, N)`` says who would be included in each arm;
    ``entry (R, N)`` is the time from the start of accrual to entry; ``response`` the position of best response,
    untreated first.
    """

    variables: tuple[Variable, ...]
    covariates: Floats
    propensity: Floats
    potential: Mapping[str, tuple[Endpoint, Endpoint]]
    binary: Mapping[str, tuple[Bools, Bools]]
    eligible: Bools
    entry: Floats
    response: tuple[NDArray[np.int32], NDArray[np.int32]] | None


@dataclass(frozen=True)
class Cohorts:
    """A block of replicates: the numbers of the replicates ``(R,)``, and their two sides."""

    replicates: NDArray[np.int64]
    observed: Observed
    hidden: Hidden
