"""The plan of an analysis: the ``analysis:`` section of any document. Every default is what the first paper did.

Terms are written as in ``simulator.cohort.terms``: ``age``, ``age>50``, ``ecog>=1``, ``albi=3``, ``grade`` (a factor),
``age*sex``, ``age^2``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from analysis.plan.matching_plan import MatchingPlan, no_repeats
from analysis.plan.missing_plan import MissingPlan, problem
from analysis.plan.stratification_plan import StratificationPlan
from analysis.plan.weighting_plan import WeightingPlan
from simulator.cohort.terms import Term, Variable, parse_term
from simulator.documents.spec import TIME, Spec

__all__ = [
    "TREATMENT",
    "CoxPlan",
    "Factor",
    "MatchingPlan",
    "MissingPlan",
    "Plan",
    "PropensityPlan",
    "StratificationPlan",
    "SurvivalPlan",
    "TablePlan",
    "WeightingPlan",
    "cox_terms",
    "level_terms",
    "plain_number",
    "propensity_terms",
    "subgroup_factors",
]

TREATMENT = "treatment"
"""The name of the treatment's row in a table of Cox models; no covariate may bear it."""


class PropensityPlan(Spec):
    """How the propensity score is found: logistic regression on all candidates or on those that stepwise keeps, the
    lasso with its penalty by cross-validation, gradient boosting, or the true probability of treatment, which only a
    simulation knows.

    ``candidates`` null stands for every covariate as it is: a number linearly, a level as a factor. ``criterion: p``
    keeps what a likelihood ratio test at ``alpha`` keeps (R's step with k the quantile of chi-square). ``folds``
    belongs to the lasso, ``trees`` and their ``depth`` to boosting, whose learning rate is 0.1.
    """

    method: Literal["stepwise", "all", "lasso", "boosting", "true"] = "stepwise"
    candidates: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    direction: Literal["both", "forward", "backward"] = "both"
    criterion: Literal["aic", "bic", "p"] = "aic"
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    start: Literal["full", "empty"] = "full"
    folds: Annotated[int, Field(ge=2, le=50)] = 10
    trees: Annotated[int, Field(ge=1, le=5000)] = 100
    depth: Annotated[int, Field(ge=1, le=8)] = 3

    @model_validator(mode="after")
    def _consistent(self) -> "PropensityPlan":
        no_repeats(self.candidates, "candidates")
        steps = (self.direction, self.criterion, self.start)
        if self.method != "stepwise" and steps != ("both", "aic", "full"):
            raise ValueError(f"direction, criterion and start belong to 'method: stepwise', not to '{self.method}'")
        if self.criterion != "p" and self.alpha != 0.05:
            raise ValueError("'alpha' belongs to 'criterion: p'")
        if self.method != "lasso" and self.folds != 10:
            raise ValueError("'folds' belongs to 'method: lasso'")
        if self.method != "boosting" and (self.trees, self.depth) != (100, 3):
            raise ValueError("'trees' and 'depth' belong to 'method: boosting'")
        if self.direction == "forward" and self.start == "full":
            raise ValueError("'direction: forward' can add nothing to the full model; write 'start: empty'")
        if self.direction == "backward" and self.start == "empty":
            raise ValueError("'direction: backward' can drop nothing from the empty model; write 'start: full'")
        return self


