"""Analyses weighted so that both arms stand for one population: by the propensity score, or by entropy balancing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from analysis.estimators.base import Estimate, EstimatorSpec, Sample, cox_on_treatment, wald, with_status
from analysis.estimators.clustering import check_cluster, clusters_of, several_clusters
from analysis.estimators.competing import (
    INCIDENCE_OF,
    Censoring,
    fine_gray_on_treatment,
    weighted_incidence,
)
from analysis.estimators.resampling import bootstrapped, spread
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan, PropensityPlan, propensity_terms
from analysis.plan.weighting_plan import WeightingPlan, WeightTarget
from analysis.propensity import weighting
from analysis.propensity.entropy_balancing import balancing_influence, entropy_balance
from analysis.propensity.logistic_models import StepwiseFit
from analysis.survival.weighted_variance import cox_gradient, km_contrast, logistic_influence, se_of
from simulator.cohort.estimand import Estimand, MeasureName, PopulationName
from simulator.cohort.terms import Variable
from simulator.documents.spec import TIME, Name, Positive, Share
from simulator.numerics.arrays import Bools, Floats, Ints

_POPULATIONS: dict[WeightTarget, PopulationName] = {
    "att": "treated",
    "ate": "all",
    "atc": "untreated",
    "overlap": "overlap",
    "matching": "matching_weight",
}
_MEASURES: dict[str, MeasureName] = {
    "hr": "marginal_log_hr",
    "rmst": "rmst_difference",
    "survival": "survival_difference",
    "subdistribution_hr": "marginal_subdistribution_log_hr",
    **INCIDENCE_OF,
}
_MODELS = ("hr", "subdistribution_hr")
"""Measures that are coefficients of treatment; the others have a horizon."""


@dataclass(frozen=True)
class Weights:
    """Who is analysed and with what weight, ``(R, N)``, and the status of each replicate's weights."""

    weight: Floats
    present: Bools
    status: Ints


