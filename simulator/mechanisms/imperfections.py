"""Imperfect records: what of a cohort is not recorded, or recorded wrongly. Nothing of it changes what happened.

In this order, each with luck of its own: a level is recorded as another with a stated probability; a number is recorded
with a normal error, within its bounds; a share of either arm is recorded as the other; an event is missed (the patient
counts as censored then) or a censoring counted as an event, by arm. A covariate is missing with probability

    expit(intercept + sum of log_odds x term + treated x arm),    the intercept giving the stated share on average:

without log odds it is missing completely at random; with terms of other recorded covariates, at random; with its own
value or a hidden covariate among the terms, not at random. Terms are those of true values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from simulator.cohort.cohorts import Endpoint, Observed
from simulator.documents.spec import Name, Positive, Share, Spec
from simulator.mechanisms.covariates import Continuous, Population
from simulator.mechanisms.treatment import probability
from simulator.numerics.arrays import Floats
from simulator.numerics.roots import brentq
from simulator.numerics.streams import Streams

_SPAN = 60.0


class Missing(Spec):
    """The share of patients in whom a covariate is missing, and what raises the log odds of that."""

    share: Share
    log_odds: dict[str, float] = Field(default_factory=dict)
    treated: float = 0.0


class Miscounted(Spec):
    """By arm, the share of events that are missed, and of censored patients whose censoring counts as an event."""

    missed: dict[str, Share] = Field(default_factory=dict)
    false: dict[str, Share] = Field(default_factory=dict)


class Imperfections(Spec):
    """``misclassified`` maps a covariate's true level to the probabilities of recording others; ``error_sd`` is the SD
    of a continuous covariate's error; ``treatment`` the share of an arm that is recorded as the other one.
    """

    missing: dict[Name, Missing] = Field(default_factory=dict)
    misclassified: dict[Name, dict[str, dict[str, Share]]] = Field(default_factory=dict)
    error_sd: dict[Name, Positive] = Field(default_factory=dict)
    treatment: dict[str, Share] = Field(default_factory=dict)
    endpoints: dict[Name, Miscounted] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> "Imperfections":
        for name, levels in self.misclassified.items():
            for level, others in levels.items():
                if level in others or sum(others.values()) > 1:
                    raise ValueError(
                        f"misclassified.{name}.{level}: names the other levels, their probabilities at most 1 together"
                    )
        return self

    def check(self, population: Population, endpoints: tuple[str, ...]) -> None:
        """ValueError where it does not fit the measured covariates or the endpoints."""
        measured = population.covariates
        for where in ("missing", "misclassified", "error_sd"):
            for name in getattr(self, where):
                if name not in measured:
                    raise ValueError(f"imperfections.{where}: no measured covariate '{name}'")
                if where != "missing" and isinstance(measured[name], Continuous) != (where == "error_sd"):
                    right = "misclassified" if where == "error_sd" else "error_sd"
                    raise ValueError(f"imperfections.{where}: for '{name}' write {right}")
        for name, levels in self.misclassified.items():
            known = measured[name].variable(name).levels
            for level in (*levels, *(other for others in levels.values() for other in others)):
                if level not in known:
                    raise ValueError(f"imperfections.misclassified.{name}: no level '{level}' ({', '.join(known)})")
        for name in self.endpoints:
            if name not in endpoints:
                raise ValueError(f"imperfections.endpoints: no endpoint '{name}' ({', '.join(endpoints)})")

    def arm_keys(self) -> list[tuple[str, list[str]]]:
        """Where arms are named, and which."""
        found = [("imperfections.treatment", list(self.treatment))]
        for name, one in self.endpoints.items():
            found += [(f"imperfections.endpoints.{name}", [*one.missed, *one.false])]
        return found


@dataclass(frozen=True)
class ResolvedImperfections:
    """Imperfections ready to be drawn: the intercept of each covariate's missingness, and bounds of numbers."""

    spec: Imperfections
    arms: tuple[str, str]
    intercepts: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]


def place_of(name: str) -> str:
    """The name of the linear predictor of a covariate's missingness."""
    return f"missing/{name}"


def resolve(
    spec: Imperfections,
    arms: tuple[str, str],
    population: Population,
    linear: Mapping[str, NDArray[np.float64]],
    propensity: Floats,
) -> ResolvedImperfections:
    """The imperfections with their intercepts solved over reference patients: predictors and propensity ``(M,)``."""

    def intercept(name: str, one: Missing) -> float:
        if one.share in (0.0, 1.0):
            return float(np.copysign(np.inf, one.share - 0.5))
        sums = linear[place_of(name)]

        def excess(a: float) -> float:
            given = propensity * probability(a + sums + one.treated) + (1 - propensity) * probability(a + sums)
            return float(given.mean()) - one.share

        span = _SPAN + float(np.abs(sums).max()) + abs(one.treated)
        return float(brentq(excess, -span, span, xtol=1e-12))

    bounds = {name: one.bounds for name, one in population.covariates.items() if isinstance(one, Continuous)}
    return ResolvedImperfections(spec, arms, {name: intercept(name, one) for name, one in spec.missing.items()}, bounds)


def recorded(
    resolved: ResolvedImperfections,
    streams: Streams,
    replicates: NDArray[np.int64],
    linear: Mapping[str, Floats],
    perfect: Observed,
) -> Observed:
    """What is recorded of the cohorts that a ``perfect`` record would show."""
    spec, n = resolved.spec, perfect.treated.shape[1]

    def luck(what: str, name: str) -> Floats:
        return streams.uniform(f"imperfection/{what}/{name}", replicates, n)

    values = perfect.covariates.copy()
    for k, variable in enumerate(perfect.variables):
        name, column = variable.name, values[..., k]
        if name in spec.misclassified:
            chance, true = luck("misclassified", name), column.copy()
            for level, others in spec.misclassified[name].items():
                reached = 0.0
                for other, probability_of_it in others.items():
                    inside = (chance >= reached) & (chance < reached + probability_of_it)
                    reached += probability_of_it
                    column[inside & (true == variable.levels.index(level))] = variable.levels.index(other)
        if name in spec.error_sd:
            error = streams.normal(f"imperfection/error/{name}", replicates, n)
            column[...] = np.clip(column + spec.error_sd[name] * error, *resolved.bounds[name])
        if name in spec.missing:
            one = spec.missing[name]
            log_odds = resolved.intercepts[name] + linear[place_of(name)] + one.treated * perfect.treated
            column[luck("missing", name) < probability(log_odds)] = np.nan
    share = np.array([spec.treatment.get(arm, 0.0) for arm in resolved.arms])
    swapped = luck("treatment", "arm") < share[perfect.treated.astype(np.int64)] if spec.treatment else False
    endpoints = dict(perfect.endpoints)
    for name, wrong in spec.endpoints.items():
        course = endpoints[name]
        missed, false = (
            np.array([shares.get(arm, 0.0) for arm in resolved.arms])[perfect.treated.astype(np.int64)]
            for shares in (wrong.missed, wrong.false)
        )
        chance = luck("endpoint", name)
        endpoints[name] = Endpoint(course.time, np.where(course.event, chance >= missed, chance < false))
    return replace(perfect, covariates=values, treated=perfect.treated ^ swapped, endpoints=endpoints)