Time = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SurvivalPlan(Spec):
    """Ties of the Cox models, kind of confidence interval of the median, and the level of every interval.

    At each of the ``times`` the analysis of a cohort tells survival, the patients at risk and restricted means. (The
    numbers of a paper are compared at whatever times it prints.) ``strata`` are terms (a covariate with levels, or a
    comparison such as age>65) that are crossed: beside the plain ones there are then a hazard ratio of treatment with a
    baseline hazard for each stratum, and a log-rank test within them; those who lack one are a level of it.
    """

    ties: Literal["efron", "breslow"] = "efron"
    conf_type: Literal["log", "log-log", "plain"] = "log"
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    times: Annotated[tuple[Time, ...], Field(max_length=100, strict=False), TIME] = ()
    strata: Annotated[tuple[str, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "SurvivalPlan":
        no_repeats(self.strata, "strata")
        return self

    @model_validator(mode="before")
    @classmethod
    def _for_files(cls, given: object) -> object:
        if isinstance(given, dict) and "timefix" in given and "timefix" not in cls.model_fields:
            raise ValueError("timefix: is for files of patients; simulated times are used as they are, so leave it out")
        if not isinstance(given, dict):
            return given
        return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


class CoxPlan(Spec):
    """The univariable and multivariable Cox models of those compared.

    ``covariates`` null stands for every covariate: a number with cut-points as ``age>50``, without them linearly, a
    level as a factor. Treatment is always among the univariable models. A term enters the multivariable model when
    its univariable Wald p is below ``screening_p`` (a factor by its joint Wald test); null lets all enter. Treatment
    is screened like the rest, as in the paper, unless ``keep_treatment``. Where ``primary: adjustment`` says that the
    model is what makes the arms comparable, all enter unless a threshold is stated, and treatment is kept with one.
    """

    covariates: tuple[str, ...] | None = None
    screening_p: Annotated[float, Field(gt=0, le=1)] | None = 0.1
    keep_treatment: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "CoxPlan":
        no_repeats(self.covariates, "covariates")
        if self.keep_treatment and self.screening_p is None:
            raise ValueError("'keep_treatment' has no meaning without 'screening_p': everything enters")
        return self


class TablePlan(Spec):
    """The tests of Table 1.

    ``continuous`` 'auto' shows mean and SD where Shapiro-Wilk rejects in neither arm at ``normality_p``, else median
    and quartiles with Mann-Whitney; it is decided in all patients and kept in those compared. ``categorical`` 'auto'
    is Pearson's chi-square without continuity correction, Fisher's exact test when an expected count is below 5.
    ``smd`` divides by the variances of the arms of that very cohort, or (unmatched) always by those of all patients.
    """

    continuous: Literal["auto", "mean", "median"] = "auto"
    normality_p: Annotated[float, Field(gt=0, lt=1)] = 0.05
    t_test: Literal["welch", "student"] = "welch"
    categorical: Literal["auto", "pearson", "yates", "fisher"] = "auto"
    smd: Literal["own", "unmatched"] = "own"


Choice = Literal[
    "propensity.method", "propensity.candidates", "matching.method", "matching.caliper", "matching.unit",
    "matching.scale", "matching.order", "matching.replacement", "matching.ratio", "weighting.target",
    "weighting.stabilised", "weighting.trim", "weighting.truncate", "se",
]  # fmt: skip
"""A choice of the analyst that papers often do not state."""

Primary = Literal["matching", "weighting", "stratification", "adjustment", "unadjusted"]


class Plan(Spec):
    """What the authors do with a cohort.

    ``primary`` is how they make the arms comparable: by ``matching``, by ``weighting`` with the propensity score, by
    ``stratification`` between its quantiles (Cox models with a baseline hazard for each stratum, tests within them), by
    ``adjustment`` alone (the multivariable Cox model of all patients), or not at all (``unadjusted``, as where
    treatment was randomised). What a paper prints "after" is said of the matched, of the weighted, or of all; after
    stratification Table 1, responses and curves are those of all who have a score within 0 and 1.

    ``subgroups`` null stands for each level of each categorical covariate and both sides of each cut-point; a listed
    variable stands for all its levels (or sides), a comparison for those in whom it holds; [] for none.

    ``not_stated`` names choices that the paper does not state: a multiverse takes all ways of them unless told which.
    """

    primary: Primary = "matching"
    propensity: PropensityPlan = PropensityPlan()
    matching: MatchingPlan = MatchingPlan()
    weighting: WeightingPlan = WeightingPlan()
    stratification: StratificationPlan = StratificationPlan()
    survival: SurvivalPlan = SurvivalPlan()
    cox: CoxPlan = CoxPlan()
    subgroups: tuple[str, ...] | None = None
    table1: TablePlan = TablePlan()
    missing: MissingPlan = MissingPlan()
    not_stated: tuple[Choice, ...] = ()

    @model_validator(mode="after")
    def _treatment_is_in_its_model(self) -> "Plan":
        """The adjusted ratio of a paper that adjusts is one that every replicate has."""
        stated = self.cox.model_fields_set
        if self.primary == "adjustment" and "keep_treatment" not in stated:
            screened = "screening_p" in stated and self.cox.screening_p is not None
            more = {"keep_treatment": True} if screened else {"screening_p": None}
            object.__setattr__(self, "cox", self.cox.model_copy(update=more))
        return self

    @model_validator(mode="after")
    def _consistent(self) -> "Plan":
        no_repeats(self.subgroups, "subgroups")
        no_repeats(self.not_stated, "not_stated")
        if self.primary != "weighting" and self.weighting != WeightingPlan():
            raise ValueError(f"weighting: belongs to 'primary: weighting', not to '{self.primary}'")
        if self.primary != "stratification" and self.stratification != StratificationPlan():
            raise ValueError(f"stratification: belongs to 'primary: stratification', not to '{self.primary}'")
        return self

    def with_terms(self, terms: tuple[str, ...]) -> "Plan":
        """The plan with these candidates of the propensity model and Cox covariates more, where it lists its own."""
        update: dict[str, Spec] = {}
        if terms and self.propensity.candidates is not None:
            update["propensity"] = self.propensity.model_copy(update={"candidates": self.propensity.candidates + terms})
        if terms and self.cox.covariates is not None:
            update["cox"] = self.cox.model_copy(update={"covariates": self.cox.covariates + terms})
        return self.model_copy(update=update) if update else self

    def problems(
        self, variables: Mapping[str, Variable], missing: Sequence[str] = ()
    ) -> list[tuple[tuple[str | int, ...], str]]:
        """What does not fit the covariates: a place within the section and one line each; empty when all is well.

        ``missing`` names the covariates that may have missing values.
        """
        found: list[tuple[tuple[str | int, ...], str]] = []
        cannot = problem(missing, self.missing, variables)
        if cannot:
            found.append((("missing",), cannot))
        listed: tuple[tuple[tuple[str, ...], tuple[str, ...] | None], ...] = (
            (("propensity", "candidates"), self.propensity.candidates),
            (("matching", "covariates"), self.matching.covariates),
            (("matching", "exact"), self.matching.exact),
            (("survival", "strata"), self.survival.strata),
            (("cox", "covariates"), self.cox.covariates),
            (("subgroups",), self.subgroups),
        )
        for place, terms in listed:
            for index, text in enumerate(terms or ()):
                try:
                    term = parse_term(text, variables)
                except ValueError as error:
                    found.append(((*place, index), str(error)))
                    continue
                message = _unfit(term, place[-1], variables)
                if message:
                    found.append(((*place, index), message))
        return found


def _unfit(term: Term, key: str, variables: Mapping[str, Variable]) -> str:
    """Why a term can make no subgroups or strata, or cannot be matched on exactly; empty where it can, or need not."""
    if key == "subgroups" and term.alone:
        variable = variables[term.alone.variable]
        uncut = not term.alone.operator and variable.kind == "continuous" and not variable.cuts
        return f"'{term.text}' is continuous and has no cut-points; write a comparison such as '{term.text}>50'" * uncut
    if key == "strata" and term.alone and term.has_number(variables):
        return f"'{term.text}' has no levels; write a comparison such as '{term.text}>50'"
    if key in ("subgroups", "exact", "strata") and not term.alone and term.has_number(variables):
        return f"'{term.text}' has no levels; write a product of comparisons, such as 'age>50*sex'"
    if key == "subgroups" and (several := term.factors(variables)):
        return f"'{term.text}' has several levels; compare {several[0]} with one: {several[0]}=..."
    return ""


def propensity_terms(plan: Plan, variables: Mapping[str, Variable]) -> tuple[str, ...]:
    """The candidate terms of the propensity model."""
    return tuple(variables) if plan.propensity.candidates is None else plan.propensity.candidates


def cox_terms(plan: Plan, variables: Mapping[str, Variable]) -> tuple[str, ...]:
    """The terms of the univariable Cox models, without treatment."""
    if plan.cox.covariates is not None:
        return plan.cox.covariates
    terms: list[str] = []
    for name, variable in variables.items():
        cuts = variable.cuts if variable.kind == "continuous" else ()
        terms += [f"{name}>{plain_number(cut)}" for cut in cuts] or [name]
    return tuple(terms)


@dataclass(frozen=True)
class Factor:
    """A subgroup factor: its name, and per row the terms that must all hold ('age>50' and 'age<=65')."""

    name: str
    rows: tuple[tuple[str, ...], ...]


def subgroup_factors(plan: Plan, variables: Mapping[str, Variable]) -> tuple[Factor, ...]:
    """The subgroups asked for; continuous covariates without cut-points have none."""
    factors: list[Factor] = []
    for text in tuple(variables) if plan.subgroups is None else plan.subgroups:
        term = parse_term(text, variables)
        single = term.alone is None or bool(term.alone.operator)
        rows = ((text,),) if single else level_terms(variables[term.variables[0]])
        if rows:
            factors.append(Factor(text, rows))
    return tuple(factors)


def level_terms(variable: Variable) -> tuple[tuple[str, ...], ...]:
    """Per level of a variable, or per stretch between a continuous one's cut-points, the terms that define it."""
    name = variable.name
    if variable.kind != "continuous":
        return tuple((f"{name}={level}",) for level in variable.levels)
    cuts = [plain_number(cut) for cut in sorted(variable.cuts)]
    if not cuts:
        return ()
    between = [(f"{name}>{low}", f"{name}<={high}") for low, high in pairwise(cuts)]
    return ((f"{name}<={cuts[0]}",), *between, (f"{name}>{cuts[-1]}",))


def plain_number(value: float) -> str:
    """The shortest text that reads back as the number: 50, 0.1, 1e+20."""
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text
