"""The effect of treatment within subgroups, and whether it differs between them: the rows of a forest plot."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from analysis.kernels.status import Status
from analysis.paper.cox_tables import term_label
from analysis.paper.effects import AnalysisSet, ByArm, HazardRatio, effect, fit_cox
from analysis.paper.table1 import level_label, level_names
from analysis.plan.analysis_plan import Factor, Plan, subgroup_factors
from analysis.survival import statistics
from analysis.survival.recession import RiskSets, identified
from analysis.survival.survival_data import order_of
from analysis.survival.weighted_survival import robust_score
from analysis.two_samples.tests import NAN
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.cohort.terms import design
from simulator.numerics.arrays import Bools, Floats


@dataclass(frozen=True)
class ArmCount:
    """Patients and events of one arm."""

    n: int
    events: int


@dataclass(frozen=True)
class SubgroupRow(HazardRatio):
    """Treatment's effect in one subgroup (``variable`` null: everyone); ``p`` is Wald's, ``p_logrank`` the log-rank's.

    ``interaction_p`` is the factor's likelihood-ratio test of treatment x factor with ``interaction_df`` degrees of
    freedom, repeated in its rows. In a set with weights ``p_logrank`` is the robust score test, ``interaction_p`` the
    robust Wald test; ``n`` and ``events`` count.
    """

    variable: str | None
    level: str
    label: str
    n: int
    events: int
    arms: ByArm[ArmCount]
    p_logrank: float
    interaction_p: float
    interaction_df: int


Row = tuple[str | None, str, str, Bools, tuple[float, int]]
"""Variable, level, label, who is in it, and the factor's interaction: p and degrees of freedom."""


def subgroups(course: Endpoint, observed: Observed, group: AnalysisSet, plan: Plan) -> tuple[SubgroupRow, ...]:
    """Everyone first, then a row for each level of each of the plan's factors."""
    rows = rows_of(observed, plan, lambda masks: _interaction(course, observed.treated[0], masks, group, plan))
    present = np.array([mask & group.present for *_, mask, _ in rows])
    return _fit_rows(course, observed.treated[0], rows, present, group, plan)


def rows_of(observed: Observed, plan: Plan, interaction: Callable[[list[Bools]], tuple[float, int]]) -> list[Row]:
    """Everyone first, then the levels of each of the plan's factors, whose ``interaction`` is told by their masks."""
    rows: list[Row] = [(None, "all", "All patients", observed.present[0], (NAN, 0))]
    for factor in subgroup_factors(plan, observed.variable):
        masks = [_holds(observed, terms) for terms in factor.rows]
        told = interaction(masks)
        rows += [(factor.name, *_names(factor, k, observed), mask, told) for k, mask in enumerate(masks)]
    return rows


def _fit_rows(
    course: Endpoint,
    treated: Bools,
    rows: list[Row],
    present: Bools,
    group: AnalysisSet,
    plan: Plan,
) -> tuple[SubgroupRow, ...]:
    """All rows at once: a subgroup is one replicate of a block."""
    weight = None if group.weight is None else group.weight[None]
    cluster = None if group.weight is None else group.clusters[None]
    order = order_of(course)
    fit = statistics.cox(
        course.time,
        course.event,
        treated[None, :, None].astype(np.float64),
        present=present,
        weight=weight,
        cluster=cluster,
        stratum=group.strata,
        ties=plan.survival.ties,
        order=order,
    )
    p_logrank = _log_rank_p(course, treated, present, group, plan)
    se = fit.se if fit.robust_se is None else fit.robust_se
    made = []
    for r, (variable, level, label, _, interaction) in enumerate(rows):
        sign = int(fit.sign[r, 0])
        found = effect(float(fit.beta[r, 0]), float(se[r, 0]), int(fit.status[r]), plan.survival.level, sign)
        counts = [
            ArmCount(int(mask.sum()), int((mask & course.event[0]).sum()))
            for mask in (present[r] & treated, present[r] & ~treated)
        ]
        made.append(
            SubgroupRow(
                **found.__dict__,
                variable=variable,
                level=level,
                label=label,
                n=counts[0].n + counts[1].n,
                events=counts[0].events + counts[1].events,
                arms=ByArm(counts[0], counts[1]),
                p_logrank=float(p_logrank[r]),
                interaction_p=interaction[0],
                interaction_df=interaction[1],
            )
        )
    return tuple(made)


