"""Cox regression in everyone: on treatment alone, with covariates, in strata, or given the propensity score."""

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from analysis.estimators.base import Estimate, EstimatorSpec, Sample, check_strata, cox_on_treatment, wald, with_status
from analysis.estimators.clustering import check_cluster, clusters_of, several_clusters
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan, cox_terms
from analysis.survival import statistics
from simulator.cohort.estimand import TRUE_SCORE, Estimand
from simulator.cohort.terms import Variable
from simulator.documents.spec import Name
from simulator.numerics.arrays import Bools, Floats
from simulator.numerics.elementary import summed

KNOTS = (0.05, 0.35, 0.65, 0.95)


class Crude(EstimatorSpec):
    """Cox regression on treatment alone, everyone included.

    The SE is model-based, or with ``cluster``, a covariate with levels, robust and clustered by that.
    """

    kind: Literal["crude"] = "crude"
    name: Name = "crude"
    cluster: Name | None = None

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The marginal log hazard ratio in everyone."""
        check_cluster(self.cluster, variables)
        return Estimand(population="all", measure="marginal_log_hr", endpoint=endpoint)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment; TOO_FEW where an SE is to be clustered and there is one cluster."""
        present, clusters = sample.observed.present, clusters_of(sample, self.cluster)
        return several_clusters(cox_on_treatment(sample, endpoint, present, cluster=clusters), clusters, present)


class Adjusted(EstimatorSpec):
    """Multivariable Cox regression on treatment and the plan's Cox covariates.

    The SE is model-based, or with ``cluster``, a covariate with levels, robust and clustered by that.
    """

    kind: Literal["adjusted"] = "adjusted"
    name: Name = "adjusted"
    cluster: Name | None = None

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:
        """The conditional log hazard ratio given the covariates."""
        check_cluster(self.cluster, variables)
        terms = cox_terms(plan, variables)
        return Estimand(population="all", measure="conditional_log_hr", endpoint=endpoint, adjusted_for=terms)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment; TOO_FEW where an SE is to be clustered and there is one cluster."""
        observed, clusters = sample.observed, clusters_of(sample, self.cluster)
        x, _ = sample.columns(cox_terms(sample.plan, observed.variable))
        x = np.concatenate([observed.treated[..., None], x], axis=-1)
        course = observed.endpoints[endpoint]
        fit = statistics.cox(
            course.time,
            course.event,
            x,
            present=observed.present,
            cluster=clusters,
            ties=sample.plan.survival.ties,
            order=sample.orders[endpoint],
        )
        se = fit.se if fit.robust_se is None else fit.robust_se
        made = wald(fit.beta[:, 0], se[:, 0], fit.n, fit.events, fit.state[:, 0], sample.plan.survival.level)
        return several_clusters(made, clusters, observed.present)


class Stratified(EstimatorSpec):
    """Cox regression on treatment, with a baseline hazard for each group of ``strata``: a term, or several crossed."""

    kind: Literal["stratified"] = "stratified"
    name: Name = "stratified"
    strata: Annotated[tuple[str, ...], Field(min_length=1)]

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The conditional log hazard ratio given the strata."""
        check_strata(self.strata, variables)
        return Estimand(population="all", measure="conditional_log_hr", endpoint=endpoint, adjusted_for=self.strata)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment with its model-based SE."""
        return cox_on_treatment(sample, endpoint, sample.observed.present, stratum=sample.strata(self.strata))


class ScoreAdjusted(EstimatorSpec):
    """What analyses that condition on the propensity score share.

    The truth is the conditional log hazard ratio given the true score (its logit, linearly), which that of a spline or
    of coarse strata resembles and need not equal.
    """

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The conditional log hazard ratio given the propensity score."""
        given = (TRUE_SCORE,)
        return Estimand(population="all", measure="conditional_log_hr", endpoint=endpoint, adjusted_for=given)

    def scored(self, sample: Sample) -> tuple[Floats, Bools]:
        """The logit of the score, 0 for whom there is none, and who is analysed, ``(R, N)``."""
        return np.where(sample.scored, sample.propensity.linear, 0.0), sample.scored


