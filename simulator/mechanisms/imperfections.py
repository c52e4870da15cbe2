"""Imperfect records: what of a cohort is not recorded, or recorded wrongly. Nothing of it changes what happened.

In this order, each with luck of its own: a level is recorded as another with a stated probability; a number is recorded
with a normal error, within its bounds, a count as a whole number; a share of either arm is recorded as the other; an
event is missed (the patient counts as censored then) or a censoring counted as an event, by arm. A covariate is missing
with probability

    expit(intercept + sum of log_odds x term + treated x arm),    the intercept giving the stated share on average:

without log odds it is missing completely at random; with terms of other recorded covariates, at random; with its own
value or a hidden covariate among the terms, not at random. Terms are those of true values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from simulator.cohort.cohorts import Endpoint, Observed
from simulator.documents.spec import Name, Positive, Share
from simulator.mechanisms.contract import Around, Doubts, Mechanism, Misleads, Naming
from simulator.mechanisms.covariate_kinds import Categorical, WholeNumber
from simulator.mechanisms.covariates import Population
from simulator.mechanisms.treatment import probability
from simulator.numerics.arrays import Floats
from simulator.numerics.roots import brentq
from simulator.numerics.streams import Luck

_SPAN = 60.0


class Missing(Mechanism):
    """The share of patients in whom a covariate is missing, and what raises the log odds of that."""

    coefficients: ClassVar[tuple[str, ...]] = ("log_odds",)

    share: Share
    log_odds: dict[str, float] = Field(default_factory=dict)
    treated: float = 0.0


class Miscounted(Mechanism):
    """By arm, the share of events that are missed, and of censored patients whose censoring counts as an event."""

    naming: ClassVar[Naming] = {"missed": "arm", "false": "arm"}

    missed: dict[str, Share] = Field(default_factory=dict)
    false: dict[str, Share] = Field(default_factory=dict)


class Imperfections(Mechanism):
    """``misclassified`` maps a covariate's true level to the probabilities of recording others; ``error_sd`` is the SD
    of a continuous covariate's error; ``treatment`` the share of an arm that is recorded as the other one.
    """

    words: ClassVar[str] = "imperfect records"
    naming: ClassVar[Naming] = {"treatment": "arm"}
    misleads: ClassVar[Misleads] = {
        "missing": ("missing", "missing covariates"),
        "misclassified": ("misclassified", "misclassified covariates"),
        "error_sd": ("error", "measurement error"),
        "treatment": ("arms", "misrecorded treatment"),
        "endpoints": ("events", "miscounted events"),
    }
    doubts: ClassVar[Doubts] = {
        "missing values, misread treatment and events; what the analyst does about it": (
            "imperfections:\n"
            "  missing: {$first: {share: 0.2, treated: 0.5}}\n"
            "  treatment: {$treated: 0.02, $control: 0.02}\n"
            "  endpoints: {$endpoint: {missed: {$treated: 0.05}}}\n"
            "analysis: {missing: {method: complete}}        # or indicator, imputation"
        ),
        "a misclassified covariate: probabilities of recording another level": (
            'imperfections: {misclassified: {$levelled: {"$one": {"$two": 0.1}}}}'
        ),
    }

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

    def unfit(self, around: Around) -> Iterator[tuple[str, str]]:
        """Where it does not fit the measured covariates, the endpoints or a late start."""
        for where in ("missing", "misclassified", "error_sd"):
            for name in getattr(self, where):
                if name not in around.measured:
                    yield where, f"no measured covariate '{name}'"
                elif where != "missing" and (around.measured[name].kind == "continuous") != (where == "error_sd"):
                    yield where, f"for '{name}' write {'misclassified' if where == 'error_sd' else 'error_sd'}"
        for name, levels in self.misclassified.items():
            known = around.measured[name].levels if name in around.measured else ()
            unknown = [level for level in chain(levels, *levels.values()) if level not in known]
            if unknown:
                yield f"misclassified.{name}", f"no level '{unknown[0]}' ({', '.join(known)})"
        for name in self.endpoints:
            if name not in around.endpoints:
                yield "endpoints", f"no endpoint '{name}' ({', '.join(around.endpoints)})"
        if self.treatment and "treatment.start" in around.parts:
            yield "treatment", "has no meaning where treatment starts late"


@dataclass(frozen=True)
class ResolvedImperfections:
    """Imperfections ready to be drawn: the intercept of each covariate's missingness, bounds of numbers, and counts."""

    spec: Imperfections
    arms: tuple[str, str]
    intercepts: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]
    whole: frozenset[str]


def place_of(name: str) -> str:
    """The name of the linear predictor of a covariate's missingness."""
    return f"imperfections.missing.{name}.log_odds"


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

    numbers = {name: one for name, one in population.covariates.items() if not isinstance(one, Categorical)}
    return ResolvedImperfections(
        spec,
        arms,
        {name: intercept(name, one) for name, one in spec.missing.items()},
        {name: one.limits() for name, one in numbers.items()},
        frozenset(name for name, one in numbers.items() if isinstance(one, WholeNumber)),
    )


def recorded(
    resolved: ResolvedImperfections,
    luck: Luck,
    linear: Mapping[str, Floats],
    perfect: Observed,
) -> Observed:
    """What is recorded of the cohorts that a ``perfect`` record would show."""
    spec = resolved.spec

    def chance_of(what: str, name: str) -> Floats:
        return luck.uniform(f"imperfection/{what}/{name}")

    values = perfect.covariates.copy()
    for k, variable in enumerate(perfect.variables):
        name, column = variable.name, values[..., k]
        if name in spec.misclassified:
            chance, true = chance_of("misclassified", name), column.copy()
            for level, others in spec.misclassified[name].items():
                reached = 0.0
                for other, probability_of_it in others.items():
                    inside = (chance >= reached) & (chance < reached + probability_of_it)
                    reached += probability_of_it
                    column[inside & (true == variable.levels.index(level))] = variable.levels.index(other)
        if name in spec.error_sd:
            error = luck.normal(f"imperfection/error/{name}")
            column[...] = np.clip(column + spec.error_sd[name] * error, *resolved.bounds[name])
            if name in resolved.whole:
                np.rint(column, out=column)
        if name in spec.missing:
            one = spec.missing[name]
            log_odds = resolved.intercepts[name] + linear[place_of(name)] + one.treated * perfect.treated
            column[chance_of("missing", name) < probability(log_odds)] = np.nan
    share = np.array([spec.treatment.get(arm, 0.0) for arm in resolved.arms])
    swapped = chance_of("treatment", "arm") < share[perfect.treated.astype(np.int64)] if spec.treatment else False
    endpoints = dict(perfect.endpoints)
    for name, wrong in spec.endpoints.items():
        course = endpoints[name]
        missed, false = (
            np.array([shares.get(arm, 0.0) for arm in resolved.arms])[perfect.treated.astype(np.int64)]
            for shares in (wrong.missed, wrong.false)
        )
        chance = chance_of("endpoint", name)
        event = np.where(course.event, chance >= missed, chance < false)
        rival = None if course.competing is None else course.competing & ~event
        endpoints[name] = Endpoint(course.time, event, rival)
    return replace(perfect, covariates=values, treated=perfect.treated ^ swapped, endpoints=endpoints)
