"""A scenario: a world, the analysis made of it, the estimators judged, the sweep over what-ifs, and the run."""

import itertools
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from analysis.estimators import Adjusted, Crude, Estimator, Ipw, Matched, ScoreStrata, Several
from analysis.estimators.own_process import PATIENCE
from analysis.plan.analysis_plan import Plan
from benchmarks.asked.competing import without_truth
from benchmarks.asked.patience import Patience
from simulator.cohort.estimand import Estimand
from simulator.cohort.terms import Variable
from simulator.documents.loading import Document, parse, with_values, without
from simulator.documents.spec import Name, Positive, Spec
from simulator.mechanisms.entry import PER_MONTH
from simulator.world.sections import World

DEFAULT_ESTIMATORS = (Crude(), Adjusted(), Matched(name="matched-naive", se="naive"), Matched(), Ipw())
MOST_CELLS = 10_000

Settings = dict[str, Any]


def usual_estimators(plan: Plan) -> tuple[Estimator, ...]:
    """The estimators of a study that names none and whose paper does not match, with the plan's weights or strata."""
    if plan.primary == "weighting":
        return Crude(), Adjusted(), Ipw(name="ipw", **plan.weighting.model_dump())
    if plan.primary == "stratification":
        return Crude(), Adjusted(), ScoreStrata(name="ps-strata", strata=plan.stratification.strata)
    return Crude(), Adjusted()