def _log_rank_p(course: Endpoint, treated: Bools, present: Bools, group: AnalysisSet, plan: Plan) -> Floats:
    """The p ``(R,)`` of the log-rank test in each subgroup, in a set with weights that of the robust score test."""
    time, event, arm, order = course.time, course.event, treated[None], order_of(course)
    if group.weight is None:
        return statistics.logrank(time, event, arm, present=present, stratum=group.strata, order=order).p
    return robust_score(
        time,
        event,
        arm,
        weight=group.weight[None],
        cluster=group.clusters[None],
        present=present,
        ties=plan.survival.ties,
        order=order,
    ).p


def _holds(observed: Observed, terms: tuple[str, ...]) -> Bools:
    """Who satisfies all the terms; a bare 0/1 term holds where it is 1."""
    made = design(terms, observed.variable, observed.names, observed.covariates[0])
    holds: Bools = np.all(made.x == 1.0, axis=-1)
    return holds


def _names(factor: Factor, place: int, observed: Observed) -> tuple[str, str]:
    """The level and the label of one of the factor's rows: ('>50', 'Age (> 50)')."""
    if factor.name in observed.names:
        variable = observed.variable[factor.name]
        level = level_names(variable)[place]
        return level, level_label(variable, level)
    return factor.name, term_label(factor.name, factor.name, observed)


def interaction_columns(treated: Bools, masks: list[Bools], present: Bools) -> tuple[Floats, int] | None:
    """The columns ``(N, P)`` of treatment, the factor's levels and their products, and where the products begin.

    A factor of one row stands for that row against all others; a level with one arm only has no product. None where
    fewer than two levels have both arms.
    """
    parts = masks if len(masks) > 1 else [~masks[0], masks[0]]
    levels = [part & present for part in parts]
    both = [bool((level & treated).any() and (level & ~treated).any()) for level in levels]
    if sum(both) < 2:
        return None
    reference = both.index(True)
    others = [k for k, level in enumerate(levels) if level.any() and k != reference]
    arm = treated.astype(np.float64)
    small = np.column_stack([arm, *(levels[k] for k in others)])
    return np.column_stack([small, *(levels[k] * arm for k in others if both[k])]), small.shape[1]


def _interaction(
    course: Endpoint, treated: Bools, masks: list[Bools], group: AnalysisSet, plan: Plan
) -> tuple[float, int]:
    """anova(coxph(y ~ treatment + factor), coxph(y ~ treatment * factor)) over the levels that occur: p and its df.

    A factor of one row stands for that row against all others. The degrees of freedom are those that the products add
    to what the smaller model's limit identifies: a level with one arm only, or without an event, adds none. A weighted
    likelihood has no such test: there it is Wald's of the interaction with the robust covariance, of those coefficients
    that are finite. NaN where there are none.
    """
    made = interaction_columns(treated, masks, group.present)
    if made is None:
        return NAN, 0
    large, first = made
    small = large[:, :first]
    if group.weight is not None:
        return robust_p(fit_cox(course, large, group, plan.survival.ties), first)
    plain, here = AnalysisSet(group.present, stratum=group.stratum), group.present
    stratum = np.zeros(int(here.sum()), np.int64) if group.stratum is None else group.stratum[here]
    sets = RiskSets(course.time[0, here], course.event[0, here], stratum, None)
    less = fit_cox(course, small, plain, plan.survival.ties)
    df = identified(sets, large[here], first, bool((less.state == Status.OK).all()))
    if df == 0:
        return NAN, 0
    more = fit_cox(course, large, plain, plan.survival.ties)
    return float(chdtrc(df, max(0.0, 2 * float(more.loglik[0] - less.loglik[0])))), df


def robust_p(fit: statistics.CoxFit, first: int) -> tuple[float, int]:
    """Wald's robust test that the coefficients from the ``first`` on are 0, and its df; NaN where none is finite."""
    if fit.robust_covariance is None:
        raise ValueError("a weighted set has clusters")
    beta, covariance = fit.beta[0, first:], fit.robust_covariance[0, first:, first:]
    known = np.isfinite(beta) & np.isfinite(np.diagonal(covariance))
    df = int(known.sum())
    if not df or np.linalg.matrix_rank(covariance[np.ix_(known, known)], hermitian=True) < df:
        return NAN, 0
    weighed = np.linalg.solve(covariance[np.ix_(known, known)], beta[known])
    return float(chdtrc(df, float(beta[known] @ weighed))), df
