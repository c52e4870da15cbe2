"""Covariates whose mean and SD are stated by arm: the population that both arms make, and log odds that part them so.

Treatment follows covariates, never the reverse: the population has the mean and SD of both arms mixed by the share of
treated, and of all propensities that give the treated their mean and SD (the control has its own then) the one is taken
whose log odds are ``intercept + stated terms + a u + b u^2``, u the covariate in SDs from its mean. The intercept and
all a and b together minimise a convex function over reference patients, as in logistic regression: Newton's method.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from simulator.cohort.terms import parse_term
from simulator.documents.spec import Spec
from simulator.mechanisms.contract import TREATMENT, Around, Mechanism
from simulator.numerics.arrays import Floats
from simulator.numerics.elementary import exp

Measurable = Annotated[float, Field(ge=-1e9, le=1e9)]
STEPS = 60


class ArmMoments(Spec):
    """The mean and SD of a covariate in an arm."""

    mean: Measurable
    sd: Annotated[float, Field(gt=0, le=1e9)]


class MomentsByArm(Mechanism):
    """The mean and SD of a covariate in either arm."""

    control: ArmMoments
    treated: ArmMoments

    def pooled(self, share: float) -> tuple[float, float]:
        """The mean and SD of all patients, of whom this share is treated."""
        one, zero = self.treated, self.control
        mean = share * one.mean + (1 - share) * zero.mean
        square = share * (one.sd**2 + (one.mean - mean) ** 2) + (1 - share) * (zero.sd**2 + (zero.mean - mean) ** 2)
        return mean, float(np.sqrt(square))

    def alike(self, place: str, share: float) -> dict[str, float]:
        """The settings by which both arms have the mean and SD of all patients."""
        mean, sd = self.pooled(share)
        pairs = {"mean": mean, "sd": sd}
        return {f"{place}.{arm}.{key}": value for arm in ("control", "treated") for key, value in pairs.items()}

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """Where a log odds is stated that is solved for."""
        name = next(place for place, part in around.parts.items() if part is self).split(".")[2]
        for text in getattr(around.parts["treatment"], "log_odds", {}):
            term = parse_term(text, around.variables)
            if set(term.variables) == {name} and not any(part.operator for part in term.parts):
                yield "", f"solves for the log odds of {name}; drop treatment.log_odds.'{text}'"
        for place in ("calendar", "centres"):
            changes = getattr(around.parts.get(place), "per_year" if place == "calendar" else "sd", {})
            if changes.get(TREATMENT):
                yield "", f"does not hold where {place} changes the choice of treatment; drop one of the two"


@dataclass(frozen=True)
class Parted:
    """What is asked of a covariate, the position of which is ``row``: its mean and SD in all, and in the treated."""

    row: int
    mean: float
    sd: float
    treated: ArmMoments

    def scaled(self, values: Floats) -> Floats:
        """In SDs from its mean, ``(R, N)``, from those of all covariates ``(K, R, N)``."""
        found: Floats = (values[self.row] - self.mean) / self.sd
        return found

    def excess(self) -> tuple[float, float]:
        """By how much the means of u and u^2 are greater in the treated than in all."""
        shift = (self.treated.mean - self.mean) / self.sd
        return shift, shift**2 + (self.treated.sd / self.sd) ** 2 - 1.0


@dataclass(frozen=True)
class Tilt:
    """The linear and the quadratic log odds of a covariate in SDs from its mean."""

    parted: Parted
    linear: float
    quadratic: float

    def added(self, log_odds: Floats, values: Floats) -> Floats:
        """Log odds ``(R, N)`` with its own, from the values of all covariates ``(K, R, N)``."""
        u = self.parted.scaled(values)
        return log_odds + self.linear * u + self.quadratic * u * u


def solve_tilts(
    asked: Sequence[Parted], share: float, predictor: Floats, values: Floats
) -> tuple[float, tuple[Tilt, ...]]:
    """The intercept and the log odds of each covariate at which the treated of reference patients are as asked.

    ``predictor (R, N)`` are the stated log odds, ``values (K, R, N)`` those of covariates. What is asked is by how much
    the treated differ from all, so that it does not matter that the reference patients are a sample. ValueError if no
    log odds do it.
    """
    powers = [one.scaled(values).reshape(-1) ** k for one in asked for k in (1, 2)]
    means = np.array([0.0, *(power.mean() for power in powers)])
    z = np.array([np.ones(predictor.size), *powers]) - means[:, None]
    target = share * np.array([1.0, *(value for one in asked for value in one.excess())])
    at = np.zeros(len(z))
    at[0] = np.log(share / (1 - share))

    def fitted(at: Floats) -> tuple[float, Floats, Floats]:
        eta = predictor.reshape(-1).copy()
        for k in range(len(z)):
            eta += at[k] * z[k]
        chance = 1.0 / (1.0 + exp(-eta))
        value = float((np.maximum(eta, 0.0) + np.log1p(exp(-np.abs(eta)))).mean() - (at * target).sum())
        return value, np.array([(chance * row).mean() for row in z]) - target, chance * (1.0 - chance)

    value, slope, weight = fitted(at)
    for _ in range(STEPS):
        if np.abs(slope).max() < 1e-12:
            break
        step = _solved(np.array([[(weight * one * two).mean() for two in z] for one in z]), -slope)
        for _ in range(30):
            trial = fitted(at + step)
            if trial[0] <= value + 1e-13 * abs(value):
                break
            step = step / 2
        at = at + step
        value, slope, weight = trial
    if not np.abs(slope).max() < 1e-8:
        raise ValueError(
            "no log odds of treatment part the arms so: the arms hardly overlap, or this distribution cannot be parted "
            "into two with such means and SDs"
        )
    intercept = at[0] - (at[1:] * means[1:]).sum()
    return float(intercept), tuple(Tilt(one, float(at[1 + 2 * k]), float(at[2 + 2 * k])) for k, one in enumerate(asked))


def _solved(matrix: Floats, right: Floats) -> Floats:
    """The solution of a small positive definite system, by elimination; NaN where it is singular."""
    rows = np.column_stack([matrix, right])
    with np.errstate(divide="ignore", invalid="ignore"):
        for j in range(len(rows)):
            rows[j] = rows[j] / rows[j, j]
            for i in range(len(rows)):
                if i != j:
                    rows[i] = rows[i] - rows[i, j] * rows[j]
    return rows[:, -1]
