"""Parametric survival models of treatment alone."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from analysis.estimators.base import Estimate, EstimatorSpec, Sample, wald
from analysis.kernels.status import Status
from analysis.plan.analysis_plan import Plan
from simulator.cohort.estimand import Estimand
from simulator.cohort.terms import Variable
from simulator.documents.spec import Name


class ExponentialModel(EstimatorSpec):
    """Exponential regression on treatment alone: the ratio of events per person-time, everyone included.

    The maximum likelihood estimate log(d1 / T1) - log(d0 / T0), its SE sqrt(1 / d1 + 1 / d0).
    """

    kind: Literal["exponential"] = "exponential"
    name: Name = "exponential"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The marginal log hazard ratio in everyone."""
        return Estimand(population="all", measure="marginal_log_hr", endpoint=endpoint)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The log rate ratio; TOO_FEW with one arm, NO_EVENTS, MONOTONE where an arm has no event or no time."""
        observed, course = sample.observed, sample.observed.endpoints[endpoint]
        time = np.where(observed.present, course.time, 0.0)
        bad = ~(np.isfinite(time) & (time >= 0)).all(axis=1)
        arms = [observed.present & (observed.treated == arm) for arm in (False, True)]
        size = np.stack([here.sum(axis=1) for here in arms])
        deaths = np.stack([(here & course.event).sum(axis=1) for here in arms])
        exposure = np.stack([np.where(here, course.time, 0.0).sum(axis=1) for here in arms])
        status = np.select(
            [bad, (size == 0).any(axis=0), deaths.sum(axis=0) == 0, ((deaths == 0) | (exposure == 0)).any(axis=0)],
            [Status.BAD_INPUT, Status.TOO_FEW, Status.NO_EVENTS, Status.MONOTONE],
            Status.OK,
        ).astype(np.int64)
        with np.errstate(divide="ignore", invalid="ignore"):
            rate, se = np.log(deaths / exposure), np.sqrt((1 / deaths).sum(axis=0))
            beta = rate[1] - rate[0]
        return wald(beta, se, size.sum(axis=0), deaths.sum(axis=0), status, sample.plan.survival.level)
