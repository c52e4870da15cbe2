"""Who is treated: a true propensity score from log odds of terms, and how an arm is allotted from it.

``logit P(treated) = intercept + sum of log_odds x term``. ``logistic`` states the intercept; ``prevalence`` finds the
one that gives the stated share of treated on average; ``fixed`` treats exactly that share of every cohort: those with
the largest ``logit P + standard logistic noise``, so that arm sizes are as fixed as in a published table. The true
propensity is then that of a large cohort: with 422 patients it is exact to 0.003, with 20 it may be off by 0.03.
`simulator.mechanisms.randomisation` has ``blocks`` and ``clusters``, in which it is the same share for everybody.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import logit

from simulator.cohort.terms import parse_term
from simulator.documents.spec import Share
from simulator.mechanisms.by_arm import MomentsByArm, Parted, Tilt, solve_tilts
from simulator.mechanisms.contract import Around, Bias, Mechanism
from simulator.mechanisms.randomisation import Blocks, Clusters, Randomised
from simulator.mechanisms.treatment_start import TreatmentStart
from simulator.numerics.arrays import Floats
from simulator.numerics.elementary import exp, minus_log
from simulator.numerics.roots import brentq
from simulator.numerics.streams import Streams

LogOdds = dict[str, float]

REFERENCE_PATIENTS = 100_000
MOST_SOLVED = 1000
_SOLVED: dict[tuple[float, tuple[int, ...], bytes], float] = {}  # of worlds that differ in little, most are the same


class Allotted(Mechanism):
    """What allocations by propensity have: its terms, and the wait before treatment starts (null: none)."""

    coefficients: ClassVar[tuple[str, ...]] = ("log_odds",)

    log_odds: LogOdds = Field(default_factory=dict)
    start: TreatmentStart | None = None

    def biases(self, place: str, around: Around) -> Iterator[Bias]:
        """Confounding by covariates of either side, where some of them have log odds or differ by arm; a product with a
        hidden one is of that side.
        """
        of = {term: parse_term(term, around.variables).variables for term, odds in self.log_odds.items() if odds}
        hidden = {term for term, variables in of.items() if not around.hidden.keys().isdisjoint(variables)}
        sides = ("confounding", "measured", around.measured), ("hidden", "hidden", around.hidden)
        for name, side, variables in sides:
            off = {f"{place}.log_odds.{term}": 0.0 for term in of if (term in hidden) == (name == "hidden")}
            for where, part in around.parts.items():
                if isinstance(part, MomentsByArm) and where.split(".")[2] in variables and part.control != part.treated:
                    off |= part.alike(where, getattr(self, "share", 0.5))
            if off:
                yield Bias(name, f"confounding by {side} covariates", off)


class Logistic(Allotted):
    """Each patient is treated independently; the intercept is stated."""

    kind: Literal["logistic"]
    intercept: float


class Prevalence(Allotted):
    """Each patient is treated independently; the intercept gives this share of treated."""

    kind: Literal["prevalence"]
    share: Share


class Fixed(Allotted):
    """Exactly ``round(share x size)`` patients of every cohort are treated."""

    kind: Literal["fixed"]
    share: Share


Confounded = Logistic | Prevalence | Fixed
Treatment = Annotated[Confounded | Blocks | Clusters, Field(discriminator="kind")]


def probability(log_odds: Floats) -> Floats:
    """The probabilities of log odds of any shape."""
    return 1.0 / (1.0 + exp(-log_odds))


def solve_intercept(treatment: Confounded | Randomised, predictor: Floats) -> float:
    """The intercept; for a stated share, the one whose mean propensity over the reference patients is that share."""
    return treatment.intercept if isinstance(treatment, Logistic) else intercept_for(treatment.share, predictor)


def intercept_for(share: float, predictor: Floats) -> float:
    """The intercept of log odds that gives a share on average over patients with these linear predictors."""
    if share in (0.0, 1.0):
        return float(np.copysign(np.inf, share - 0.5))
    span = float(np.abs(predictor).max()) + abs(float(logit(share))) + 1.0

    def excess(intercept: float) -> float:
        return float(probability(intercept + predictor).mean() - share)

    asked = share, predictor.shape, hashlib.blake2b(predictor.tobytes()).digest()
    found = _SOLVED.get(asked)
    if found is None:
        found = float(brentq(excess, -span, span, xtol=1e-13, maxiter=5000))  # log odds may be 1e300 apart
        if len(_SOLVED) >= MOST_SOLVED:
            _SOLVED.clear()
        _SOLVED[asked] = found
    return found


def resolve(
    treatment: Confounded | Randomised, asked: Sequence[Parted], predictor: Floats, values: Floats
) -> "Allocation":
    """Treatment ready to be allotted, by the stated log odds ``(R, N)`` and the covariates ``(K, R, N)`` of reference
    patients; ValueError if nothing parts the arms as ``asked``.
    """
    fixed = treatment.share if isinstance(treatment, Fixed) else None
    if not asked or isinstance(treatment, Logistic):
        return Allocation(solve_intercept(treatment, predictor), fixed)
    intercept, tilts = solve_tilts(asked, treatment.share, predictor, values)
    return Allocation(intercept, fixed, tilts)


@dataclass(frozen=True)
class Allocation:
    """Treatment ready to be allotted: the intercept is known; ``treated`` is the exact share if arm sizes are fixed.

    ``tilts`` part the arms where the mean and SD of covariates are stated by arm.
    """

    intercept: float
    fixed_share: float | None
    tilts: tuple[Tilt, ...] = ()

    def log_odds(self, predictor: Floats, values: Floats) -> Floats:
        """The linear predictor ``(R, N)`` with what parts the arms as stated, from all covariates ``(K, R, N)``."""
        for tilt in self.tilts:
            predictor = tilt.added(predictor, values)
        return predictor

    def draw(
        self, predictor: Floats, streams: Streams, replicates: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], Floats]:
        """Who is treated, and the true propensity, both ``(R, N)``, from the terms' linear predictor ``(R, N)``."""
        patients = predictor.shape[1]
        luck = streams.uniform("treatment", replicates, patients)
        propensity = probability(self.intercept + predictor)
        if self.fixed_share is None:
            return luck < propensity, propensity
        noisy = predictor + minus_log(luck / (1.0 - luck))
        return largest(noisy, round(self.fixed_share * patients)), propensity


def largest(numbers: Floats, count: int) -> NDArray[np.bool_]:
    """Where the ``count`` largest numbers of every row ``(R, N)`` are; among equal ones the first."""
    n = numbers.shape[1]
    if count in (0, n):
        return np.full(numbers.shape, count == n)
    found: NDArray[np.bool_] = numbers >= np.partition(numbers, n - count, axis=1)[:, n - count, None]
    for row in np.flatnonzero(np.count_nonzero(found, axis=1) != count):
        found[row] = False
        found[row, np.argsort(-numbers[row], kind="stable")[:count]] = True
    return found
