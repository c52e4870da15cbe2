"""Two arms compared within strata, in a block: the Cox model with a baseline hazard for each, and the log-rank test."""

from typing import Literal, NamedTuple, TypedDict

import numpy as np

from analysis.kernels.status import Status
from analysis.paper.curve_points import Weighed
from analysis.paper.effects import AnalysisSet, ChiSquare, HazardRatio, effect, weights_of
from analysis.plan.analysis_plan import Plan, SurvivalPlan
from analysis.propensity.strata import crossed, within_both
from analysis.survival import statistics
from analysis.survival.survival_data import order_of
from analysis.survival.weighted_survival import robust_score
from simulator.cohort.cohorts import Endpoint, Observed
from simulator.numerics.arrays import Bools, Floats, Ints, Positions


class StratifiedCox(NamedTuple):
    """The log hazard ratio of treatment ``(S,)``, its SE (robust in a weighted set), status and where it runs."""

    log_hr: Floats
    se: Floats
    status: Ints
    sign: Ints


class StratifiedTest(NamedTuple):
    """The log-rank test within strata ``(S,)``, in a weighted set the robust score test; NaN unless OK."""

    chi2: Floats
    p: Floats
    status: Ints


def stratified_cox(
    course: Endpoint,
    treated: Bools,
    present: Bools,
    stratum: Ints,
    plan: SurvivalPlan,
    weights: Weighed | None = None,
    order: Positions | None = None,
) -> StratifiedCox:
    """R's ``coxph(Surv(time, event) ~ arm + strata(stratum))``, with weights and cluster where the set has them."""
    fit = statistics.cox(
        course.time,
        course.event,
        treated[..., None].astype(np.float64),
        present=present,
        weight=None if weights is None else weights.weight,
        cluster=None if weights is None else weights.cluster,
        stratum=stratum,
        ties=plan.ties,
        order=order,
    )
    se = fit.se if fit.robust_se is None else fit.robust_se
    return StratifiedCox(fit.beta[:, 0], se[:, 0], fit.status, fit.sign[:, 0])


def stratified_logrank(
    course: Endpoint,
    treated: Bools,
    present: Bools,
    stratum: Ints,
    plan: SurvivalPlan,
    weights: Weighed | None = None,
    order: Positions | None = None,
) -> StratifiedTest:
    """R's ``survdiff(Surv(time, event) ~ arm + strata(stratum))``; of a weighted set coxph's ``$rscore``."""
    if weights is None:
        made = statistics.logrank(course.time, course.event, treated, present=present, stratum=stratum, order=order)
        return StratifiedTest(made.chi2, made.p, made.status)
    score = robust_score(
        course.time, course.event, treated, weight=weights.weight, cluster=weights.cluster, present=present,
        stratum=stratum, ties=plan.ties, order=order,
    )  # fmt: skip
    return StratifiedTest(score.chi2, score.p, score.status)


class InStrata(TypedDict):
    """The log-rank test and the hazard ratio of one cohort within the plan's strata; None without these."""

    logrank_stratified: ChiSquare | None
    cox_stratified: HazardRatio | None


def in_strata(course: Endpoint, observed: Observed, group: AnalysisSet, plan: Plan) -> InStrata:
    """The arms of a set compared within the plan's strata (R = 1)."""
    if not plan.survival.strata:
        return {"logrank_stratified": None, "cox_stratified": None}
    weights, stratum = weights_of(group), within_both(group.strata, crossed(plan.survival.strata, observed))
    given = (course, observed.treated, group.present[None], stratum, plan.survival, weights, order_of(course))
    test, cox = stratified_logrank(*given), stratified_cox(*given)
    name: Literal["log-rank", "robust score"] = "log-rank" if weights is None else "robust score"
    ratio = effect(
        float(cox.log_hr[0]), float(cox.se[0]), int(cox.status[0]), plan.survival.level, int(cox.sign[0])
    )  # fmt: skip
    told = ChiSquare(name, float(test.chi2[0]), 1, float(test.p[0]), Status(int(test.status[0])))
    return {"logrank_stratified": told, "cox_stratified": ratio}