class WeightedEstimator(EstimatorSpec):
    """What weighted analyses share.

    ``measure: hr`` is the weighted Cox coefficient of treatment; ``rmst`` and ``survival`` are differences of weighted
    Kaplan-Meier curves, restricted to or at ``horizon``. Where states compete ``incidence``, ``incidence_ratio`` (its
    logarithm) and ``rmtl`` are contrasts of weighted cumulative incidences at, or of mean times lost to, the horizon,
    and ``subdistribution_hr`` is Fine and Gray's model, its weights of ``censoring`` as in `fine-gray`. ``se: robust``
    (Lin-Wei; by influence functions for curves) takes the weights for known, ``naive`` takes them for patients.
    ``cluster``, a covariate with levels, is within what the robust SE of a Cox coefficient sums, instead of within
    patients. ``bootstrap`` draws patients with replacement ``resamples`` times and makes the weights anew in each; its
    ``interval`` is normal or percentile, its p normal.
    """

    target: WeightTarget = "att"
    measure: Literal["hr", "rmst", "survival", "subdistribution_hr", "incidence", "incidence_ratio", "rmtl"] = "hr"
    horizon: Annotated[Positive | None, TIME] = None
    se: Literal["robust", "naive", "estimated", "bootstrap"] = "robust"
    resamples: Annotated[int, Field(ge=2, le=10_000)] = 200
    interval: Literal["normal", "percentile"] = "normal"
    censoring: Censoring = "pooled"
    cluster: Name | None = None

    @model_validator(mode="after")
    def _coherent(self) -> "WeightedEstimator":
        if self.measure in _MODELS and self.horizon is not None:
            raise ValueError(
                "'horizon' belongs to 'measure: rmst', 'survival', 'incidence', 'incidence_ratio' or 'rmtl'"
            )
        if self.measure not in _MODELS and self.horizon is None:
            raise ValueError(f"'measure: {self.measure}' needs a horizon")
        if self.censoring != "pooled" and self.measure != "subdistribution_hr":
            raise ValueError("'censoring' belongs to 'measure: subdistribution_hr'")
        if self.measure == "subdistribution_hr" and self.se == "estimated":
            raise ValueError("'measure: subdistribution_hr' has no 'se: estimated'; take 'robust' or 'bootstrap'")
        if self.se != "bootstrap" and (self.resamples, self.interval) != (200, "normal"):
            raise ValueError("'resamples' and 'interval' belong to 'se: bootstrap'")
        if self.cluster is not None and (self.measure, self.se) != ("hr", "robust"):
            raise ValueError("'cluster' belongs to 'measure: hr' with 'se: robust'")
        return self

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The marginal contrast in the target population; curves are compared as if nobody were censored."""
        check_cluster(self.cluster, variables)
        return Estimand(
            population=_POPULATIONS[self.target],
            measure=_MEASURES[self.measure],
            endpoint=endpoint,
            horizon=self.horizon,
            follow_up="observed" if self.measure in _MODELS else "complete",
        )

    def weights(self, sample: Sample) -> Weights:
        """The weights of a sample."""
        raise NotImplementedError

    def through_weights(self, sample: Sample, made: Weights, gradient: Floats) -> Floats:
        """The influence ``(R, N)`` that comes of estimating the weights, from the contrast's derivative by each."""
        raise NotImplementedError

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The weighted contrast; the status of the weights where those failed, NO_INFO where its SE is 0.

        With a bootstrap, NOT_CONVERGED where fewer than half of the resamples have an estimate.
        """
        sample = sample.under(self.plan_for(sample.plan))
        made = self.weights(sample)
        if self.horizon is not None:
            found = self._curves(sample, endpoint, made, self.horizon)
        elif self.measure == "subdistribution_hr":
            found = fine_gray_on_treatment(
                sample,
                endpoint,
                made.present,
                weight=made.weight,
                censoring=self.censoring,
                robust=self.se == "robust",
            )
        else:
            found = self._cox(sample, endpoint, made)
        found = with_status(found, made.status)
        return self._bootstrap(sample, endpoint, found) if self.se == "bootstrap" else found

    def _cox(self, sample: Sample, endpoint: str, made: Weights) -> Estimate:
        everyone = np.broadcast_to(np.arange(made.weight.shape[1]), made.weight.shape)
        clusters = clusters_of(sample, self.cluster)
        cluster = everyone if self.se == "robust" and clusters is None else clusters
        found = cox_on_treatment(sample, endpoint, made.present, weight=made.weight, cluster=cluster)
        if self.se != "estimated":
            return several_clusters(found, clusters, made.present)
        course, observed = sample.observed.endpoints[endpoint], sample.observed
        gradient = cox_gradient(
            course.time,
            course.event,
            observed.treated,
            made.weight,
            np.where(made.status == Status.OK, found.value, np.nan),
            present=made.present,
            ties=sample.plan.survival.ties,
            order=sample.orders[endpoint],
        )
        se = self._influence_se(sample, made, gradient)
        return _wald(sample, found.value, se, found.n, found.events, found.status)

    def _curves(self, sample: Sample, endpoint: str, made: Weights, horizon: float) -> Estimate:
        course, observed = sample.observed.endpoints[endpoint], sample.observed
        if self.measure in INCIDENCE_OF:
            lost, naive = weighted_incidence(sample, endpoint, made.present, made.weight, horizon, self.measure)
            se = naive if self.se == "naive" else self._influence_se(sample, made, lost.gradient)
            return _wald(sample, lost.value, se, lost.n, lost.events, lost.status)
        found = km_contrast(
            course.time,
            course.event,
            observed.treated,
            made.weight,
            horizon,
            "rmst" if self.measure == "rmst" else "survival",
            present=made.present,
            order=sample.orders[endpoint],
        )
        se = found.naive_se if self.se == "naive" else self._influence_se(sample, made, found.gradient)
        n = made.present.sum(axis=1)
        events = (made.present & course.event & (course.time <= horizon)).sum(axis=1)
        return _wald(sample, found.value, se, n, events, found.status)

    def _influence_se(self, sample: Sample, made: Weights, gradient: Floats) -> Floats:
        with np.errstate(invalid="ignore"):  # an infinite weight, whose status is BAD_INPUT
            influence = np.where(made.present, made.weight * gradient, 0.0)
            if self.se == "estimated":
                influence += self.through_weights(sample, made, gradient)
        return se_of(influence)

    def _bootstrap(self, sample: Sample, endpoint: str, found: Estimate) -> Estimate:
        plain = self.model_copy(update={"se": "naive"})

        def once(drawn: Sample) -> tuple[Floats, Ints]:
            estimate = plain.estimate(drawn, endpoint)
            return estimate.value, estimate.status

        values, enough = bootstrapped(sample, endpoint, self.resamples, once)
        level = sample.plan.survival.level
        sd, low, high = spread(values, level)
        status = np.where(found.status == Status.OK, enough, found.status)
        made = _wald(sample, found.value, sd, found.n, found.events, status)
        if self.interval == "percentile":
            ok = made.status == Status.OK
            made = replace(made, low=np.where(ok, low, np.nan), high=np.where(ok, high, np.nan))
        return with_status(made, made.status)


class Ipw(WeightedEstimator):
    """Weighting by the plan's propensity score; the target is ``target``.

    ``target`` is whom the weighted cohort stands for: att, ate, atc, overlap (e (1 - e)) or matching (min(e, 1 - e)).
    ``stabilised`` multiplies the weights of ate by the share of the patient's own arm. ``trim`` drops patients whose
    score lies outside two bounds, with no new fit, and ``truncate`` brings weights within two of their quantiles; the
    estimand stays that of the target. ``propensity`` replaces the model of the study's plan (null). ``se: estimated``
    allows for the estimation of the score's coefficients and of that share; selected columns, bounds and quantiles
    count as fixed.
    """

    kind: Literal["ipw"] = "ipw"
    name: Name = "ipw-att"
    stabilised: bool = False
    truncate: tuple[Share, Share] | None = None
    trim: tuple[Share, Share] | None = None

    propensity: PropensityPlan | None = None

    @model_validator(mode="after")
    def _called_after_its_target(self) -> "Ipw":
        """One that is not named is called after its target."""
        if "name" not in self.model_fields_set:
            object.__setattr__(self, "name", f"ipw-{self.target}")
        return self

    def plan_for(self, plan: Plan) -> Plan:
        """The study's plan with the estimator's own propensity model."""
        own = plan.model_copy(update={"propensity": self.propensity or plan.propensity})
        if self.se == "estimated" and own.propensity.method not in ("all", "stepwise"):
            raise ValueError(f"'se: estimated' is for logistic regression, not for '{own.propensity.method}'")
        return own

    @model_validator(mode="after")
    def _consistent(self) -> "Ipw":
        if self.stabilised and self.target != "ate":
            raise ValueError("'stabilised' belongs to 'target: ate'")
        if self.stabilised and self.measure not in _MODELS and self.truncate is None:
            raise ValueError("'stabilised' changes no curve; leave it out")
        for name, pair in (("truncate", self.truncate), ("trim", self.trim)):
            if pair is not None and not pair[0] < pair[1]:
                raise ValueError(f"'{name}' is a low and a high bound, in this order")
        return self

    def weights(self, sample: Sample) -> Weights:
        """The weights from the plan's propensity model, and its status; TOO_FEW where an arm has nobody to weight."""
        fit = sample.propensity
        plan = WeightingPlan(target=self.target, stabilised=self.stabilised, truncate=self.truncate, trim=self.trim)
        weight, kept = weighting.plan_weights(plan, fit.fitted, sample.observed.treated, sample.scored)
        nobody = (fit.status == Status.OK) & ~kept.any(axis=1)
        return Weights(weight, kept, np.where(nobody, int(Status.TOO_FEW), fit.status))

    def _untruncated(self, sample: Sample, kept: Bools) -> Floats:
        treated = sample.observed.treated
        weight = np.where(kept, weighting.ipw(_score(sample, kept), treated, self.target), 1.0)
        return weight * weighting.share_of_arm(treated, kept) if self.stabilised else weight

    def through_weights(self, sample: Sample, made: Weights, gradient: Floats) -> Floats:
        """Through the coefficients of the logistic model and, if stabilised, the share of the treated."""
        fit, observed = sample.propensity, sample.observed
        kept = made.present
        plain, score = self._untruncated(sample, kept), _score(sample, kept)
        moving = kept & (plain == made.weight)  # who is truncated stays where the quantile is
        gradient = np.where(moving, gradient, 0.0)
        slope = gradient * weighting.ipw_slope(score, observed.treated, self.target)
        if self.stabilised:
            slope *= weighting.share_of_arm(observed.treated, kept)
        x, term_of = sample.columns(propensity_terms(sample.plan, observed.variable))
        use = np.ones((len(x), x.shape[2]), np.bool_)
        if isinstance(fit, StepwiseFit):
            use = fit.selected[:, list(term_of)]
        ok = sample.scored
        influence = logistic_influence(x, use, observed.treated, _score(sample, ok), slope, present=ok)
        if self.stabilised:
            arm = observed.treated
            by_share = np.where(moving, gradient * plain / weighting.share_of_arm(arm, kept), 0.0) * np.where(
                arm, 1.0, -1.0
            )
            size = np.maximum(kept.sum(axis=1, keepdims=True), 1)
            share = (kept & arm).sum(axis=1, keepdims=True) / size
            total = np.cumsum(by_share, axis=1)[:, -1:]
            influence += np.where(kept, total * (arm - share) / size, 0.0)
        return influence