class Sweep(Spec):
    """What-if cells: every combination of ``grid``, with the lists of ``zip`` walked in step; ``exclude`` drops some.

    Keys are dotted paths into the document. An ``exclude`` entry drops each cell that has all its settings.
    """

    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    zip: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    exclude: tuple[Settings, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "Sweep":
        lengths = {len(values) for values in self.zip.values()}
        if len(lengths) > 1:
            raise ValueError("the lists under zip need equal lengths")
        if any(not values for values in (*self.grid.values(), *self.zip.values())):
            raise ValueError("a list to sweep over is empty")
        twice = self.grid.keys() & self.zip.keys()
        if twice:
            raise ValueError(f"{', '.join(sorted(twice))}: both under grid and under zip")
        for entry in self.exclude:
            unknown = entry.keys() - self.grid.keys() - self.zip.keys()
            if unknown:
                raise ValueError(f"exclude: '{sorted(unknown)[0]}' is not swept over")
        count = len(next(iter(self.zip.values()), (0,)))
        for values in self.grid.values():
            count *= len(values)
        if count > MOST_CELLS:
            raise ValueError(f"{count:,} cells are more than the {MOST_CELLS:,} allowed")
        if not self.cells():
            raise ValueError("every cell is excluded")
        return self

    def cells(self) -> list[Settings]:
        """The settings of every cell, in order; one empty cell where nothing is swept."""
        walked = [dict(zip(self.zip, row, strict=True)) for row in zip(*self.zip.values(), strict=True)] or [{}]
        crossed = [dict(zip(self.grid, row, strict=True)) for row in itertools.product(*self.grid.values())]
        cells = [{**grid, **step} for step in walked for grid in crossed]
        return [cell for cell in cells if not any(entry.items() <= cell.items() for entry in self.exclude)]


Precise = Literal[
    "bias", "relative_bias", "empirical_se", "model_se", "relative_error_model_se", "mse", "rmse", "coverage",
    "bias_eliminated_coverage", "rejection",
]  # fmt: skip


class Target(Spec):
    """For whom the estimators of a study are judged side by side: everyone of a population, as followed.

    A population is of time zero, among all who are screened: ``treated`` and ``untreated`` are those assigned to either
    arm, ``overlap`` and ``matching_weight`` count each patient by e (1 - e) and min(e, 1 - e) of the true propensity e.
    ``selected`` (included under the received arm) and ``always_eligible`` (under both) are for sensitivity analyses:
    they are valid only if the two courses of a patient share their luck. ``follow_up`` is that of hazard ratios: with
    the study's censoring (``observed``) or without any (``complete``); differences of curves know no censoring.
    """

    population: Literal[
        "all", "treated", "untreated", "overlap", "matching_weight", "selected", "always_eligible"
    ] = "treated"  # fmt: skip
    follow_up: Literal["observed", "complete"] = "observed"


class Until(Spec):
    """When a study may stop: when the Monte Carlo SE of each measure named in ``mcse`` is at most so large everywhere.

    That is looked at after ``run.replicates`` replicates of a cell, rounded up to whole blocks, after twice as many and
    so on, and there are at most ``most``. Measures are those against the study's target; where an estimator answers
    another question, those against its own estimand. ``rejection`` is power or, where the truth is zero, the type-I
    error.
    """

    mcse: Annotated[dict[Precise, Positive], Field(min_length=1)]
    most: Annotated[int, Field(ge=1, le=100_000_000)] = 100_000


class Run(Spec):
    """How much is computed: replicates per cell, the seed, and how many patients may be drawn to find the truth.

    The truth takes as many as bring its error below a third of the study's own, and at most ``truth_patients``. With
    ``until`` the replicates are only those of the first look.

    ``replicate_timeout`` (``60s``, ``10min``, ``2h``, ``none``) is how long a function of one's own may take over one
    replicate, 10 minutes unless it is said: one that takes longer is killed and its replicate counted as TIMEOUT.
    Compiled estimators may take any time unless it is said; then a block of them may take so long for each of its
    replicates and estimators, which is kept where blocks are computed in processes or by Dask, not in threads. It
    changes no number and is no part of what makes a study another.
    """

    replicates: Annotated[int, Field(ge=1, le=100_000_000)] = 1000
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    truth_patients: Annotated[int, Field(ge=1000, le=100_000_000)] = 2_000_000
    until: Until | None = None
    replicate_timeout: Patience = PATIENCE

    @property
    def compiled_timeout(self) -> float | None:
        """The seconds that compiled estimators may take, None for any time: only what the study says itself."""
        return self.replicate_timeout if "replicate_timeout" in self.model_fields_set else None

    @model_validator(mode="after")
    def _begins_below_the_cap(self) -> "Run":
        if self.until is not None and self.until.most < self.replicates:
            raise ValueError(f"until.most ({self.until.most:,}) is less than the first {self.replicates:,} replicates")
        return self


class Free(Spec):
    """A parameter that calibration may change: where it stands, its prior, and the bounds that it keeps to.

    ``paths`` are places in the document that take the same value (the parameter's own name unless given); ``start`` is
    where the search begins (the prior mean unless given). On the scale ``log`` the prior is lognormal: ``mean`` is its
    median and ``sd`` that of the logarithm.
    """

    paths: tuple[str, ...] = ()
    mean: float
    sd: Positive
    bounds: tuple[float, float]
    start: float | None = None
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _ordered(self) -> "Free":
        low, high = self.bounds
        begin = self.mean if self.start is None else self.start
        if not (low < high and low <= self.mean <= high and low <= begin <= high):
            raise ValueError("mean and start must lie within increasing bounds")
        if self.scale == "log" and low <= 0:
            raise ValueError("bounds must be positive on the scale log")
        return self


class Calibration(Spec):
    """What calibration may change, and the replicates and seed by which it compares the world with the paper."""

    free: dict[str, Free]
    replicates: Annotated[int, Field(ge=20, le=100_000)] = 240
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1


class Suspected(Spec):
    """A named suspicion of bias: what it sets in the world, and the parameters of which only a prior is known."""

    settings: Settings = Field(default_factory=dict)
    free: dict[str, Free] = Field(default_factory=dict)


class Compatible(Spec):
    """What `trialtwin compatible` asks: the prior of the effect, a log hazard ratio on every transition, and what bias
    is suspected; without ``scenarios`` the world is taken as it stands.
    """

    effect: Free = Free(mean=0.0, sd=1.0, bounds=(-2.5, 1.5))
    scenarios: dict[Name, Suspected] = Field(default_factory=lambda: {"as-stated": Suspected()}, min_length=1)


def _or_by_kind(schema: dict[str, Any]) -> None:
    """Let the JSON Schema allow an estimator's kind alone, as `Scenario` does."""
    kinds = list(schema["items"]["discriminator"]["mapping"])
    schema["items"] = {"anyOf": [{"enum": kinds}, schema["items"]]}


Estimators = Annotated[tuple[Estimator, ...], Field(min_length=1, json_schema_extra=_or_by_kind)]


class Scenario(World):
    """What a study file says. A world alone is a scenario too: its own analysis with the usual estimators."""

    other_rooms: ClassVar[tuple[str, ...]] = ()

    question: Annotated[str, Field(max_length=1000)] = "How do the usual estimators do in this world?"
    analysis: Plan = Plan()
    estimators: Estimators = DEFAULT_ESTIMATORS
    target: Target = Target()
    sweep: Sweep = Sweep()
    run: Run = Run()
    calibration: Calibration | None = None
    compatible: Compatible = Compatible()

    @field_validator("estimators", mode="before")
    @classmethod
    def _by_name(cls, entries: object) -> object:
        """An estimator's kind alone stands for it with its default options."""
        if not isinstance(entries, tuple):
            return entries
        return tuple({"kind": entry} if isinstance(entry, str) else entry for entry in entries)

    @field_validator("estimators", mode="after")
    @classmethod
    def _in_its_unit(cls, entries: Estimators, info: ValidationInfo) -> Estimators:
        """The times of estimators that nobody stated, which are in months, in the world's unit."""
        unit = info.data.get("time_unit", "months")
        return entries if unit == "months" else tuple(one.in_unit(PER_MONTH[unit]) for one in entries)

    @model_validator(mode="after")
    def _with_usual_estimators(self) -> "Scenario":
        """A study that names no estimators has those of its primary analysis, with the plan's weights or strata."""
        plan = self.analysis
        if "estimators" not in self.model_fields_set and plan.primary != "matching":
            object.__setattr__(self, "estimators", usual_estimators(plan))
        return self

    @model_validator(mode="after")
    def _analysis_fits(self) -> "Scenario":
        names: list[Name] = [estimator.name for estimator in self.estimators]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"estimators: two are called '{name}'; give one a name of its own")
        variables = {name: spec.variable(name) for name, spec in self.population.covariates.items()}
        missing = self.may_be_missing()
        for place, message in self.analysis.problems(variables, missing):
            raise ValueError(f"analysis.{'.'.join(map(str, place))}: {message}")
        for estimator in self.estimators:
            try:
                own = estimator.plan_for(self.analysis)
            except ValueError as error:
                raise ValueError(f"estimators: '{estimator.name}': {error}") from None
            for place, message in own.problems(variables, missing):
                raise ValueError(f"estimators: '{estimator.name}': {'.'.join(map(str, place))}: {message}")
            self._endpoints_fit(estimator, variables)
        return self

    def _endpoints_fit(self, estimator: Estimator, variables: Mapping[str, Variable]) -> None:
        known = (*self.endpoints, *self.binary_outcomes())
        for endpoint in self.applied(estimator):
            where = f"estimators: '{estimator.name}'"
            if endpoint not in known:
                raise ValueError(f"{where} asks for '{endpoint}'; known are {', '.join(known)}")
            wrong = estimator.misfit(endpoint, endpoint in self.endpoints)
            if wrong:
                raise ValueError(f"{where}: {wrong}")
            try:
                question = estimator.estimand(endpoint, self.analysis, variables)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
            parts = estimator.tests if isinstance(estimator, Several) else ()
            self._has_a_truth(estimator.name, endpoint, question)
            for one in parts:
                self._has_a_truth(estimator.name, endpoint, one.estimand(endpoint, self.analysis, variables))

    def _has_a_truth(self, estimator: str, endpoint: str, question: Estimand) -> None:
        """ValueError where what an estimator finds of an endpoint has no one true value among the other states."""
        if endpoint in self.endpoints:
            complete = self.target.follow_up == "complete"
            ways = self.outcomes.graph
            place, why = without_truth(endpoint, self.endpoints[endpoint], ways, question, complete)
            if place:
                raise ValueError(f"{place}: '{estimator}': {why}" if place == "estimators" else f"{place}: {why}")

    def applied(self, estimator: Estimator) -> tuple[str, ...]:
        """The endpoints to which an estimator is applied."""
        return tuple(self.endpoints) if estimator.endpoints is None else estimator.endpoints

    def judged(self) -> list[tuple[str, Estimator]]:
        """Every endpoint with every estimator that is applied to it, in the order of a study's rows."""
        asked = dict.fromkeys(endpoint for estimator in self.estimators for endpoint in self.applied(estimator))
        return [(endpoint, one) for endpoint in asked for one in self.estimators if endpoint in self.applied(one)]


def cells(document: Document, scenario: Scenario) -> list[tuple[Settings, Scenario]]:
    """Every cell of the sweep: its settings and the scenario that they make; DocumentError if one is not valid."""
    made, plain = [], without(document, "published")  # hundreds of numbers that no cell needs to have judged again
    for settings in scenario.sweep.cells():
        if not settings:
            made.append((settings, scenario))
        elif any(path.lstrip("'\" ").startswith("published") for path in settings):
            made.append((settings, parse(with_values(document, {"sweep": {}, **settings}), Scenario)))
        else:
            cell = parse(with_values(plain, {"sweep": {}, **settings}), Scenario)
            made.append((settings, cell.model_copy(update={"published": scenario.published})))
    return made
