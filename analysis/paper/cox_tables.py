"""Univariable Cox models of every term, and the multivariable model of those that pass the screen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from analysis.kernels.status import Status
from analysis.paper.effects import AnalysisSet, HazardRatio, effect, fit_cox, no_effect
from analysis.plan.analysis_plan import TREATMENT, Plan, cox_terms
from analysis.survival.columns import KnownColumns
from analysis.two_samples.tests import NAN
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import TermPart, design, parse_term, term_columns
from simulator.numerics.arrays import Bools, Floats, Ints

_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}


@dataclass(frozen=True)
class CoxRow(HazardRatio):
    """One column of a Cox model.

    ``p_term`` is the joint Wald p of the ``df_term`` columns of the term that have a number (a single one: its own p).
    """

    term: str
    column: str
    label: str
    p_term: float
    df_term: int


@dataclass(frozen=True)
class DesignColumns:
    """The design of a set's Cox models: ``x (N, P)``, names, readable labels, and each column's term.

    ``known`` are the columns of those in the set.
    """

    x: Floats
    known: KnownColumns
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    term_of: tuple[int, ...]
    terms: tuple[str, ...]

    def of_rows(self, rows: Ints) -> "DesignColumns":
        """The columns of these rows, in their order."""
        return replace(self, x=self.x[rows])

    def of(self, term: int) -> list[int]:
        """The columns of a term."""
        return [k for k, owner in enumerate(self.term_of) if owner == term]


def cox_columns(observed: Observed, plan: Plan, arms: tuple[str, str], present: Bools) -> DesignColumns:
    """The columns of the plan's Cox terms, treatment last, for the set of those ``present (N,)``."""
    terms = cox_terms(plan, observed.variable)
    made = design(terms, observed.variable, observed.names, observed.covariates[0])
    labels = [term_label(terms[t], column, observed) for t, column in zip(made.term_of, made.columns, strict=True)]
    x = np.column_stack([made.x, observed.treated[0]])
    return DesignColumns(
        x,
        KnownColumns.of(x[present]),
        (*made.columns, TREATMENT),
        (*labels, f"Treatment ({arms[1]} vs {arms[0]})"),
        (*made.term_of, len(terms)),
        (*terms, TREATMENT),
    )


def term_label(text: str, column: str, observed: Observed) -> str:
    """A column as a reader wants it: 'Age (> 50)', 'Grade (3 vs 2)', 'Nodes (per unit)', 'Age × Sex (Male vs Female)'.

    The column is one of those that the term ``text`` makes.
    """
    term, labels = parse_term(text, observed.variable), []
    place, alone = term_columns(term, observed.variable).index(column), len(term.parts) == 1
    for part in term.parts:
        levels = len(observed.variable[part.variable].levels) - 1 if part.is_factor(observed.variable) else 1
        labels.append(_factor_label(part, 1 + place % levels, observed, alone))
        place //= levels
    return " × ".join(labels)


def _factor_label(part: TermPart, level: int, observed: Observed, alone: bool) -> str:
    """A factor of a term, one with several levels at one of them; numbers that stand ``alone`` have their unit."""
    variable = observed.variable[part.variable]
    name = variable.label or variable.name
    if part.operator:
        operand = part.text.split(part.operator, 1)[1].strip()
        return f"{name} ({operand})" if part.operator == "=" else f"{name} ({_SIGNS[part.operator]} {operand})"
    if variable.kind == "continuous":
        power = f"^{part.power}" if part.power > 1 else ""
        return f"{name}{power} (per {variable.unit or 'unit'}{power})" if alone else f"{name}{power}"
    return f"{name} ({variable.levels[level]} vs {variable.levels[0]})"


def univariable(course: Endpoint, made: DesignColumns, group: AnalysisSet, plan: Plan) -> tuple[CoxRow, ...]:
    """One Cox model per term."""
    return tuple(row for term in range(len(made.terms)) for row in _model(course, made, made.of(term), group, plan))


def multivariable(
    course: Endpoint, made: DesignColumns, single: Sequence[CoxRow], group: AnalysisSet, plan: Plan
) -> tuple[CoxRow, ...]:
    """The Cox model of all terms whose univariable ``p_term`` passes the screen; empty when none does."""
    p_term = {row.term: row.p_term for row in single}
    limit = plan.cox.screening_p
    enter = [
        index
        for index, term in enumerate(made.terms)
        if limit is None or p_term[term] < limit or (term == TREATMENT and plan.cox.keep_treatment)
    ]
    return _model(course, made, [k for index in enter for k in made.of(index)], group, plan)


def _model(
    course: Endpoint, made: DesignColumns, columns: list[int], group: AnalysisSet, plan: Plan
) -> tuple[CoxRow, ...]:
    """The rows of one model; a column that cannot be estimated in the set is left out of the fit and says why.

    One that runs off to infinity leaves the others those of the limit (`analysis.survival.recession`).
    """
    status = dict(zip(columns, made.known.estimable(columns), strict=True))
    varies = [k for k in columns if status[k] == Status.OK]
    survival = plan.survival
    effects = {k: no_effect(status[k]) for k in columns}
    p_term: dict[int, float] = {}
    df_term = dict.fromkeys(range(len(made.terms)), 0)
    if varies:
        fit = fit_cox(course, made.x[:, varies], group, survival.ties)
        covariance = fit.covariance[0] if fit.robust_covariance is None else fit.robust_covariance[0]
        se = np.sqrt(np.diagonal(covariance))
        for place, k in enumerate(varies):
            state, sign = int(fit.state[0, place]), int(fit.sign[0, place])
            effects[k] = effect(float(fit.beta[0, place]), float(se[place]), state, survival.level, sign)
        for term in {made.term_of[k] for k in varies}:
            places = [p for p, k in enumerate(varies) if made.term_of[k] == term and fit.state[0, p] == Status.OK]
            df_term[term] = len(places)
            p_term[term] = _joint_p(fit.beta[0, places], covariance[np.ix_(places, places)])
    return tuple(
        CoxRow(
            **effects[k].__dict__,
            term=made.terms[made.term_of[k]],
            column=made.columns[k],
            label=made.labels[k],
            p_term=effects[k].p if len(made.of(made.term_of[k])) == 1 else p_term.get(made.term_of[k], NAN),
            df_term=df_term[made.term_of[k]],
        )
        for k in columns
    )


def _joint_p(beta: Floats, covariance: NDArray[np.float64]) -> float:
    """The Wald test that all coefficients are zero."""
    if not len(beta) or not (np.all(np.isfinite(beta)) and np.all(np.isfinite(covariance))):
        return NAN
    try:
        statistic = float(beta @ np.linalg.solve(covariance, beta))
    except np.linalg.LinAlgError:
        return NAN
    return float(chdtrc(len(beta), statistic))
