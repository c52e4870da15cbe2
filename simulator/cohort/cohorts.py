"""Cohorts: a block of replicates, split into what an analyst sees and what only the simulator knows.

Every array has the shape ``(R, N)`` or ``(R, N, ...)``: R replicates of N patients. Patients who are not in the
analysed cohort of a replicate (not eligible, or an incomplete row) keep their place and have ``present`` False; an
analysis set (the matched, a subgroup) is a narrower mask of the same shape.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.cohort.terms import Variable
from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.once import once

T = TypeVar("T")


class OnDemand(Mapping[str, T]):
    """A mapping whose names are known, and whose values are all worked out when one is first asked for."""

    def __init__(self, names: Sequence[str], make: Callable[[], Mapping[str, T]]) -> None:
        self._names = tuple(names)
        self._make = make

    @once
    def _made(self) -> Mapping[str, T]:
        return self._make()

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class EachOnDemand(Mapping[str, T]):
    """A mapping whose names are known, and each of whose values is worked out when it is first asked for.

    It keeps them in ``made``, where that is given.
    """

    def __init__(self, names: Sequence[str], make: Callable[[str], T], made: dict[str, T] | None = None) -> None:
        self._names = tuple(names)
        self._make = make
        self._made: dict[str, T] = {} if made is None else made

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class Endpoint:
    """Follow-up to one event: ``time (R, N)`` in the world's time unit and ``event (R, N)``, False if censored.

    ``competing (R, N)`` is True where follow-up ends by what makes the event impossible; None where nothing does.
    """

    time: Floats
    event: Bools
    competing: Bools | None = None

    @property
    def censored(self) -> Bools:
        """Who was still followed ``(R, N)``: neither the event nor what makes it impossible had happened."""
        return ~self.event if self.competing is None else ~(self.event | self.competing)

    @property
    def causes(self) -> NDArray[np.int64]:
        """0 for censored, 1 for the event, 2 for what makes it impossible, ``(R, N)``."""
        found = self.event.astype(np.int64)
        return found if self.competing is None else np.where(self.event, found, 2 * self.competing)


@dataclass(frozen=True)
class Observed:
    """All that an estimator sees.

    ``covariates (R, N, K)`` hold ``variables`` in order (levels as positions); ``binary`` maps an outcome's name to
    ``(R, N)`` bools (objective response, an adverse event). ``exposure`` maps a treatment to the amount received
    ``(R, N)``, NaN for none; ``modes`` a way of progressing to who did so, several at once being possible. ``delay``
    is the time ``(R, N)`` from time zero to the start of treatment, which counts in the treated; None for none.
    """

    variables: tuple[Variable, ...]
    covariates: Floats
    treated: Bools
    present: Bools
    endpoints: Mapping[str, Endpoint]
    binary: Mapping[str, Bools]
    exposure: Mapping[str, Floats] = field(default_factory=dict)
    modes: Mapping[str, Bools] = field(default_factory=dict)
    delay: Floats | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the K covariates, in the order of the last axis."""
        return tuple(variable.name for variable in self.variables)

    @property
    def variable(self) -> dict[str, Variable]:
        """The variables by name."""
        return {variable.name: variable for variable in self.variables}

    @property
    def start(self) -> Floats:
        """Time ``(R, N)`` from time zero to the start of treatment: +inf in the untreated, 0 without delay."""
        return np.where(self.treated, 0.0 if self.delay is None else self.delay, np.inf)


@dataclass(frozen=True)
class Hidden:
    """What nobody observes.

    ``propensity (R, N)`` is the true probability of treatment; ``covariates (R, N, H)`` are the unmeasured variables;
    ``potential`` maps an endpoint to its two courses, untreated first, each under the follow-up that the patient would
    have had in that arm, ``until`` one with competing states to when this follow-up would have ended had nothing
    happened, and ``latent`` each to the two times at which the event happens or is seen, nobody being censored;
    ``binary`` and ``exposure`` likewise; ``eligible (2, R, N)`` says who would be included in each arm; ``excluded (R,
    N)`` is how many of the ``criteria`` of inclusion, in order, are met under the received arm before the first that is
    not; ``entry (R, N)`` is the time from the start of accrual to entry; ``response`` the position of best response,
    untreated first. ``assigned (R, N)`` says who was meant to be treated: where treatment starts late, some of them
    never are, and arm 1 is the course under that assignment, in which treatment starts at ``starts (R, N)``, +inf if
    never (None: at time zero in all). ``perfect`` is what would have been observed had everything been recorded, and
    rightly.
    """

    variables: tuple[Variable, ...]
    covariates: Floats
    propensity: Floats
    assigned: Bools
    potential: Mapping[str, tuple[Endpoint, Endpoint]]
    until: Mapping[str, tuple[Floats, Floats]]
    latent: Mapping[str, tuple[Floats, Floats]]
    binary: Mapping[str, tuple[Bools, Bools]]
    exposure: Mapping[str, tuple[Floats, Floats]]
    eligible: Bools
    excluded: NDArray[np.int8]
    criteria: tuple[str, ...]
    entry: Floats
    response: tuple[NDArray[np.int32], NDArray[np.int32]] | None
    starts: Floats | None
    perfect: Observed


@dataclass(frozen=True)
class Cohorts:
    """A block of replicates: the numbers of the replicates ``(R,)``, and their two sides."""

    replicates: NDArray[np.int64]
    observed: Observed
    hidden: Hidden