class EntropyBalance(WeightedEstimator):
    """Weights by which the propensity model's candidates have exactly the means of the target, ``target``.

    ``moments: 2`` balances their squares as well. NOT_CONVERGED where no weights can do it. ``se: estimated`` allows
    for weights and target means that another sample of patients would change.
    """

    kind: Literal["entropy-balance"] = "entropy-balance"
    name: Name = "entropy-balance"
    target: Literal["att", "ate", "atc"] = "att"
    moments: Literal[1, 2] = 1

    def weights(self, sample: Sample) -> Weights:
        """The balancing weights and their status."""
        observed = sample.observed
        x, _ = sample.columns(propensity_terms(sample.plan, observed.variable))
        made = entropy_balance(x, observed.treated, self.target, moments=self.moments, present=observed.present)
        ok = (made.status == Status.OK)[:, None] & observed.present
        return Weights(np.where(ok, made.weight, 1.0), ok, made.status)

    def through_weights(self, sample: Sample, made: Weights, gradient: Floats) -> Floats:
        """Through the dual's coefficients and the target's means."""
        treated = sample.observed.treated
        x, _ = sample.columns(propensity_terms(sample.plan, sample.observed.variable))
        return balancing_influence(
            x, treated, made.weight, gradient, self.target, present=made.present, moments=self.moments
        )


def _score(sample: Sample, kept: Bools) -> Floats:
    """The propensity score, 0.5 in those who are left out."""
    return np.where(kept, sample.propensity.fitted, 0.5)


def _wald(sample: Sample, value: Floats, se: Floats, n: Ints, events: Ints, status: Ints) -> Estimate:
    """The estimate with its Wald interval; NO_INFO where the standard error is 0."""
    state = np.where((status == Status.OK) & ~(se > 0), int(Status.NO_INFO), status)
    return wald(value, se, n, events, state, sample.plan.survival.level)