class ScoreCovariate(ScoreAdjusted):
    """Cox regression on treatment and the logit of the propensity score.

    ``form: spline`` takes a restricted cubic spline with knots at its quantiles 0.05, 0.35, 0.65 and 0.95 (Harrell
    2015, Regression Modeling Strategies, 2.4.6) in place of a line; a score with too few values for it has the line,
    one that is the same for all (nothing was selected) leaves treatment alone. The SE takes the score for known.
    """

    kind: Literal["ps-covariate"] = "ps-covariate"
    name: Name = "ps-covariate"
    form: Literal["linear", "spline"] = "linear"

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment; the propensity model's status where that failed."""
        observed, course = sample.observed, sample.observed.endpoints[endpoint]
        score, here = self.scored(sample)

        def fitted(terms: Floats) -> statistics.CoxFit:
            return statistics.cox(
                course.time,
                course.event,
                np.concatenate([observed.treated[..., None], terms], axis=-1),
                present=here,
                ties=sample.plan.survival.ties,
                order=sample.orders[endpoint],
            )

        fit = fitted(score[..., None])
        beta, se, status = fit.beta[:, 0], fit.se[:, 0], fit.state[:, 0]
        if self.form == "spline":
            curved = fitted(restricted_cubic(score, here))
            bent = curved.status != Status.SINGULAR
            beta, se = np.where(bent, curved.beta[:, 0], beta), np.where(bent, curved.se[:, 0], se)
            status = np.where(bent, curved.state[:, 0], status)
        crude = cox_on_treatment(sample, endpoint, here)
        flat = np.where(here, score, -np.inf).max(axis=1) == np.where(here, score, np.inf).min(axis=1)
        beta, se = np.where(flat, crude.value, beta), np.where(flat, crude.se, se)
        status = np.where(flat, crude.status, status)
        made = wald(beta, se, crude.n, crude.events, status, sample.plan.survival.level)
        return with_status(made, sample.propensity.status)


class ScoreStrata(ScoreAdjusted):
    """Cox regression within ``strata`` groups between quantiles of the propensity score.

    ``combine: stratified`` is one model with a baseline hazard in each; ``pooled`` the mean of their own coefficients,
    each with its share of patients (Austin 2011, Multivariate Behavioral Research 46:399-424), which fails where one
    has none. The SE takes the score for known.
    """

    kind: Literal["ps-strata"] = "ps-strata"
    name: Name = "ps-strata"
    strata: Annotated[int, Field(ge=2, le=20)] = 5
    combine: Literal["stratified", "pooled"] = "stratified"

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment; the status of the propensity model, or of a stratum, that failed."""
        here, group = sample.scored, sample.score_strata(self.strata)
        if self.combine == "stratified":
            made = cox_on_treatment(sample, endpoint, here, stratum=group)
            return with_status(made, sample.propensity.status)
        parts = [cox_on_treatment(sample, endpoint, here & (group == k)) for k in range(self.strata)]
        size = np.array([(here & (group == k)).sum(axis=1) for k in range(self.strata)])
        share = size / np.maximum(size.sum(axis=0), 1)
        value = summed(share * [one.value for one in parts])
        se = np.sqrt(summed(share**2 * [one.se**2 for one in parts]))
        status = sample.propensity.status
        for one in parts:
            status = np.where(status == Status.OK, one.status, status)
        n, events = size.sum(axis=0), np.sum([one.events for one in parts], axis=0)
        return with_status(wald(value, se, n, events, status, sample.plan.survival.level), status)


def restricted_cubic(score: Floats, here: Bools) -> Floats:
    """The columns ``(R, N, 3)`` of a restricted cubic spline with four knots, linear beyond the outer two."""
    made = np.zeros((*score.shape, len(KNOTS) - 1))
    for r, inside in enumerate(here):
        if not inside.any():
            continue
        knots = np.quantile(score[r, inside], KNOTS)
        width = knots[-1] - knots[0] if knots[-1] > knots[0] else 1.0
        above = np.maximum(score[r, :, None] - knots, 0.0) ** 3 / width**2
        last = knots[-1] - knots[-2] if knots[-1] > knots[-2] else 1.0
        made[r, :, 0] = score[r]
        for k in range(len(KNOTS) - 2):
            down, up = (knots[-1] - knots[k]) / last, (knots[-2] - knots[k]) / last
            made[r, :, k + 1] = above[:, k] - above[:, -2] * down + above[:, -1] * up
    return made
