"""Analyses weighted by the propensity score."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from analysis import weighting
from analysis.estimators.base import Estimate, Judged, Sample, cox_on_treatment, with_status
from analysis.kernels.status import Status
from analysis.plan import Plan
from simulator.estimand import Estimand
from simulator.spec import Name
from simulator.terms import Variable


class Ipw(Judged):
    """Cox regression on treatment, weighted by the inverse of the plan's propensity score; robust (Lin-Wei) SE.

    ``target: att`` weights the untreated by the odds of treatment; ``ate`` weights everyone.
    """

    kind: Literal["ipw"] = "ipw"
    name: Name = "ipw-att"
    target: Literal["att", "ate"] = "att"

    def estimand(self, endpoint: str, plan: Plan, variables: Mapping[str, Variable]) -> Estimand:  # noqa: ARG002
        """The marginal log hazard ratio in the treated (att) or in everyone (ate)."""
        population: Literal["treated", "all"] = "treated" if self.target == "att" else "all"
        return Estimand(population=population, measure="marginal_log_hr", endpoint=endpoint)

    def estimate(self, sample: Sample, endpoint: str) -> Estimate:
        """The weighted coefficient of treatment; the propensity model's status where that failed."""
        observed, fit = sample.observed, sample.propensity
        ok = (fit.status == Status.OK)[:, None] & observed.present
        weight = np.where(ok, weighting.ipw(np.where(ok, fit.fitted, 0.5), observed.treated, self.target), 1.0)
        everyone = np.broadcast_to(np.arange(weight.shape[1]), weight.shape)
        estimate = cox_on_treatment(sample, endpoint, ok, weight=weight, cluster=everyone)
        return with_status(estimate, fit.status)
