"""Remedies for immortal time: each sets time zero, or the exposure, so that no one must survive to be treated.

All use when treatment started. In a world where that is at time zero, the landmark analysis is conditional on survival
to the landmark, and delayed entry and time-dependent exposure are the Cox model of everyone.

Each answers a question of its own. The landmark analysis compares hazards after the landmark among each arm's own
survivors to it. Clone-censor-weight compares two strategies of starting. Delayed entry and time-dependent exposure
compare being under treatment with not yet, a state that patients reach by surviving: no contrast of two arms is their
truth, and a study's target alone tells how far they are from what is asked.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from analysis.estimators.base import Estimate, EstimatorSpec, Sample, wald, with_status
from analysis.estimators.clone_censor_weight import clones
from analysis.estimators.resampling import bootstrapped, spread
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan, cox_terms, propensity_terms
from analysis.survival import time_zero
from analysis.survival.time_zero import CountingRows
from simulator.cohort.estimand import Estimand
from simulator.cohort.terms import Variable
from simulator.documents.spec import TIME, Name, NonNegative, Positive
from simulator.numerics.arrays import Floats, Ints


class Remedy(EstimatorSpec):
    """Cox regression on treatment with rows that know when it started; ``adjusted`` adds the plan's Cox covariates."""

    adjusted: bool = False

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:
        """The log hazard ratio of being under treatment, given the covariates where they are adjusted for."""
        given = cox_terms(plan, variables) if self.adjusted else ()
        return Estimand(population="all", measure="exposure_log_hr", endpoint=endpoint, adjusted_for=given)

    def rows(self, sample: Sample, endpoint: str) -> CountingRows:
        """The rows that the Cox model sees."""
        raise NotImplementedError

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The coefficient of treatment with its model-based SE; ``n`` and ``events`` count patients of the rows."""
        rows, plan = self.rows(sample, endpoint), sample.plan.survival
        x = sample.columns(cox_terms(sample.plan, sample.observed.variable))[0] if self.adjusted else None
        fit = rows.fit(x, ties=plan.ties)
        patients = rows.present.reshape(len(rows.present), -1, sample.observed.treated.shape[1]).any(axis=1).sum(axis=1)
        return wald(fit.beta[:, 0], fit.se[:, 0], patients, fit.events, fit.state[:, 0], plan.level)


class Landmark(Remedy):
    """Patients at risk after the landmark, ``at``, compared by whether they had started by then.

    Its hazard ratio is one among survivors to the landmark. It holds late starters for untreated, and its truth does
    not: there the treated have started by the landmark, and the untreated never start. The landmark is at 3 months
    unless stated, in the world's unit of time.
    """

    kind: Literal["landmark"] = "landmark"
    name: Name = "landmark"
    at: Annotated[Positive, TIME] = 3.0

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:
        """The log hazard ratio after the landmark, marginal or given the covariates."""
        given = cox_terms(plan, variables) if self.adjusted else ()
        return Estimand(
            population="all",
            measure="conditional_log_hr" if self.adjusted else "marginal_log_hr",
            endpoint=endpoint,
            adjusted_for=given,
            landmark=self.at,
        )

    def rows(self, sample: Sample, endpoint: str) -> CountingRows:
        """Those at risk at the landmark."""
        observed, course = sample.observed, sample.observed.endpoints[endpoint]
        return time_zero.landmark(course.time, course.event, observed.start, observed.present, self.at)


class DelayedEntry(Remedy):
    """The treated enter the risk sets at their start of treatment, the untreated at time zero.

    What the treated lived through untreated counts in no arm: some of the bias remains.
    """

    kind: Literal["delayed-entry"] = "delayed-entry"
    name: Name = "delayed-entry"

    def rows(self, sample: Sample, endpoint: str) -> CountingRows:
        """Everyone, the treated from their start on."""
        observed, course = sample.observed, sample.observed.endpoints[endpoint]
        return time_zero.delayed_entry(course.time, course.event, observed.start, observed.present)


class TimeDependent(Remedy):
    """Treatment as a time-dependent exposure: untreated until the start, treated after it."""

    kind: Literal["time-dependent"] = "time-dependent"
    name: Name = "time-dependent"

    def rows(self, sample: Sample, endpoint: str) -> CountingRows:
        """Two rows for who starts after time zero."""
        observed, course = sample.observed, sample.observed.endpoints[endpoint]
        return time_zero.time_dependent(course.time, course.event, observed.start, observed.present)


class CloneCensorWeight(EstimatorSpec):
    """Clone, censor, weight: start within ``grace`` against never start within it.

    The models of starting have all candidates of the plan's propensity model. The SE is robust by patient and takes
    the weights for known, which is approximate; ``boots`` bootstrap samples of patients, all models refitted, give it
    instead. Where starts are at time zero, any grace counts untreated patients into the treated arm until its end. It
    is 3 months unless stated, in the world's unit of time.
    """

    kind: Literal["clone-censor-weight"] = "clone-censor-weight"
    name: Name = "clone-censor-weight"
    grace: Annotated[NonNegative, TIME] = 3.0
    boots: Annotated[int, Field(ge=0, le=10_000)] = 0

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The marginal log hazard ratio of the two strategies in everyone."""
        return Estimand(population="all", measure="marginal_log_hr", endpoint=endpoint, grace=self.grace)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The weighted coefficient of the strategy; the status of a model of starting where that failed.

        With ``boots``, NOT_CONVERGED where fewer than half of the bootstrap samples have an estimate.
        """
        observed, course = sample.observed, sample.observed.endpoints[endpoint]
        beta, se, status = self._fit(sample, endpoint)
        n = observed.present.sum(axis=1)
        events = (course.event & observed.present).sum(axis=1)
        if self.boots:
            values, enough = bootstrapped(sample, endpoint, self.boots, lambda drawn: self._fit(drawn, endpoint)[::2])
            se, _, _ = spread(values, sample.plan.survival.level)
            status = np.where(status == Status.OK, enough, status)
        return with_status(wald(beta, se, n, events, status, sample.plan.survival.level), status)

    def _fit(self, sample: Sample, endpoint: str) -> tuple[Floats, Floats, Ints]:
        """Coefficient, robust SE and status ``(R,)``."""
        observed, course = sample.observed, sample.observed.endpoints[endpoint]
        x, _ = sample.columns(propensity_terms(sample.plan, observed.variable))
        made = clones(course.time, course.event, observed.start, observed.present, x, self.grace)
        fit = made.fit(sample.plan.survival.ties)
        status = np.where(made.status == Status.OK, fit.status, made.status)
        se = fit.se if fit.robust_se is None else fit.robust_se
        return fit.beta[:, 0], se[:, 0], status
